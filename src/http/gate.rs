//! Who may ask. Without a token everybody on this machine may, and nobody else: a page of a browser, which runs here
//! too, is told apart by the headers that browsers add and pages cannot change (Fetch Metadata, W3C), and by the name
//! of the host, so that no name of a stranger leads here (DNS rebinding).

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::failure::Failure;
use super::limits::{TOKEN_BYTES_MAX, TOKEN_BYTES_MIN};

/// Who may ask.
#[derive(Clone, Debug)]
pub enum Gate {
    /// Everybody on this machine.
    Loopback,
    /// Everybody who names the token.
    Token(Token),
    /// Everybody who reaches the port: for a network that reaches nobody else, as a simulated one.
    Open,
}

/// A secret that a caller names in the header `Authorization: Bearer TOKEN` (RFC 6750). Only its digest is kept.
#[derive(Clone)]
pub struct Token(blake3::Hash);

/// Why a text is no token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is too short or too long.
    #[error("a token has {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} characters, this one has {0}")]
    Length(usize),
    /// It has a character that a header cannot carry.
    #[error("a token consists of letters, digits and -._~+/=")]
    Character,
}

impl Token {
    /// Takes a text as a token.
    ///
    /// # Errors
    /// Fails if it is too short to be a secret, or cannot stand in a header.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&text.len()) {
            return Err(TokenError::Length(text.chars().count()));
        }
        // The syntax of a bearer token: RFC 6750, section 2.1.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !text.bytes().all(is_allowed) {
            return Err(TokenError::Character);
        }
        Ok(Self(blake3::hash(text.as_bytes())))
    }

    fn is(&self, text: &str) -> bool {
        // The comparison of digests takes the same time whatever they are.
        self.0 == blake3::hash(text.as_bytes())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Says why a request with these headers is not let in, if it is not.
pub(super) fn admit(gate: &Gate, headers: &HeaderMap, authority: Option<Authority>) -> Result<(), Failure> {
    match gate {
        Gate::Open => Ok(()),
        Gate::Token(token) => {
            let named = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            match named.and_then(bearer) {
                Some(text) if token.is(text) => Ok(()),
                Some(_) => Err(Failure::new(StatusCode::UNAUTHORIZED, &"this is not the token of this node")),
                None => Err(Failure::new(StatusCode::UNAUTHORIZED, &"name the token: Authorization: Bearer TOKEN")),
            }
        }
        Gate::Loopback => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok());
            let Some(host) = authority.or(host).filter(is_this_machine) else {
                let why = "without a token only this machine may ask, by 127.0.0.1, [::1] or localhost";
                return Err(Failure::new(StatusCode::FORBIDDEN, &why));
            };
            if is_from_elsewhere(headers, &host) {
                return Err(Failure::new(StatusCode::FORBIDDEN, &"pages of other sites may not ask"));
            }
            Ok(())
        }
    }
}

/// Returns the token that the value of `Authorization` names. The name of the scheme is in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a browser asks for a page that was not served here.
fn is_from_elsewhere(headers: &HeaderMap, host: &Authority) -> bool {
    let is_own = |origin: &HeaderValue| origin.as_bytes() == format!("http://{host}").as_bytes();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    headers.get(header::ORIGIN).is_some_and(|origin| !is_own(origin))
        || site.is_some_and(|site| site != b"same-origin" && site != b"none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(gate: &Gate, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
        admit(gate, &headers.collect(), None).is_ok()
    }

    #[test]
    fn without_a_token_this_machine_alone_may_ask() {
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.9.9.9"] {
            assert!(is_let_in(&Gate::Loopback, &[("host", host)]), "{host}");
        }
        for host in ["", "stranger.example", "127.0.0.1.stranger.example:80", "10.0.0.1", "localhost.example", "@"] {
            assert!(!is_let_in(&Gate::Loopback, &[("host", host)]), "{host}");
        }
        assert!(!is_let_in(&Gate::Loopback, &[]));
    }

    #[test]
    fn a_page_of_another_site_may_not_ask() {
        let host = ("host", "127.0.0.1:8080");
        for (name, value) in [
            ("origin", "http://stranger.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:9090"),
            ("origin", "https://127.0.0.1:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!is_let_in(&Gate::Loopback, &[host, (name, value)]), "{name}: {value}");
        }
        for (name, value) in
            [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")]
        {
            assert!(is_let_in(&Gate::Loopback, &[host, (name, value)]), "{name}: {value}");
        }
    }

    #[test]
    fn a_token_has_to_be_named_whole() {
        let gate = Gate::Token(Token::new("0123456789abcdef").expect("a token"));
        assert!(is_let_in(&gate, &[("authorization", "Bearer 0123456789abcdef")]));
        assert!(is_let_in(&gate, &[("authorization", "bearer  0123456789abcdef")]));
        for value in ["0123456789abcdef", "Basic 0123456789abcdef", "Bearer 0123456789abcde", "Bearer", "Bearer "] {
            assert!(!is_let_in(&gate, &[("authorization", value)]), "{value}");
        }
        // The name of the host says nothing then.
        assert!(!is_let_in(&gate, &[("host", "127.0.0.1")]));
        assert_eq!(Token::new("short").map(drop), Err(TokenError::Length(5)));
        assert_eq!(Token::new("0123456789 abcdef").map(drop), Err(TokenError::Character));
        assert_eq!(Token::new(&"a".repeat(2000)).map(drop), Err(TokenError::Length(2000)));
    }
}
