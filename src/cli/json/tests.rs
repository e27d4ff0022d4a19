//! The text of the forms of commands. A change here breaks scripts, and has to stand in the changelog.

use dacapo::crypto::{NodeId, Version};
use dacapo::node::Receipt;

use super::*;
use crate::cli::control::ControlError;
use crate::cli::output::json_text;

const ID: &str = "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a";

fn key() -> Key {
    "a \"b\"".parse().expect("a valid key")
}

fn node() -> NodeId {
    ID.parse().expect("an id")
}

/// Asserts that a value is printed as this text, in which `ID` stands for the id of the node.
fn assert_printed(value: &impl Serialize, expected: &str) {
    assert_eq!(json_text(value).replace(ID, "ID"), expected);
}

#[test]
fn get_prints_where_the_file_came_from() {
    for (from, shown) in [(None, "null"), (Some(node()), r#""ID""#)] {
        let version = Version(3);
        let found = FoundFile { version, size: 22, from, attributes: None, place: None, is_passing: false };
        let expected = format!(r#"{{"key":"a \"b\"","version":3,"size":22,"from":{shown}}}"#);
        assert_printed(&FoundJson::new(&key(), &found), &expected);
    }
}

#[test]
fn an_error_is_an_object_too() {
    let closed = CliError::PerhapsStored { key: key(), source: ControlError::Closed };
    let head = r#"{"error":"a \"b\": perhaps stored: "#;
    assert_printed(
        &ErrorJson::new(&closed),
        &format!("{head}the connection with the node was closed\",\"exit_code\":1}}"),
    );
    let receipts = vec![Receipt { peer: node(), outcome: Ok(()) }];
    let few = CliError::TooFewReplicas { key: key(), reason: "few".to_owned(), receipts };
    let tail = r#""exit_code":1,"receipts":[{"peer":"ID","outcome":"stored"}]}"#;
    assert_printed(&ErrorJson::new(&few), &format!(r#"{{"error":"a \"b\": few",{tail}"#));
}
