//! The bugs that can be planted. What they do is in `planted`. An oracle that catches none of them is not trusted.

use crate::named::named;

named! {
    /// One planted bug.
    Bug

    /// A sync of a file does nothing.
    SyncLies "sync-lies",
    /// A sync of the catalog does nothing.
    CatalogSyncLies "catalog-sync-lies",
    /// A sync of a blob does nothing.
    BlobSyncLies "blob-sync-lies",
    /// A sync of a directory does nothing.
    DirSyncLies "dir-sync-lies",
    /// Each third sync of a blob does nothing.
    ThirdSyncLies "third-sync-lies",
    /// The first sync of a directory after a removal does nothing.
    RemovalSyncLies "removal-sync-lies",
    /// The list of members is never synced.
    MembersSyncLies "members-sync-lies",
    /// A sync that fails says that it did not.
    SyncErrorHidden "sync-error-hidden",
    /// A read that fails gives zeros.
    ReadErrorHidden "read-error-hidden",
    /// A write that fails says that it did not.
    WriteErrorHidden "write-error-hidden",
    /// A rename that fails says that it did not.
    RenameErrorHidden "rename-error-hidden",
    /// A write to the file of a replica that fails says that it did not.
    ReplicaErrorHidden "replica-error-hidden",
    /// A rename of a blob that fails loses the blob.
    FailedRenameLoses "failed-rename-loses",
    /// Writes to blobs reach the file when the next one is created: the acknowledgement comes first.
    AckBeforeWrite "ack-before-write",
    /// Each third write of a catalog reaches the file after the sync that follows it.
    CatalogWriteAfterSync "catalog-write-after-sync",
    /// Each tenth write to a blob is lost.
    LostWrite "lost-write",
    /// The second write to a blob goes where the first one went.
    MisplacedWrite "misplaced-write",
    /// A bit of each local copy flips as it is written.
    OwnBitFlips "own-bit-flips",
    /// A bit of each replica flips as it is written.
    ReplicaBitFlips "replica-bit-flips",
    /// A file loses its last byte as it gets its name.
    ShorterInPlace "shorter-in-place",
    /// Each fifth replica vanishes as it gets its name.
    ReplicaVanishes "replica-vanishes",
    /// A replica can be read once.
    ReplicaReadOnce "replica-read-once",
    /// What was read of a replica is read again as it was, whatever is on the disk.
    ReplicaReadsCached "replica-reads-cached",
    /// Removing a file does nothing.
    RemoveForgotten "remove-forgotten",
    /// Removing a temporary file does nothing.
    DiscardForgotten "discard-forgotten",
    /// Removing a temporary file does nothing if the plan has a host that is lost for good.
    DiscardForgottenAmidLoss "discard-forgotten-amid-loss",
    /// A file that goes from one layout to the other is lost on the way.
    ConvertLosesFile "convert-loses-file",
    /// Removing a file takes another one with it.
    RemoveTakesNeighbour "remove-takes-neighbour",
    /// A replica that has a newer version keeps its old bytes.
    StaleReplica "stale-replica",
    /// A replica is written under the name of another one.
    ReplicaUnderOtherName "replica-under-other-name",
    /// Opening a replica opens another one.
    OtherReplicaOpened "other-replica-opened",
    /// The last byte of a replica cannot be read.
    ReplicaReadShort "replica-read-short",
    /// A start finds the catalog of an earlier start.
    OldCatalog "old-catalog",
    /// A start finds no catalog.
    NoCatalog "no-catalog",
    /// A start finds no list of members.
    NoMembers "no-members",
    /// A start finds no temporary files.
    NoTemporaries "no-temporaries",
    /// A node that starts on an empty disk has another identity than before.
    OtherIdentity "other-identity",
    /// Content is also written to a log.
    ContentLogged "content-logged",
    /// Every start of a node draws from the same seed.
    SameSeedEachStart "same-seed-each-start",
    /// All nodes draw from the same seed.
    SameSeedEverywhere "same-seed-everywhere",
    /// A store that is perhaps stored is acknowledged.
    UnconfirmedAcked "unconfirmed-acked",
    /// A deletion everywhere that is perhaps done is reported as done.
    UnconfirmedErased "unconfirmed-erased",
    /// A deletion everywhere that succeeded is reported as not done.
    ErasedKept "erased-kept",
    /// A store that succeeded is reported as rejected.
    StoredRejected "stored-rejected",
    /// Each peer is reported to have a replica.
    ReceiptInvented "receipt-invented",
    /// A store says nothing of one of the peers that it was for.
    ReceiptMissing "receipt-missing",
    /// A get returns what the get before it returned.
    CachedRead "cached-read",
    /// A get returns another file.
    OtherFileRead "other-file-read",
    /// A delete that failed is reported as done.
    DeleteErrorHidden "delete-error-hidden",
    /// The database panics at each 40th write, and the node takes that for damage.
    PanicSwallowed "panic-swallowed",
    /// A delete does not ask whether a peer holds the file.
    DeleteUnchecked "delete-unchecked",
    /// A delete that asks whether a peer holds the file never does anything.
    DeleteRefuses "delete-refuses",
    /// A delete that asks whether two or more peers hold the file does so if one does.
    OneHolderEnough "one-holder-enough",
    /// A delete that asks whether two or more peers hold the file says that too few do, and deletes all the same.
    RefusalIgnored "refusal-ignored",
    /// A store that is to be held by a peer does not ask whether one does.
    StoreUnheld "store-unheld",
    /// A list of many files ends after its first page.
    PageLost "page-lost",
    /// A node says that it has a file fewer than it has.
    StatusMisses "status-misses",
    /// A node says of its disk that it does not work.
    GoodDiskCalledBad "good-disk-called-bad",
    /// A node says of its disk that it works, though it is full.
    FullDiskCalledGood "full-disk-called-good",
    /// A node says that it has forgotten nobody.
    ForgottenHidden "forgotten-hidden",
    /// A node that is told to forget a peer does not.
    ForgetForgotten "forget-forgotten",
    /// A node that is told to make a node its peer again does not.
    AllowForgotten "allow-forgotten",
    /// Each peer is said to hold each file.
    HoldersInvented "holders-invented",
    /// One of the peers that hold a file is not named.
    HolderHidden "holder-hidden",
    /// A file that is there is said to be deleted.
    ThereCalledDeleted "there-called-deleted",
    /// Asking what a node knows of a file fails.
    StatFails "stat-fails",
    /// A deletion of one version of a file deletes whichever is current.
    OtherVersionErased "other-version-erased",
    /// A list ends before its last file.
    ListShortened "list-shortened",
    /// Each file of a list is said to be a byte longer than it is.
    ListMistellsSizes "list-mistells-sizes",
    /// A list has a file that was never stored.
    ListInvents "list-invents",
    /// A node is said to know a file in a version that nobody has stored.
    StatInvents "stat-invents",
    /// A file is said to be a byte longer than it is.
    StatMistellsSize "stat-mistells-size",
    /// A file is said to have been stored a minute later than it was.
    StatMistellsTime "stat-mistells-time",
    /// A file is said to have nothing beside its content.
    StatLosesAttributes "stat-loses-attributes",
    /// Asking what a node knows of a file fails for good once the faults have ended.
    StatFailsInTheEnd "stat-fails-in-the-end",
    /// What a node knows of a file is what it knew when it was first asked.
    StatCached "stat-cached",
    /// A store whose source ends too early, or fails, is reported as done.
    ShortStored "short-stored",
    /// A store whose source pauses is reported as done, and is not.
    SlowStoreDropped "slow-store-dropped",
    /// A call that its caller has left goes on for ever.
    LeftCallGoesOn "left-call-goes-on",
    /// A scrub reports a damaged file more than there are.
    ScrubCriesWolf "scrub-cries-wolf",
    /// Removing a replica does nothing, but its name can be used again.
    ReplicaRemoveForgotten "replica-remove-forgotten",
    /// No node ever looks at what lies on its disk.
    ScrubForgotten "scrub-forgotten",
    /// A node that was told how many peers are to hold its files has them held by one fewer, if it was told more than
    /// one.
    OneReplicaFewer "one-replica-fewer",
    /// A node that was told how many peers are to hold its files has them held by one more.
    OneReplicaMore "one-replica-more",
    /// A node has its files held by all peers, whatever it was told.
    ReplicasEverywhere "replicas-everywhere",
    /// A node forgets deletions in a thousandth of the time that it was told to remember them.
    ForgetsSoon "forgets-soon",
    /// An owner may take up half of what was said.
    QuotaHalved "quota-halved",
    /// A node that was told at a restart what each owner may take up does not bound it.
    LaterQuotaIgnored "later-quota-ignored",
    /// Nothing bounds what an owner takes up.
    QuotaIgnored "quota-ignored",
    /// A stranger, if the plan has one, knows the cluster secret.
    SecretLeaked "secret-leaked",
    /// A liar that asks in the name of others has their keys.
    KeysStolen "keys-stolen",
    /// A liar that lies about what it holds has the keys of the owners.
    InventorySigned "inventory-signed",
    /// Bytes that are to leave at once leave with the next ones.
    FlushForgotten "flush-forgotten",
    /// Taking a connection waits for its first byte.
    AcceptWaits "accept-waits",
    /// A node says that it has found a peer where nobody is.
    FoundElsewhere "found-elsewhere",
    /// A node says of a peer that it claims to have what it cannot prove, though it can.
    HonestAccused "honest-accused",
    /// A node that has moved is not dialled where it is now.
    MovedNotFound "moved-not-found",
    /// A content that breaks off over HTTP is taken for a whole one.
    BrokenOffStored "broken-off-stored",
    /// A part of a file is given over HTTP though another version was asked for.
    IfRangeIgnored "if-range-ignored",
    /// What a node holds for others is a file more over HTTP than it is.
    ServedStatusWrong "served-status-wrong",
    /// One of the connected peers is not named over HTTP.
    ServedPeerHidden "served-peer-hidden",
    /// Whoever watches the events of a node over HTTP sees none.
    EventsUntold "events-untold",
    /// A get names the place of another file for its copy.
    PlaceOfAnother "place-of-another",
    /// A get that is to leave nothing leaves a local copy.
    UnkeptKept "unkept-kept",
    /// The names of files are also written to a log.
    NamesLogged "names-logged",
    /// The identity is also written to a log.
    SecretLogged "secret-logged",
}
