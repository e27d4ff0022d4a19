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

/// A browser without a window. It ends with the value.
pub struct Browser {
    /// The page that is open.
    pub page: Client,
    _driver: Child,
}

impl Browser {
    /// Starts a browser whose window has this size, in pixels.
    ///
    /// # Panics
    /// If there is no `chromedriver`, or it does not start.
    pub async fn start(width: u32, height: u32, is_dark: bool) -> Self {
        let mut driver = Command::new("chromedriver");
        let driver = driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().expect("chromedriver is installed");
        let mut said = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = timeout(STARTS_WITHIN, async {
            while let Some(line) = said.next_line().await.expect("readable") {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').to_owned();
                }
            }
            panic!("chromedriver has ended");
        });
        let port = port.await.expect("chromedriver starts in time");
        let mut arguments = vec!["--headless=new".to_owned(), "--no-sandbox".to_owned(), "--disable-gpu".to_owned()];
        arguments.extend(["--disable-dev-shm-usage".to_owned(), format!("--window-size={width},{height}")]);
        arguments.extend(is_dark.then(|| "--force-dark-mode".to_owned()));
        let mut capabilities = Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({"args": arguments}));
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
        self.page.goto(&format!("file://{}", path.display())).await.expect("opened");
    }

    /// Returns what an expression of JavaScript is on the page.
    ///
    /// # Panics
    /// If it throws.
    pub async fn value(&self, expression: &str) -> Value {
        self.page.execute(&format!("return ({expression});"), Vec::new()).await.expect("evaluated")
    }

    /// Ends the session.
    ///
    /// # Panics
    /// If the driver does not answer.
    pub async fn close(self) {
        self.page.close().await.expect("closed");
    }
}
