//! The pages of a run and of a sweep, in Chromium. `DACAPO_SIM` is the path of the harness.

use std::path::PathBuf;
use std::process::Command;

use dacapo_browser::Browser;
use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;

/// The window of a desk, in pixels.
const WIDE: u32 = 1280;
const HIGH: u32 = 1000;

/// The screen of a phone.
const NARROW: u32 = 400;

/// Has the harness break a promise, and write what it has to say to a path below `target`.
#[expect(clippy::disallowed_methods, reason = "nothing here is replayed, and the harness is built elsewhere")]
fn written(name: &str, arguments: &[&str]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let sim = std::env::var("DACAPO_SIM").expect("DACAPO_SIM names the harness");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new(sim).current_dir(root).args(arguments).arg(&path).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// The plan of the run that is shown. A plan, because a seed draws another whenever a feature is added.
const PLAN: &str = "docs/pictures/run.plan";

/// Has the harness write the page of a run that breaks a promise.
fn broken_run(name: &str) -> PathBuf {
    written(name, &["show", PLAN, "--bug", "stat-invents", "-o"])
}

/// Has the harness write the folder of a sweep that has found one bug.
fn sweep(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("removed");
    }
    let folder = written(name, &["sweep", "--seeds", "0..60", "--bug", "panic-swallowed", "--keep-going", "--out"]);
    folder.join("index.html")
}

/// Opens the page of such a run.
async fn opened(name: &str, browser: Browser) -> Browser {
    browser.open(&broken_run(name)).await;
    browser
}

async fn click(browser: &Browser, css: &str) {
    browser.page.find(Locator::Css(css)).await.expect("there").click().await.expect("clicked");
}

/// How many elements of a kind are drawn.
async fn count(browser: &Browser, css: &str) -> u64 {
    browser.value(&format!("document.querySelectorAll({css:?}).length")).await.as_u64().expect("a number")
}

#[tokio::test]
async fn a_page_opens_alone_without_an_error_and_shows_the_end() {
    let browser = opened("opens.html", Browser::start(WIDE, HIGH, false).await).await;
    assert_eq!(browser.value("problems").await, json!([]), "errors of the page itself");
    assert_eq!(browser.value("performance.getEntriesByType('resource').length").await, 0, "requests");
    let shown = browser.value("document.getElementById('verdict').textContent").await;
    assert!(shown.as_str().expect("text").starts_with("BROKEN  durable: "), "{shown}");
    assert_eq!(browser.value("state.at === run.ends").await, true);
    let hosts = browser.value("run.hosts.length").await.as_u64().expect("a number");
    assert_eq!(count(&browser, "#state .host").await, hosts);
    assert!(count(&browser, "#timeline .call").await > 3 && count(&browser, "#timeline .message").await > 3);
    let load = browser.value("Math.round(performance.timing.loadEventEnd - performance.timing.navigationStart)").await;
    let step = browser
        .value(
            "(() => { const t = performance.now(); for (let n = 0; n < steps.length; n++) go(n); \
                return (performance.now() - t) / steps.length; })()",
        )
        .await;
    println!("the page opens in {load} ms, and a step takes {step:.2} ms");
    browser.close().await;
}

#[tokio::test]
async fn keys_and_the_slider_step_through_the_run_and_the_disks_follow() {
    let browser = opened("steps.html", Browser::start(WIDE, HIGH, false).await).await;
    let body = browser.page.find(Locator::Css("#scroll")).await.expect("there");
    body.send_keys(&Key::Home.to_string()).await.expect("sent");
    assert_eq!(browser.value("state.at").await, 0);
    let files = "[...disksAt(state.at, -1).disks].map((disk) => disk.files.size).reduce((a, b) => a + b)";
    assert_eq!(browser.value(files).await, 0, "no disk holds anything at the begin");
    for _ in 0..5 {
        body.send_keys(&Key::Right.to_string()).await.expect("sent");
    }
    assert_eq!(browser.value("state.step").await, 5);
    body.send_keys(&Key::Left.to_string()).await.expect("sent");
    assert_eq!(browser.value("Number(document.getElementById('slider').value)").await, 4);
    body.send_keys(&Key::End.to_string()).await.expect("sent");
    assert!(browser.value(files).await.as_u64() > Some(6));
    // Going back gives the same as having come there.
    let back = "JSON.stringify([...steps.keys()].every((n) => { go(n); const a = $('state').textContent; \
                go(steps.length - 1); go(n); return a === $('state').textContent; }))";
    assert_eq!(browser.value(back).await, "true");
    browser.close().await;
}

#[tokio::test]
async fn filters_leave_out_what_is_not_wanted() {
    let browser = opened("filters.html", Browser::start(WIDE, HIGH, false).await).await;
    let all = count(&browser, "#timeline .message").await;
    click(&browser, "#kinds label:nth-child(5) input").await;
    assert!(count(&browser, "#timeline .message").await > all, "heartbeats come as well");
    click(&browser, "#kinds label:nth-child(4) input").await;
    assert_eq!(count(&browser, "#timeline .message").await, 0);
    click(&browser, "#hosts label:nth-child(1) input").await;
    let hosts = browser.value("run.hosts.length").await.as_u64().expect("a number");
    assert_eq!(count(&browser, "#state .host").await, hosts - 1);
    click(&browser, "#hosts label:nth-child(1) input").await;
    let find = browser.page.find(Locator::Css("#find")).await.expect("there");
    find.send_keys("call 3").await.expect("sent");
    let others =
        "[...document.querySelectorAll('#lines li')].filter((line) => !/call 3/.test(line.textContent)).length";
    assert!(count(&browser, "#lines li").await > 0);
    assert_eq!(browser.value(others).await, 0);
    browser.close().await;
}

#[tokio::test]
async fn a_click_goes_to_what_was_clicked_and_gives_the_command_that_stops_there() {
    let browser = opened("clicks.html", Browser::start(WIDE, HIGH, false).await).await;
    // A real click, in the middle of the bar; the driver says no if something else lies above it.
    let calls = browser.page.find_all(Locator::Css("#timeline .call")).await.expect("there");
    calls[0].click().await.expect("clicked");
    assert_eq!(browser.value("state.at >= run.calls[0].begin && state.at < run.ends").await, true);
    let command = browser.value("document.getElementById('command').textContent").await;
    let at = browser.value("seconds(state.at)").await;
    let expected = format!("cargo sim replay {PLAN} --bug stat-invents --until {}", at.as_str().expect("text"));
    assert_eq!(command, expected);
    browser.close().await;
}

#[tokio::test]
async fn the_page_fits_a_narrow_dark_window() {
    let browser = opened("narrow.html", Browser::start(NARROW, HIGH, true).await).await;
    assert_eq!(browser.value("matchMedia('(prefers-color-scheme: dark)').matches").await, true);
    let ground = browser.value("getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(ground, "rgb(20, 22, 26)");
    assert_eq!(browser.value("innerWidth").await, NARROW);
    assert_eq!(browser.value("document.documentElement.scrollWidth").await, NARROW, "nothing is cut off");
    browser.assert_looks_like("run-narrow-dark").await;
    browser.close().await;
}

#[tokio::test]
async fn a_page_looks_as_it_did_when_it_was_looked_at() {
    let browser = opened("looks.html", Browser::start(WIDE, HIGH, false).await).await;
    browser.assert_looks_like("run").await;
    browser.close().await;
}

#[tokio::test]
async fn the_page_of_a_sweep_leads_to_the_page_of_each_cause() {
    let browser = Browser::start(WIDE, HIGH, false).await;
    browser.open(&sweep("sweep")).await;
    assert_eq!(browser.value("performance.getEntriesByType('resource').length").await, 0, "requests");
    assert!(count(&browser, ".heat td.never").await > 0 && count(&browser, ".heat td i").await > 0);
    assert_eq!(count(&browser, ".failures td:first-child").await, 1, "one bug is one line");
    click(&browser, ".failures a").await;
    let shown = browser.value("document.getElementById('verdict').textContent").await;
    assert!(shown.as_str().expect("text").starts_with("BROKEN  "), "{shown}");
    browser.close().await;
}

#[tokio::test]
async fn the_page_of_a_sweep_fits_a_narrow_dark_window() {
    let browser = Browser::start(NARROW, HIGH, true).await;
    browser.open(&sweep("narrow-sweep")).await;
    assert_eq!(browser.value("getComputedStyle(document.body).backgroundColor").await, "rgb(20, 22, 26)");
    assert_eq!(browser.value("innerWidth").await, NARROW);
    assert_eq!(browser.value("document.documentElement.scrollWidth").await, NARROW, "nothing is cut off");
    browser.close().await;
}

#[tokio::test]
async fn what_cannot_have_led_to_the_end_is_left_out() {
    let browser = opened("past.html", Browser::start(WIDE, HIGH, false).await).await;
    let all = count(&browser, "#timeline .message").await;
    click(&browser, "#past").await;
    let past = count(&browser, "#timeline .message").await;
    assert!(0 < past && past < all, "{past} of {all}");
    // Nothing that is left was sent after its host could still be heard.
    let late =
        browser.value("run.messages.filter(([from, , , sent]) => isPast(from, sent) && sent > cut[from]).length");
    assert_eq!(late.await, 0);
    browser.close().await;
}
