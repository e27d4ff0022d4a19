//! A backup of an identity: sealed bytes that can be printed as text, and are worthless without their passphrase.
//!
//! The 100 bytes are: the form (1), two parameters of the key derivation, a salt of 16 bytes, and 65 sealed bytes (the
//! master secret, and the cluster with its secret) with their tag of 16. They are sealed by AES-256-GCM under a key
//! that Argon2id (RFC 9106) derives from the passphrase and the salt. That key is used once, so the nonce is zero. How
//! the bytes are written as text is left to `text`.

mod text;

use argon2::{Algorithm, Argon2, Params};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::Cluster;
use crate::crypto::{ClusterSecret, Keys, MasterSecret, NodeId};

pub use text::BackupTextError;

const FORM: u8 = 1;
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// The sealed content: master secret, kind of cluster, cluster secret.
const CONTENT_BYTES: usize = 32 + 1 + 32;
const HEADER_BYTES: usize = 3 + SALT_BYTES;
const BYTES: usize = HEADER_BYTES + CONTENT_BYTES + TAG_BYTES;

/// Memory of the key derivation in KiB, as a binary logarithm: 256 MiB. Chosen: a laptop takes a second, and an
/// attacker needs this much memory for each passphrase that is tried at the same time.
const MEMORY_LOG2_KIB: u8 = 18;
/// Passes over that memory: as RFC 9106, section 4, recommends if memory is short.
const PASSES: u8 = 3;
/// The most memory that a backup may demand of the machine that reads it, as a binary logarithm in KiB: 1 GiB. Chosen:
/// four times what is written above.
const MEMORY_LOG2_KIB_MAX: u8 = 20;
/// The most passes that a backup may demand of the machine that reads it. Chosen: about five times what is written
/// above.
const PASSES_MAX: u8 = 16;

/// The fewest characters of a passphrase. Chosen: no key derivation protects a shorter one.
pub const PASSPHRASE_CHARS_MIN: usize = 8;

/// What a backup brings back. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupContent {
    /// The secret that all keys are derived from.
    pub master: MasterSecret,
    /// The cluster that the node was in, if that was recorded.
    pub cluster: Option<Cluster>,
}

/// A sealed backup. It may be shown: without the passphrase it is worthless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The node that the backup claims to be of. [`open`](Self::open) compares the claim with the content.
    pub node: NodeId,
    bytes: [u8; BYTES],
}

/// Why a backup does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The passphrase is wrong: the check of each line has ruled out a mistyped backup.
    #[error("the passphrase is not that of the backup")]
    Passphrase,
    /// The passphrase is too short to protect anything.
    #[error("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters")]
    Short,
    /// The node line names another node than the sealed content.
    #[error("the backup holds another node than its node line names")]
    OtherNode,
    /// The backup was made by a later version, or demands more of this machine than the bounds allow.
    #[error("the backup is of a form that this version does not read")]
    Form,
}

impl Backup {
    /// Seals an identity under a passphrase. No two backups may have the same `salt`. Takes a second and 256 MiB.
    ///
    /// # Errors
    /// Fails if the passphrase is too short.
    pub fn seal(content: &BackupContent, passphrase: &str, salt: [u8; SALT_BYTES]) -> Result<Self, BackupError> {
        if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(BackupError::Short);
        }
        let mut header = vec![FORM, MEMORY_LOG2_KIB, PASSES];
        header.extend_from_slice(&salt);
        let mut sealed = content.encode();
        key(passphrase, &header)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::from(&header), &mut *sealed)
            .expect("the content is far below the limit of the cipher");
        let bytes = [header.as_slice(), sealed.as_slice()].concat();
        let bytes = bytes.try_into().expect("header, content and tag have BYTES bytes together");
        Ok(Self { node: Keys::derive(&content.master).node(), bytes })
    }

    /// Opens the backup. Takes the time and memory that its header demands, within bounds.
    ///
    /// # Errors
    /// Fails if the passphrase is wrong, if this version does not know the form, or if the content is of another node.
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

/// Derives the key from a passphrase and a header, if the header is within bounds.
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
        // Room for the tag too, so that the buffer never grows and leaves a copy of the secrets behind.
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
