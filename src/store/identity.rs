//! The identity file: the master secret of a data directory, made once, readable by its owner only.
//!
//! ```text
//! dacapo identity 1
//! <64 hex digits: master secret>
//! <16 hex digits: first 8 bytes of the BLAKE3 of the two lines above>
//! ```

use std::io;

use zeroize::Zeroizing;

use super::layout;
use crate::crypto::{MasterSecret, hex};
use crate::disk::text_file;
use crate::disk::{Disk, DiskPath, EntryKind};
use crate::seed::{Rng, SeedRng};

/// The identity of a data directory.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The secret that all keys are derived from.
    pub master: MasterSecret,
    /// Whether the secret was made by this call.
    pub is_new: bool,
}

/// Why a data directory has no usable identity. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file exists and is not an identity. It is left alone, because it may be all that is left of a secret.
    #[error("the identity file is damaged: {0}; restore it from a backup, it is not replaced")]
    Damaged(&'static str),
    /// There are files of a node, but no identity to read them with.
    #[error("the data directory holds files but no identity; restore the identity file, or use an empty directory")]
    Missing,
    /// The identity is that of another node.
    #[error("the data directory is that of another node; use an empty directory")]
    Other,
    /// The disk failed.
    #[error("cannot {operation} the identity file: {source}")]
    Disk {
        /// What was attempted.
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Identity {
    /// What the file begins with.
    pub const HEADER: &str = "dacapo identity 1\n";

    /// Reads the identity, or makes one in an empty data directory. Durable on return.
    ///
    /// # Errors
    /// Fails if the file is damaged, if it is missing though there are files, or if the disk fails. An existing file is
    /// never replaced.
    pub fn load_or_create(disk: &impl Disk, rng: &mut SeedRng) -> Result<Self, IdentityError> {
        let failed = |operation| move |source| IdentityError::Disk { operation, source };
        if let Some(master) = Self::load(disk)? {
            return Ok(Self { master, is_new: false });
        }
        if is_used(disk).map_err(failed("look for"))? {
            return Err(IdentityError::Missing);
        }
        let mut master = [0; 32];
        rng.fill_bytes(&mut master);
        let master = MasterSecret(master);
        write(disk, &master).map_err(failed("write"))?;
        Ok(Self { master, is_new: true })
    }
}

impl Identity {
    /// Gives an empty data directory the identity of a node that was lost; one that has it already is left as it is.
    /// Durable on return.
    ///
    /// # Errors
    /// Fails if there is another identity, or if there are files of an unknown one.
    pub fn restore(disk: &impl Disk, master: &MasterSecret) -> Result<(), IdentityError> {
        match Self::load(disk)? {
            Some(found) if found == *master => return Ok(()),
            Some(_) => return Err(IdentityError::Other),
            None => {}
        }
        let failed = |operation| move |source| IdentityError::Disk { operation, source };
        if is_used(disk).map_err(failed("look for"))? {
            return Err(IdentityError::Missing);
        }
        write(disk, master).map_err(failed("write"))
    }

    /// Reads the master secret; `None` if there is no identity.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is damaged.
    pub fn load(disk: &impl Disk) -> Result<Option<MasterSecret>, IdentityError> {
        let text = text_file::read(disk, &layout::identity(), text_file::FILE_BYTES_MAX);
        let text = text.map_err(|source| IdentityError::Disk { operation: "read", source })?;
        text.map(|text| Self::parse(&Zeroizing::new(text))).transpose()
    }

    /// Reads the master secret from the bytes of the file.
    ///
    /// # Errors
    /// Fails if the bytes are damaged.
    pub fn parse(bytes: &[u8]) -> Result<MasterSecret, IdentityError> {
        let secret = text_file::checked(bytes, Self::HEADER).map_err(IdentityError::Damaged)?;
        let secret = hex::decode(secret).map_err(|_| IdentityError::Damaged("its secret is not 64 hex digits"))?;
        Ok(MasterSecret(secret))
    }
}

/// Whether a node has kept files in the directory.
pub(super) fn is_used(disk: &impl Disk) -> io::Result<bool> {
    let entries = disk.list(&DiskPath::root())?;
    Ok(entries.iter().any(|entry| entry.kind == EntryKind::Dir || entry.name.starts_with("catalog")))
}

fn write(disk: &impl Disk, master: &MasterSecret) -> io::Result<()> {
    let text = Zeroizing::new(render(master));
    text_file::replace(disk, &layout::identity_temporary(), &layout::identity(), &text)
}

fn render(master: &MasterSecret) -> String {
    text_file::with_check(Identity::HEADER, &Zeroizing::new(hex::encode(&master.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_and_any_change_is_noticed() {
        let text = render(&MasterSecret([0x5a; 32]));
        assert_eq!(Identity::parse(text.as_bytes()).expect("whole").0, [0x5a; 32]);
        for position in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[position] ^= 1;
            assert!(matches!(Identity::parse(&damaged), Err(IdentityError::Damaged(_))), "byte {position}");
            assert!(
                matches!(Identity::parse(&text.as_bytes()[..position]), Err(IdentityError::Damaged(_))),
                "cut at {position}"
            );
        }
        assert!(Identity::parse(format!("{text}x").as_bytes()).is_err());
    }
}
