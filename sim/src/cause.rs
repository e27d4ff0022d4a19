//! The cause of a broken promise, as far as the sentence of its oracle tells: what is left without numbers and ids.

/// The least length of an id: of a node, a replica or a file.
const ID_LEN: usize = 8;

/// Returns a sentence without what differs from seed to seed: a `#` stands for each number, each id and each path.
pub(crate) fn cause_of(what: &str) -> String {
    let sentence = what.lines().next().unwrap_or_default();
    let words = sentence.split(' ').map(|word| match word.contains('/') {
        true => format!("#{}", &word[word.trim_end_matches([':', ',']).len()..]),
        false => without_numbers(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn without_numbers(word: &str) -> String {
    let mut text = String::new();
    for piece in word.split_inclusive(|char: char| !char.is_alphanumeric()) {
        let part = piece.trim_end_matches(|char: char| !char.is_alphanumeric());
        if part.len() >= ID_LEN && part.chars().all(|char| char.is_ascii_hexdigit()) {
            text.push('#');
        } else {
            for char in part.chars() {
                match char.is_ascii_digit() {
                    true if text.ends_with('#') => {}
                    true => text.push('#'),
                    false => text.push(char),
                }
            }
        }
        text.push_str(&piece[part.len()..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_no_numbers_ids_or_paths() {
        for (what, cause) in [
            (
                "n12 does not hold picture_3.png of n0 in v7 as 0123456789",
                "n# does not hold picture_#.png of n# in v# as #",
            ),
            ("cannot read held/ab/12cd: it is damaged", "cannot read #: it is damaged"),
            ("seventeen of 99 facade1 words", "seventeen of # facade# words"),
            ("the first line\nand another", "the first line"),
            ("", ""),
        ] {
            assert_eq!(cause_of(what), cause);
        }
    }
}
