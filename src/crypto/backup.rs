//! A backup of an identity: text that can be printed, typed again, and is worth nothing without its passphrase.
//!
//! ```text
//! dacapo identity backup 1
//! node <64 hex digits>
//! # remarks
//! 01 XXXX XXXX XXXX XXXX XXXX XXXX XXXX XXXX XXXX XXXX
//! … five such lines
//! ```
//!
//! The five lines hold 100 bytes, 20 in each: the form (1), two parameters of the key derivation, a salt of 16 bytes,
//! and 65 sealed bytes with their tag of 16: the master secret, and the cluster with its secret. They are sealed by
//! AES-256-GCM under a key that Argon2id (RFC 9106) derives from passphrase and salt; the key is used once, so the nonce is
//! zero. Digits are those of Crockford's base32: case does not count, `O` is 0, `I` and `L` are 1. The last eight digits of
//! a line are the first 5 bytes of the BLAKE3 of its number and its bytes, so a mistyped line is named.

mod text;

use argon2::{Algorithm, Argon2, Params};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{Cluster, ClusterSecret, Keys, MasterSecret, NodeId};

pub use text::BackupTextError;

const FORM: u8 = 1;
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Master secret, kind of cluster, cluster secret.
const CONTENT_BYTES: usize = 32 + 1 + 32;
const HEADER_BYTES: usize = 3 + SALT_BYTES;
const BYTES: usize = HEADER_BYTES + CONTENT_BYTES + TAG_BYTES;

/// Memory of the key derivation in KiB, as its binary logarithm: 256 MiB. Chosen: a laptop takes a second, and who tries
/// passphrases needs as much memory for each try at a time.
const MEMORY_LOG2_KIB: u8 = 18;
/// Passes over that memory: as RFC 9106 recommends where memory is short.
const PASSES: u8 = 3;
/// What a backup may ask of the machine that reads it: 1 GiB, 16 passes.
const MEMORY_LOG2_KIB_MAX: u8 = 20;
const PASSES_MAX: u8 = 16;

/// A passphrase has at least so many characters. Chosen: below it no key derivation helps.
pub const PASSPHRASE_CHARS_MIN: usize = 8;

/// What a backup brings back. It shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupContent {
    /// The secret that all keys come from.
    pub master: MasterSecret,
    /// The cluster that the node was in, where that was recorded.
    pub cluster: Option<Cluster>,
}

/// A backup, sealed. It may be shown: without the passphrase it is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Whose identity it is said to be; it is compared when the backup is opened.
    pub node: NodeId,
    bytes: [u8; BYTES],
}

/// Why a backup does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The lines are as they were made, so it is the passphrase.
    #[error("the passphrase is another one than that of the backup")]
    Passphrase,
    /// The passphrase is too short to protect anything.
    #[error("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters")]
    Short,
    /// Its first line names another node than the one that it holds.
    #[error("the backup is that of another node than its line says")]
    OtherNode,
    /// What it asks of this machine is out of bounds, or it was made by a later version.
    #[error("the backup is of a form that this version does not read")]
    Form,
}

impl Backup {
    /// Seals an identity under a passphrase. `salt` is never the same for two backups. Takes a second and 256 MiB.
    ///
    /// # Errors
    /// Where the passphrase is too short.
    pub fn seal(content: &BackupContent, passphrase: &str, salt: [u8; SALT_BYTES]) -> Result<Self, BackupError> {
        if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(BackupError::Short);
        }
        let mut header = vec![FORM, MEMORY_LOG2_KIB, PASSES];
        header.extend_from_slice(&salt);
        let mut sealed = content.encode();
        key(passphrase, &header)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::from(&header), &mut *sealed)
            .expect("a short content is sealed");
        let bytes = [header.as_slice(), sealed.as_slice()].concat();
        let bytes = bytes.try_into().expect("header, content and tag have as many");
        Ok(Self { node: Keys::derive(&content.master).node(), bytes })
    }

    /// Opens it. Takes the time and memory that its header says, within bounds.
    ///
    /// # Errors
    /// Where the passphrase is another one, or the form.
    pub fn open(&self, passphrase: &str) -> Result<BackupContent, BackupError> {
        let (header, sealed) = self.bytes.split_at(HEADER_BYTES);
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = key(passphrase, header)?.open_in_place(
            Nonce::assume_unique_for_key([0; 12]),
            Aad::from(header),
            &mut sealed,
        );
        let content = BackupContent::decode(opened.map_err(|_| BackupError::Passphrase)?)?;
        if Keys::derive(&content.master).node() == self.node { Ok(content) } else { Err(BackupError::OtherNode) }
    }
}

/// The key that a passphrase and a header give.
fn key(passphrase: &str, header: &[u8]) -> Result<LessSafeKey, BackupError> {
    let &[FORM, memory_log2_kib, passes, ref salt @ ..] = header else { return Err(BackupError::Form) };
    let is_bounded = (3..=MEMORY_LOG2_KIB_MAX).contains(&memory_log2_kib) && (1..=PASSES_MAX).contains(&passes);
    let params = is_bounded.then(|| Params::new(1 << memory_log2_kib, passes.into(), 1, Some(32)).ok());
    let params = params.flatten().ok_or(BackupError::Form)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|_| BackupError::Form)?;
    let key = UnboundKey::new(&AES_256_GCM, &*key).expect("the key has 32 bytes");
    Ok(LessSafeKey::new(key))
}

impl BackupContent {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        // As long as it will be with its tag, so that no copy is left behind where it grows.
        let mut bytes = Zeroizing::new(Vec::with_capacity(CONTENT_BYTES + TAG_BYTES));
        bytes.extend_from_slice(&self.master.0);
        let (kind, secret) = match &self.cluster {
            None => (0, [0; 32]),
            Some(Cluster::Open) => (1, [0; 32]),
            Some(Cluster::Closed(secret)) => (2, secret.0),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&secret);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, BackupError> {
        let (master, rest) = bytes.split_first_chunk().ok_or(BackupError::Form)?;
        let (kind, secret) = rest.split_first().ok_or(BackupError::Form)?;
        let secret = secret.try_into().map_err(|_| BackupError::Form)?;
        let cluster = match kind {
            0 => None,
            1 => Some(Cluster::Open),
            2 => Some(Cluster::Closed(ClusterSecret(secret))),
            _ => return Err(BackupError::Form),
        };
        Ok(Self { master: MasterSecret(*master), cluster })
    }
}

impl std::fmt::Debug for BackupContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupContent(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(cluster: Option<Cluster>) -> BackupContent {
        BackupContent { master: MasterSecret([7; 32]), cluster }
    }

    #[test]
    fn a_backup_opens_with_its_passphrase_only() {
        let content = content(Some(Cluster::Closed(ClusterSecret([9; 32]))));
        let backup = Backup::seal(&content, "correct horse", [1; 16]).expect("long enough");
        assert!(backup.open("correct horse") == Ok(content));
        assert!(backup.open("correct horse ") == Err(BackupError::Passphrase));
        let other = Backup { node: NodeId([0; 32]), ..backup };
        assert!(other.open("correct horse") == Err(BackupError::OtherNode));
    }

    #[test]
    fn a_backup_asks_no_more_of_a_machine_than_its_bounds() {
        let mut header = [vec![FORM, MEMORY_LOG2_KIB, PASSES], vec![0; SALT_BYTES]].concat();
        for (position, value) in [(0, 2), (1, MEMORY_LOG2_KIB_MAX + 1), (1, 0), (1, 255), (2, PASSES_MAX + 1), (2, 0)] {
            let before = std::mem::replace(&mut header[position], value);
            assert!(matches!(key("correct horse", &header), Err(BackupError::Form)), "{position}: {value}");
            header[position] = before;
        }
    }

    #[test]
    fn a_short_passphrase_is_refused_and_nothing_is_shown() {
        let content = content(Some(Cluster::Open));
        assert_eq!(Backup::seal(&content, "1234567", [1; 16]), Err(BackupError::Short));
        assert_eq!(format!("{content:?}"), "BackupContent(..)");
    }

    #[test]
    fn every_kind_of_cluster_reads_back() {
        for cluster in [None, Some(Cluster::Open), Some(Cluster::Closed(ClusterSecret([9; 32])))] {
            let content = content(cluster);
            assert!(BackupContent::decode(&content.encode()) == Ok(content.clone()));
        }
        for wrong in [&[7; 64][..], &[7; 65], &[]] {
            assert!(BackupContent::decode(wrong) == Err(BackupError::Form));
        }
    }
}
