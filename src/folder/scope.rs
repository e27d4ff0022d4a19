//! The part of a folder that is looked at: all of it, or the places where something may have changed.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::Path;

use super::FilePath;

/// The part of a folder that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    All,
    /// These places, each with what is below it if it is a directory. None is below another.
    Places(BTreeSet<FilePath>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::Places(BTreeSet::new())
    }
}

/// One place alone.
impl From<FilePath> for Scope {
    fn from(place: FilePath) -> Self {
        Self::Places([place].into())
    }
}

impl Scope {
    /// Tells whether nothing is looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Places(places) if places.is_empty())
    }

    /// Takes in a place. With more places than `max` it is the whole folder.
    pub fn add(&mut self, place: FilePath, max: usize) {
        let Self::Places(places) = &mut *self else { return };
        if has(places, place.as_str()) {
            return;
        }
        let below: Vec<_> = places_below(places, place.as_str()).cloned().collect();
        for place in below {
            places.remove(&place);
        }
        places.insert(place);
        if places.len() > max {
            *self = Self::All;
        }
    }

    /// Takes in a place that was found in a folder, or the nearest above it that can have a key.
    pub fn add_nearest(&mut self, below: &Path, max: usize) {
        match below.ancestors().find_map(|place| FilePath::new(place.to_str()?).ok()) {
            Some(place) => self.add(place, max),
            None => *self = Self::All,
        }
    }

    /// Leaves out the very places that another one has.
    pub fn leave_out(&mut self, other: &Self) {
        if let (Self::Places(places), Self::Places(others)) = (self, other) {
            places.retain(|place| !others.contains(place));
        }
    }

    /// Takes in what another one looks at. With more places than `max` it is the whole folder.
    pub fn join(&mut self, other: Self, max: usize) {
        match other {
            Self::All => *self = Self::All,
            Self::Places(places) => places.into_iter().for_each(|place| self.add(place, max)),
        }
    }

    /// Tells whether a file or a directory is looked at, together with all that is below it.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Places(places) => has(places, path),
        }
    }

    /// Tells whether somebody who reads the folder from above has to pass here: it is looked at, or is a directory in
    /// which something is. A name that is not UTF-8 is looked at with its directory.
    #[must_use]
    pub fn leads_through(&self, path: &Path) -> bool {
        let Self::Places(places) = self else { return true };
        let parent = || path.parent().and_then(Path::to_str);
        match path.to_str() {
            Some(path) => has(places, path) || places_below(places, path).next().is_some(),
            None => parent().is_some_and(|parent| has(places, parent)),
        }
    }
}

fn has(places: &BTreeSet<FilePath>, path: &str) -> bool {
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    above.chain([path]).any(|place| places.contains(place))
}

fn places_below<'a>(places: &'a BTreeSet<FilePath>, path: &str) -> impl Iterator<Item = &'a FilePath> + use<'a> {
    let beginning = format!("{path}/");
    let from_there = places.range::<str, _>((Bound::Included(beginning.as_str()), Bound::Unbounded));
    from_there.take_while(move |place| place.as_str().starts_with(&beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 3;

    fn place(text: &str) -> FilePath {
        FilePath::new(text).expect("a place")
    }

    fn scope(places: &[&str]) -> Scope {
        let mut scope = Scope::default();
        places.iter().for_each(|text| scope.add(place(text), MAX));
        scope
    }

    #[test]
    fn no_place_is_below_another() {
        let places = |texts: &[&str]| Scope::Places(texts.iter().map(|text| place(text)).collect());
        assert_eq!(scope(&["a/b", "a", "a/c", "a-b"]), places(&["a", "a-b"]));
        assert_eq!(scope(&["a", "a/b"]), places(&["a"]));
        assert_eq!(scope(&["a/1", "a/2", "a/3", "a"]), places(&["a"]));
        assert_eq!(scope(&["1", "2", "3", "4"]), Scope::All);
        let mut joined = scope(&["a/b", "c"]);
        joined.join(scope(&["a", "d"]), MAX);
        assert_eq!(joined, places(&["a", "c", "d"]));
        joined.join(Scope::All, MAX);
        assert_eq!(joined, Scope::All);
        assert!(Scope::default().is_empty() && !joined.is_empty() && !scope(&["a"]).is_empty());
    }

    #[test]
    fn whoever_reads_the_folder_passes_what_is_above_and_below_a_place_and_nothing_else() {
        let scope = scope(&["a/b", "c"]);
        for (path, is_passed, is_looked_at) in [
            ("a", true, false),
            ("a/b", true, true),
            ("a/b/d", true, true),
            ("a/bc", false, false),
            ("a-b", false, false),
            ("ab", false, false),
            ("c", true, true),
            ("c/d", true, true),
            ("d", false, false),
        ] {
            assert_eq!((scope.leads_through(Path::new(path)), scope.has(path)), (is_passed, is_looked_at), "{path}");
            assert!(Scope::All.leads_through(Path::new(path)) && Scope::All.has(path));
        }
    }

    #[test]
    fn the_very_places_of_another_are_left_out_and_not_what_is_below_them() {
        let mut places = scope(&["a", "b/c", "d"]);
        places.leave_out(&scope(&["a", "b"]));
        assert_eq!(places, scope(&["b/c", "d"]));
        places.leave_out(&Scope::All);
        assert_eq!(places, scope(&["b/c", "d"]));
    }

    #[test]
    fn a_name_that_is_no_text_is_looked_at_with_its_directory() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(OsStr::from_bytes(b"a/b/\xff"));
        assert!(scope(&["a/b"]).leads_through(path) && !scope(&["a/c"]).leads_through(path));
    }
}
