//! The status page of a node, in Chromium. `DACAPO` is the path of the program.

#![expect(clippy::disallowed_methods, reason = "nothing here is replayed, and the program is built elsewhere")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use dacapo_browser::Browser;
use fantoccini::Locator;
use serde_json::json;
use tokio::time::sleep;

/// How long the page takes at most to show something. Chosen: it asks every five seconds.
const SHOWS_WITHIN: Duration = Duration::from_secs(30);

fn dacapo(data: &Path) -> Command {
    let mut command = Command::new(std::env::var("DACAPO").expect("DACAPO names the program"));
    command.env("DACAPO_DATA", data);
    command
}

/// A node that is served over HTTP, killed on drop.
struct Node {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    data: PathBuf,
    address: String,
    url: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Node {
    fn start(name: &str, more: &[&str]) -> Self {
        let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        if data.exists() {
            std::fs::remove_dir_all(&data).expect("removed");
        }
        let mut command = dacapo(&data);
        command.args(["node", "--open-cluster", "--listen", ":0", "--http", ":0"]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("it says where it listens");
            line.trim_end().to_owned()
        };
        let (address, url) = (line(), line());
        Self { child, _stdout: stdout, data, address, url }
    }

    fn put(&self, key: &str, content: &str) {
        let file = self.data.with_extension("file");
        std::fs::write(&file, content).expect("written");
        let stored = dacapo(&self.data).args(["--quiet", "put", key]).arg(&file).status().expect("it runs");
        assert!(stored.success());
    }
}

/// Waits until an expression of JavaScript holds.
async fn wait_until(browser: &Browser, expression: &str) {
    let mut waited = Duration::ZERO;
    while browser.value(expression).await != json!(true) {
        assert!(waited < SHOWS_WITHIN, "{expression}: {}", browser.value("document.body.innerText").await);
        sleep(Duration::from_millis(50)).await;
        waited += Duration::from_millis(50);
    }
}

#[tokio::test]
async fn the_status_page_shows_the_node_its_peers_its_files_and_what_happens() {
    let peer = Node::start("peer", &[]);
    let node = Node::start("node", &["--peer", &peer.address]);
    node.put("pictures/<b>holiday</b>.png", "a picture");
    let browser = Browser::start(1280, 1000, false).await;
    browser.visit(&node.url).await;
    wait_until(&browser, "document.querySelector('#peers td.good')?.textContent === 'connected'").await;
    wait_until(&browser, "document.querySelector('#files a')?.textContent === 'pictures/<b>holiday</b>.png'").await;
    assert_eq!(browser.value("document.querySelector('#attention').innerText").await, "nothing");
    assert_eq!(browser.value("document.querySelector('#files b')").await, json!(null), "a name is text");
    let got =
        "const [done] = arguments; fetch(document.querySelector('#files a').href).then((r) => r.text()).then(done);";
    let got = browser.page.execute_async(got, Vec::new()).await.expect("fetched");
    assert_eq!(got, "a picture");
    // What happens is shown as it happens.
    node.put("report", "a report");
    wait_until(&browser, "/received and written 8 bytes/.test(document.querySelector('#events').innerText)").await;
    wait_until(&browser, "document.querySelectorAll('#files tr').length === 2").await;
    browser.page.find(Locator::Css("#scrub")).await.expect("there").click().await.expect("clicked");
    wait_until(&browser, "/^done: 2 files, .* 0 damaged$/.test(document.querySelector('#scrubbing').textContent)")
        .await;
    browser.page.find(Locator::Css("#prefix")).await.expect("there").send_keys("rep").await.expect("typed");
    wait_until(&browser, "document.querySelector('#files').innerText.startsWith('report')").await;
    browser.assert_looks_like("status").await;
    drop(peer);
    wait_until(&browser, "/no peer is connected/.test(document.querySelector('#attention').innerText)").await;
    drop(node);
    wait_until(&browser, "document.querySelector('#state').textContent === 'the node does not answer'").await;
    browser.close().await;
}

#[tokio::test]
async fn the_status_page_fits_a_narrow_dark_screen_and_asks_for_a_token() {
    let token = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("token");
    std::fs::write(&token, "0123456789abcdef\n").expect("written");
    let node = Node::start("narrow-node", &["--http-token", token.to_str().expect("a plain path")]);
    node.put(&"a-long-name-".repeat(20), "x");
    let browser = Browser::start(400, 1000, true).await;
    browser.visit(&node.url).await;
    wait_until(&browser, "!document.querySelector('#login').hidden").await;
    let field = browser.page.find(Locator::Css("#token")).await.expect("there");
    let button = browser.page.find(Locator::Css("#login button")).await.expect("there");
    // What is copied with the token.
    field.send_keys("0123456789abcdef\u{200b}").await.expect("typed");
    button.click().await.expect("clicked");
    wait_until(&browser, "/^a token is /.test(document.querySelector('#state').textContent)").await;
    assert_eq!(browser.value("sessionStorage.getItem('token')").await, json!(null));
    field.clear().await.expect("cleared");
    field.send_keys("0123456789abcdef").await.expect("typed");
    button.click().await.expect("clicked");
    wait_until(&browser, "document.querySelectorAll('#files tr').length === 1").await;
    assert_eq!(browser.value("location.href.includes('0123456789abcdef')").await, false);
    assert_eq!(browser.value("getComputedStyle(document.body).backgroundColor").await, "rgb(20, 22, 26)");
    assert_eq!(browser.value("document.documentElement.scrollWidth").await, 400, "nothing is cut off");
    browser.assert_looks_like("status-narrow-dark").await;
    browser.close().await;
}
