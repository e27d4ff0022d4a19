//! The ways in which a host can lie.

use crate::named::named;

named! {
    /// One way to lie.
    Lie

    /// Gives other bytes than the seal says.
    OtherBytes "other-bytes",
    /// Gives a seal that no owner has made.
    OtherSeal "other-seal",
    /// Gives another file of the same owner.
    OtherFile "other-file",
    /// Gives the oldest version that the liar has had.
    OldVersion "old-version",
    /// Acknowledges and keeps nothing, and has nothing.
    Forgets "forgets",
    /// Announces a stream of another length than the seal says.
    OtherLength "other-length",
    /// Gives half of a file and then nothing more.
    Stalls "stalls",
    /// Goes on sending when a file has been given.
    Endless "endless",
    /// Takes what it is to store, and never answers.
    NeverAnswers "never-answers",
    /// Claims to hold ever more files, and that everything is different.
    Bottomless "bottomless",
    /// Answers each question with bytes that are no message.
    Garbage "garbage",
    /// Takes connections and says nothing, not even in the handshake.
    Mute "mute",
    /// Opens more connections than a peer may, and always wants more.
    Floods "floods",
    /// Asks and stores in the name of others.
    Trespasses "trespasses",
    /// Does not know the cluster secret, and dials every host.
    Stranger "stranger",
    /// Claims to hold newer versions, and files that there never were.
    FalseInventory "false-inventory",
    /// Shakes hands byte by byte, on many connections, and never finishes one.
    SlowHandshake "slow-handshake",
    /// Opens connection after connection and says nothing.
    Crowds "crowds",
    /// Asks question after question on every connection that it gets.
    Asks "asks",
    /// Stores two contents under one number, and bytes that its seal does not describe.
    FalseOwner "false-owner",
    /// Says that whoever is away is at a wrong place.
    FalseAddresses "false-addresses",
    /// Claims that everything is different, and lists only what it was given.
    FalseSummary "false-summary",
    /// Runs an honest node with the identity of another host's node, on a disk that was empty.
    Twin "twin",
}
