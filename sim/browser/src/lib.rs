//! A browser that a test drives: Chromium, by the WebDriver protocol (W3C, 2018).

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the driver takes at most to start. Chosen: far above what a busy machine needs.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How often the driver is started at most. It binds any free port of IPv6, and ends if another program has the same
/// port of IPv4: 1 of 480 starts did, side by side.
const STARTS_MAX: usize = 5;

/// From this on two pictures are alike, if 1 is the same picture. Chosen: other fonts give more, a page without its
/// lanes gives 0.36, and one without its style 0.25.
const ALIKE: f64 = 0.8;

/// The width to which pictures are made small, in pixels.
const SMALL: u32 = 160;

/// A window of Chromium is at least this wide, in pixels; a narrower screen is that of an emulated phone.
const WINDOW_WIDTH_MIN: u32 = 500;

/// A browser without a window. It ends with the value.
pub struct Browser {
    /// The page that is open.
    pub page: Client,
    _driver: Child,
}

impl Browser {
    /// Starts a browser whose window or screen has this size, in pixels.
    ///
    /// # Panics
    /// If there is no `chromedriver`, or it starts none of [`STARTS_MAX`] times.
    pub async fn start(width: u32, height: u32, is_dark: bool) -> Self {
        let (driver, port) = driver().await;
        let mut arguments = vec!["--headless=new".to_owned(), "--no-sandbox".to_owned(), "--disable-gpu".to_owned()];
        arguments.extend(["--disable-dev-shm-usage".to_owned(), format!("--window-size={width},{height}")]);
        arguments.extend(is_dark.then(|| "--force-dark-mode".to_owned()));
        let mut options = json!({"args": arguments});
        if width < WINDOW_WIDTH_MIN {
            let metrics = json!({"width": width, "height": height, "pixelRatio": 1.0, "touch": false});
            options["mobileEmulation"] = json!({"deviceMetrics": metrics});
        }
        let mut capabilities = Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session");
        Self { page, _driver: driver }
    }

    /// Opens a file.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn open(&self, path: &Path) {
        self.visit(&format!("file://{}", path.display())).await;
    }

    /// Opens a page that is served.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn visit(&self, url: &str) {
        self.page.goto(url).await.expect("opened");
    }

    /// Returns what an expression of JavaScript is on the page.
    ///
    /// # Panics
    /// If it throws.
    pub async fn value(&self, expression: &str) -> Value {
        self.page.execute(&format!("return ({expression});"), Vec::new()).await.expect("evaluated")
    }

    /// Compares what is seen of the page with a picture that was looked at, `docs/pictures/NAME.png`. Both are made
    /// small and grey, so that other fonts matter little, and a page that lies differently matters.
    ///
    /// # Panics
    /// If they are not alike, or if there is no such picture. What is seen is left below `target`.
    pub async fn assert_looks_like(&self, name: &str) {
        let seen = self.page.screenshot().await.expect("a screenshot");
        let seen_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(format!("{name}.png"));
        std::fs::write(&seen_path, &seen).expect("written");
        let kept_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures").join(format!("{name}.png"));
        let kept = std::fs::read(&kept_path).unwrap_or_default();
        let likeness = likeness(&kept, &seen);
        let (seen_path, kept_path) = (seen_path.display(), kept_path.display());
        assert!(
            likeness.is_some_and(|likeness| likeness >= ALIKE),
            "look at {seen_path}: if it is as it should be, it is to become {kept_path}; they are alike to {likeness:?}"
        );
    }

    /// Ends the session.
    ///
    /// # Panics
    /// If the driver does not answer.
    pub async fn close(self) {
        self.page.close().await.expect("closed");
    }
}

/// Starts the driver. Returns it with its port.
async fn driver() -> (Child, String) {
    for _ in 0..STARTS_MAX {
        let mut driver = Command::new("chromedriver");
        let driver = driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().expect("chromedriver is installed");
        let mut said = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = timeout(STARTS_WITHIN, async {
            while let Some(line) = said.next_line().await.expect("readable") {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return Some(port.trim_end_matches('.').to_owned());
                }
            }
            None
        });
        if let Some(port) = port.await.expect("chromedriver starts in time") {
            return (driver, port);
        }
    }
    panic!("chromedriver has ended {STARTS_MAX} times");
}

/// Returns how alike two pictures are, unless one is none or they have other proportions.
fn likeness(one: &[u8], other: &[u8]) -> Option<f64> {
    let [one, other] = [one, other].map(|bytes| image::load_from_memory(bytes).ok());
    let (one, other) = (one?, other?);
    let small = |image: &image::DynamicImage| {
        let height = (image.height() * SMALL / image.width().max(1)).max(1);
        image.resize_exact(SMALL, height, image::imageops::FilterType::Triangle).to_luma8()
    };
    let structure = image_compare::Algorithm::MSSIMSimple;
    image_compare::gray_similarity_structure(&structure, &small(&one), &small(&other)).ok().map(|found| found.score)
}
