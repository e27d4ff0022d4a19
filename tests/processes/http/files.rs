//! Files over HTTP: stored, got in whole and in part, listed and deleted; and what is refused.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use super::{Answer, CONTENT, Face, read_answer};
use crate::support::bench::{Bench, files_under, wait_until};

#[test]
fn a_file_is_stored_got_listed_and_deleted_over_http() {
    let bench = Bench::new();
    let peer = bench.node("n1", &[]);
    let face = Face::new(&bench, "n2", &[&peer]);
    face.node.connected(&bench, 1);
    let stored = face.ask("PUT", "/v1/files/a/b%20%C3%A4", "", CONTENT);
    assert_eq!((stored.status, &stored.json()["key"], &stored.json()["replicas"]), (200, &"a/b ä".into(), &1.into()));
    let version = stored.json()["version"].to_string();
    assert_eq!(stored.header("etag"), Some(format!("\"{version}\"").as_str()));
    let got = face.get("/v1/files/a/b%20%C3%A4");
    assert_eq!((got.status, got.body.as_slice()), (200, CONTENT));
    assert_eq!((got.header("content-length"), got.header("accept-ranges")), (Some("22"), Some("bytes")));
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
    assert!(got.header("date").is_some_and(|date| date.ends_with(" GMT")), "{}", got.head);
    // The command line sees the same file.
    assert_eq!(bench.succeed(&face.node.data, &["get", "a/b ä"]).as_bytes(), CONTENT);

    let head = face.ask("HEAD", "/v1/files/a/b%20%C3%A4", "", b"");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("22"), 0));
    for (method, length) in [("GET", None), ("HEAD", Some("22"))] {
        let known = format!("If-None-Match: \"{version}\"\r\n");
        let unchanged = face.ask(method, "/v1/files/a/b%20%C3%A4", &known, b"");
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        assert_eq!(unchanged.header("content-length"), length, "{method}");
    }

    let stat = face.get("/v1/stat/a/b%20%C3%A4").json();
    assert_eq!((&stat["size"], &stat["local"]), (&22.into(), &true.into()));
    let holders = face.get("/v1/holders/a/b%20%C3%A4?verify=true").json();
    assert_eq!((&holders[0]["holds"], &holders[0]["fresh"]), (&"current".into(), &true.into()));

    assert_eq!(face.ask("DELETE", "/v1/copies/a/b%20%C3%A4?min_replicas=2", "", b"").status, 409);
    assert_eq!(face.ask("DELETE", "/v1/copies/a/b%20%C3%A4", "", b"").status, 200);
    for (path, why) in
        [("a/b%20%C3%A4", "there is no local copy of it"), ("never", "this node has stored no such file")]
    {
        let absent = face.ask("DELETE", &format!("/v1/copies/{path}"), "", b"");
        assert_eq!((absent.status, &absent.json()["error"]), (404, &why.into()));
    }
    let unkept = face.get("/v1/files/a/b%20%C3%A4?keep=false");
    assert_eq!((unkept.status, unkept.body.as_slice()), (200, CONTENT));
    assert_eq!(face.get("/v1/stat/a/b%20%C3%A4").json()["local"], false);
    let back = face.get("/v1/files/a/b%20%C3%A4");
    assert_eq!((back.status, back.body.as_slice()), (200, CONTENT));
    assert_eq!(back.header("dacapo-from").map(str::len), Some(64));

    let changed = face.ask("DELETE", "/v1/files/a/b%20%C3%A4", "If-Match: \"1\"\r\n", b"");
    assert_eq!(changed.status, 412, "{}", changed.text());
    let deleted = face.ask("DELETE", "/v1/files/a/b%20%C3%A4", &format!("If-Match: \"{version}\"\r\n"), b"");
    assert_eq!((deleted.status, &deleted.json()["peers"]), (200, &1.into()), "{}", deleted.text());
    let gone = face.get("/v1/files/a/b%20%C3%A4");
    assert_eq!((gone.status, &gone.json()["outcome"]), (410, &"rejected".into()));
    assert_eq!(face.get("/v1/files/never").status, 404);
}

#[test]
fn a_part_of_a_file_is_that_part() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let content: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(face.ask("PUT", "/v1/files/a", "", &content).status, 200);
    let size = content.len();
    for (range, part) in [
        ("0-0", 0..1),
        ("262143-262144", 262_143..262_145),
        ("1000000-", 1_000_000..size),
        ("-5", size - 5..size),
        ("0-99999999", 0..size),
    ] {
        let got = face.ask("GET", "/v1/files/a", &format!("Range: bytes={range}\r\n"), b"");
        let expected = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!((got.status, got.header("content-range")), (206, Some(expected.as_str())), "{range}");
        assert!(got.body == content[part], "{range}");
    }
    let outside = face.ask("GET", "/v1/files/a", "Range: bytes=2800000-\r\n", b"");
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */2800000")));
    let several = face.ask("GET", "/v1/files/a", "Range: bytes=0-1,5-6\r\n", b"");
    assert_eq!((several.status, several.body.len()), (200, size));
    let other = face.ask("GET", "/v1/files/a", "Range: bytes=0-0\r\nIf-Range: \"1\"\r\n", b"");
    assert_eq!((other.status, other.body.len()), (200, size), "a part of another version does not fit");
    let twice = face.ask("GET", "/v1/files/a", "Range: bytes=0-0\r\nIf-Range: \"1\"\r\nIf-Range: \"2\"\r\n", b"");
    assert_eq!((twice.status, twice.body.len()), (200, size), "nor does one of two others");
}

#[test]
fn a_part_that_rots_while_it_is_read_breaks_off() {
    const SIZE: usize = 40_000_000;
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    assert_eq!(face.ask("PUT", "/v1/files/a", "", &vec![7; SIZE]).status, 200);
    let files = files_under(&face.node.data).into_iter();
    let copy = files.max_by_key(|file| fs::metadata(file).map_or(0, |there| there.len())).expect("a file");
    for (range, len) in [("0-38999999", 39_000_000), ("0-", SIZE)] {
        let mut stream = face.connect();
        let head = format!("GET /v1/files/a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", face.address);
        stream.write_all(format!("{head}Range: bytes={range}\r\n\r\n").as_bytes()).expect("sent");
        // With its first byte all is verified, and a reader that is slow is waited for.
        stream.peek(&mut [0]).expect("it begins");
        let file = OpenOptions::new().write(true).open(&copy).expect("it is there");
        file.write_all_at(b"rot", 38_000_000).expect("written");
        let answer = read_answer(&mut stream);
        assert!(answer.body.len() < len, "{range}: {} bytes", answer.body.len());
        file.write_all_at(&[7; 3], 38_000_000).expect("written");
    }
}

#[test]
fn a_key_that_was_not_encoded_names_no_other_file() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    assert_eq!(face.ask("PUT", "/v1/files/a", "", CONTENT).status, 200);
    for (method, path) in [
        ("GET", "/v1/files/a?"),
        ("HEAD", "/v1/files/a?"),
        ("GET", "/v1/stat/a?"),
        ("GET", "/v1/holders/a?"),
        ("DELETE", "/v1/files/a?"),
        ("DELETE", "/v1/copies/a?"),
        ("DELETE", "/v1/copies/a?min_replicas=0&x"),
        ("PUT", "/v1/files/100%"),
        ("PUT", "/v1/files/%zz"),
        ("GET", "/v1/files/a%"),
    ] {
        assert_eq!(face.ask(method, path, "", b"").status, 400, "{method} {path}");
    }
    assert_eq!(face.get("/v1/stat/a").json()["local"], true);
}

#[test]
fn a_listing_comes_in_pages() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    for key in ["a/1", "a/2", "a/3", "b"] {
        assert_eq!(face.ask("PUT", &format!("/v1/files/{key}"), "", key.as_bytes()).status, 200);
    }
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = face.get(&format!("/v1/files?prefix=a/&limit=2{after}")).json();
        keys.extend(page["files"].as_array().expect("a list").iter().map(|file| file["key"].clone()));
        assert!(!page["files"].as_array().expect("a list").is_empty(), "the last page is known as such");
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(keys, ["a/1", "a/2", "a/3"]);
    let beyond = ["limit=0", "limit=1025", "limit=x"];
    for query in beyond.iter().chain(&["after=", "page=3", "prefix=a&prefix=b", "prefix=%FF", "after=%E2", "prefix=%z"])
    {
        let refused = face.get(&format!("/v1/files?{query}"));
        assert_eq!((refused.status, &refused.json()["outcome"]), (400, &"rejected".into()), "{query}");
    }
    for (asked, told) in [
        ("files?limit=x", "the parameter limit is \"x\"; it has to be a number from 1 to 1024"),
        ("files?page=3", "this path has no parameter \"page\"; it has prefix, after, limit"),
        ("files/a/1?keep=no", "the parameter keep is \"no\"; it has to be true or false"),
        ("holders/a/1?verify=", "the parameter verify is \"\"; it has to be true or false"),
    ] {
        assert_eq!(face.get(&format!("/v1/{asked}")).json()["error"], told);
    }
}

#[test]
fn content_that_breaks_off_is_not_stored() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let stored = face.ask("PUT", "/v1/files/a", "", b"the first");
    let put = |rest: &str| {
        let mut stream = face.connect();
        let head = format!("PUT /v1/files/a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{rest}", face.address);
        stream.write_all(head.as_bytes()).expect("sent");
        stream
    };
    for rest in [
        "Content-Length: 10\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
    ] {
        let mut stream = put(rest);
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        drop(stream.read_to_end(&mut Vec::new()));
    }
    // A later store of the same file waits for those before it.
    let version = |answer: &Answer| answer.json()["version"].as_u64().expect("a version");
    let later = face.ask("PUT", "/v1/files/a", "", b"the second");
    assert!(version(&later) > version(&stored));
    // The log has a thread of its own. It tells in order, and so of the last store last.
    let last = format!(" v{}\n", version(&later));
    wait_until("the last store is told of", || face.node.events().contains(&last));
    let written = face.node.events().matches("received and written").count();
    assert_eq!(written, 2, "{}", face.node.events());
    let mut whole = put("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n4\r\nmore\r\n0\r\n\r\n");
    assert_eq!(read_answer(&mut whole).status, 200);
    assert_eq!(face.get("/v1/files/a").text(), "halfmore");
    let mut lengthless = put("\r\n");
    assert_eq!(read_answer(&mut lengthless).status, 411, "a content that was forgotten replaces nothing");
    let mut packed = put("Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n");
    assert_eq!(read_answer(&mut packed).status, 501);
    assert_eq!(face.get("/v1/files/a").text(), "halfmore");
}

#[test]
fn an_empty_file_is_a_file() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    assert_eq!(face.ask("PUT", "/v1/files/empty", "", b"").status, 200);
    let got = face.get("/v1/files/empty");
    assert_eq!((got.status, got.header("content-length"), got.body.len()), (200, Some("0"), 0));
    let part = face.ask("GET", "/v1/files/empty", "Range: bytes=0-\r\n", b"");
    assert_eq!((part.status, part.header("content-range")), (416, Some("bytes */0")));
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    assert_eq!(face.ask("PUT", "/v1/files/a", "", b"the first").status, 200);
    for (header, status) in [
        ("If-None-Match: *", 501),
        ("If-Match: \"1\"", 501),
        ("Content-Range: bytes 0-4/9", 400),
        ("Content-Encoding: gzip", 415),
    ] {
        let refused = face.ask("PUT", "/v1/files/a", &format!("{header}\r\n"), b"other");
        assert_eq!((refused.status, &refused.json()["outcome"]), (status, &"rejected".into()), "{header}");
    }
    let long = "k".repeat(1025);
    // A question mark that was not encoded would name another file.
    for (method, path) in [
        ("PUT", "/v1/files/a?.txt"),
        ("DELETE", "/v1/files/a?min_replicas=2"),
        ("GET", "/v1/stat/a?b"),
        ("GET", "/v1/peers?a"),
        ("GET", "/v1/status?a"),
        ("GET", "/v1/events?a"),
        ("POST", "/v1/scrub?dry_run=true"),
    ] {
        assert_eq!(face.ask(method, path, "", b"other").status, 400, "{method} {path}");
    }
    let (match_one, since) = ("If-Match: \"1\"\r\n", "If-Unmodified-Since: Sun, 29 Nov 2026 00:00:00 GMT\r\n");
    for (method, path, header, status) in [
        ("GET", "/v1/files/a", match_one, 412),
        ("HEAD", "/v1/files/a", match_one, 412),
        ("DELETE", "/v1/copies/a?min_replicas=0", match_one, 501),
        ("DELETE", "/v1/files/a", since, 501),
        ("DELETE", "/v1/files/a", "If-None-Match: *\r\n", 501),
    ] {
        assert_eq!(face.ask(method, path, header, b"").status, status, "{method} {path} {header}");
    }
    for path in ["/v1/files/%00", "/v1/files/%ff", "/v1/files/a%0ab", &format!("/v1/files/{long}")] {
        assert_eq!(face.ask("PUT", path, "", b"other").status, 400, "{path}");
    }
    for (method, path, status) in [
        ("GET", "/page", 404),
        ("GET", "/v1/files/", 404),
        ("GET", "/v2/files", 404),
        ("POST", "/v1/files/a", 405),
        ("GET", "/v1/scrub", 405),
        ("DELETE", "/v1/files/a", 400),
    ] {
        let refused = face.ask(method, path, "If-Match: nothing\r\n", b"");
        assert_eq!((refused.status, &refused.json()["outcome"]), (status, &"rejected".into()), "{method} {path}");
    }
    assert_eq!(face.get("/v1/files/a").text(), "the first");
}
