//! The folder that a sweep writes: `summary.json`, `index.html`, and a folder for each cause of a broken promise.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::ResultFile;
use super::source::Planted;
use super::summarised::faults_of;
use crate::artefacts::{Artefacts, PLAN};
use crate::export::overview;
use crate::subject::Subject;
use crate::summary::{Found, SweepSummary};

/// The longest summary that is read, in bytes. Chosen: as many broken seeds as a summary has are a fraction of it.
const SUMMARY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The folder of a sweep.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a folder for a new sweep.
    ///
    /// # Errors
    /// If it cannot be made, or has a sweep already.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        let folder = Self { path: path.to_owned() };
        // What cannot be written is known before the work.
        match fs::metadata(folder.summary_path()).is_ok_and(|metadata| metadata.len() > 0) {
            true => Err(format!("{} has a sweep already: --resume goes on with it", path.display())),
            false => ResultFile::open(&folder.summary_path()).map(|_| folder),
        }
    }

    /// Opens the folder of a sweep, if there is one.
    ///
    /// # Errors
    /// If there is one, and its summary cannot be read.
    pub(super) fn open(path: &Path) -> Result<Option<(Self, SweepSummary)>, String> {
        let folder = Self { path: path.to_owned() };
        let summary_path = folder.summary_path();
        let failed = |error: String| format!("cannot read {}: {error}", summary_path.display());
        match fs::metadata(&summary_path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
            // Whoever made it was killed before there was anything to write.
            Ok(metadata) if metadata.len() == 0 => return Ok(None),
            Ok(metadata) if metadata.len() > SUMMARY_BYTES_MAX => {
                return Err(failed(format!("it is longer than {SUMMARY_BYTES_MAX} bytes")));
            }
            Ok(_) => {}
        }
        let text = fs::read_to_string(&summary_path).map_err(|error| failed(error.to_string()))?;
        Ok(Some((folder, SweepSummary::parse(&text).map_err(failed)?)))
    }

    fn summary_path(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Writes what a sweep has seen so far.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub(super) fn write(&self, summary: &SweepSummary) -> Result<(), String> {
        ResultFile::open(&self.summary_path())?.write(&summary.json())
    }

    /// Writes what a sweep has seen, for programs and for people.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub(super) fn finish<S: Subject>(&self, program: &str, subject: &S, summary: &SweepSummary) -> Result<(), String> {
        self.write(summary)?;
        let title = format!("{program} sweep, {}", summary.span());
        let page = overview(&title, summary, &subject.verbs(), &faults_of(subject));
        ResultFile::open(&self.path.join("index.html"))?.write(&page)
    }

    /// Writes all about one cause.
    ///
    /// # Errors
    /// Says what cannot be written.
    pub(super) fn keep<S: Subject>(
        &self,
        program: &str,
        subject: &S,
        found: &Found<S::Call>,
        planted: &Planted,
    ) -> Result<(), String> {
        let (name, bug) = (&found.group.folder, planted.again());
        let (plan, broken, shrunk_from) = match &found.shrunk {
            Some(shrunk) => (&shrunk.plan, &shrunk.broken, Some(&found.plan)),
            None => (&found.plan, &found.broken, None),
        };
        // The commands of the report are for the folder of the sweep, wherever that is taken to.
        let again = format!("{name}/{PLAN}{bug}");
        let written =
            Artefacts { plan, broken, shrunk_from, again: &again }.write(&self.path.join(name), program, subject);
        written.map_err(|error| format!("cannot write to {}: {error}", self.path.join(name).display()))
    }

    /// Takes over the folder of a cause from another sweep, unless there is one here.
    ///
    /// # Errors
    /// Says what cannot be read or written.
    pub(super) fn take_over(&self, other: &Self, name: &str) -> Result<(), String> {
        let (from, to) = (other.path.join(name), self.path.join(name));
        if to.exists() {
            return Ok(());
        }
        let half = self.path.join(format!("{name}.part"));
        let failed = |error: std::io::Error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
        fs::create_dir_all(&half).map_err(failed)?;
        for entry in fs::read_dir(&from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            fs::copy(entry.path(), half.join(entry.file_name())).map_err(failed)?;
        }
        fs::rename(&half, &to).map_err(failed)
    }
}
