//! Conditions of a request: which version the caller knows (RFC 9110, section 13). Pure.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use super::failure::Failure;
use crate::crypto::Version;

/// What a request says of the version that its caller knows.
#[derive(Debug)]
pub(super) struct Conditions {
    /// `If-Match`: only if this is the current version.
    wanted: Option<Tags>,
    /// `If-None-Match`: only if this is not the current version.
    unwanted: Option<Tags>,
}

/// The entity tags of a header.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// Every version, whichever it is.
    Any,
    /// These, in their quotation marks, and whether each is weak.
    Some(Vec<(bool, String)>),
}

/// What follows from the conditions of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is to be done.
    Met,
    /// The caller has the current version already.
    Known,
    /// Another version is current than the caller wants.
    Other,
}

impl Conditions {
    /// Reads what a request says. Several lines of a header count as one (RFC 9110, 5.3).
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        Ok(Self { wanted: tags(headers, &header::IF_MATCH)?, unwanted: tags(headers, &header::IF_NONE_MATCH)? })
    }

    /// Whether the current version plays a part.
    pub(super) fn are_there(&self) -> bool {
        self.wanted.is_some() || self.unwanted.is_some()
    }

    /// Judges a version, in the order of RFC 9110, 13.2.2.
    pub(super) fn judge(&self, version: Version) -> Verdict {
        if self.wanted.as_ref().is_some_and(|tags| !tags.name(version, false)) {
            Verdict::Other
        } else if self.unwanted.as_ref().is_some_and(|tags| tags.name(version, true)) {
            Verdict::Known
        } else {
            Verdict::Met
        }
    }
}

impl Tags {
    /// Whether a version is among them. Weak tags count where that is enough (RFC 9110, 8.8.3.2).
    fn name(&self, version: Version, is_weak_enough: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Some(tags) => {
                tags.iter().any(|(is_weak, tag)| (is_weak_enough || !is_weak) && *tag == tag_of(version))
            }
        }
    }
}

/// Writes a version as an entity tag (RFC 9110, 8.8.3).
pub(super) fn tag_of(version: Version) -> String {
    format!("\"{}\"", version.0)
}

/// Refuses what was asked of another version than the current one.
pub(super) fn refuse(current: Version) -> Failure {
    Failure::new(StatusCode::PRECONDITION_FAILED, &format_args!("the version is {}", current.0))
}

/// Refuses conditions that would have to be looked at and cannot: one that is passed over could cost a file.
pub(super) fn refuse_all(headers: &HeaderMap, refused: &[HeaderName], why: &str) -> Result<(), Failure> {
    match refused.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => Err(Failure::new(StatusCode::NOT_IMPLEMENTED, &format_args!("{name}: {why}"))),
        None => Ok(()),
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Failure> {
    let wrong = || Failure::bad_request(&format_args!("{name} names versions, such as \"1767225600522\", or is *"));
    let mut tags = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| wrong())?;
        if line.trim() == "*" {
            return Ok(Some(Tags::Any));
        }
        // No version has a comma in its tag.
        for tag in line.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            let (is_weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
            if tag.len() < 2 || !tag.starts_with('"') || !tag.ends_with('"') {
                return Err(wrong());
            }
            tags.push((is_weak, tag.to_owned()));
        }
    }
    match (headers.contains_key(name), tags.is_empty()) {
        (true, true) => Err(wrong()),
        (is_there, _) => Ok(is_there.then_some(Tags::Some(tags))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Reads `If-Match` and `If-None-Match`, each of which may have several lines.
    fn read(wanted: &[&'static str], unwanted: &[&'static str]) -> Result<Conditions, Failure> {
        let lines = |name: HeaderName, lines: &[&'static str]| -> Vec<_> {
            lines.iter().map(|line| (name.clone(), HeaderValue::from_static(line))).collect()
        };
        let headers = [lines(header::IF_MATCH, wanted), lines(header::IF_NONE_MATCH, unwanted)].concat();
        Conditions::read(&headers.into_iter().collect())
    }

    #[test]
    fn conditions_are_judged_as_the_standard_says() {
        for (wanted, unwanted, expected) in [
            (&[][..], &[][..], Verdict::Met),
            (&["\"7\""], &[], Verdict::Met),
            (&["*"], &[], Verdict::Met),
            (&["\"1\", \"7\""], &[], Verdict::Met),
            (&["\"1\"", "\"7\""], &[], Verdict::Met),
            (&["\"1\""], &[], Verdict::Other),
            // A weak tag is not enough for a change.
            (&["W/\"7\""], &[], Verdict::Other),
            (&[], &["\"7\""], Verdict::Known),
            (&[], &["W/\"7\""], Verdict::Known),
            (&[], &["*"], Verdict::Known),
            (&[], &["\"1\"", "\"2\" ,\"7\""], Verdict::Known),
            (&[], &["\"1\""], Verdict::Met),
            // What has to match comes first.
            (&["\"1\""], &["\"7\""], Verdict::Other),
            (&["\"7\""], &["\"7\""], Verdict::Known),
        ] {
            let conditions = read(wanted, unwanted).expect("conditions");
            assert_eq!(conditions.judge(Version(7)), expected, "{wanted:?} {unwanted:?}");
        }
        assert!(!read(&[], &[]).expect("none").are_there());
    }

    #[test]
    fn what_is_no_entity_tag_is_refused() {
        for wrong in ["", "7", "\"7", "\"", "W/7", "\"1\", 7", "* , \"7\""] {
            for read in [read(&[wrong], &[]), read(&[], &[wrong])] {
                assert_eq!(read.expect_err(wrong).status, StatusCode::BAD_REQUEST);
            }
        }
    }
}
