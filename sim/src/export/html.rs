//! Text in HTML.

/// Fills the places of a page. They come from its back, so that nothing that was put in is taken for a place.
pub(super) fn fill(page: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(page.to_owned(), |page, (place, text)| page.replacen(place, text, 1))
}

/// Returns a text as it stands in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
