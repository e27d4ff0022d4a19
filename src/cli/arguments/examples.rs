//! The text below the help of each command: what is worth knowing, and lines to try.

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed; the message says whether it perhaps happened all the same
  2    the command line is wrong
  3    there is no such file
  4    not deleted, because too few peers hold a copy
  130  interrupted

Try it: `dacapo demo` runs three nodes in one process and shows what they do.";

pub(super) const INIT_EXAMPLE: &str = "\
The secret lies in the file cluster of the data directory, and the key to all files of the node in the file \
identity. Only their owner can read them.

Example:
  dacapo init --data ~/a && dacapo node --data ~/a --listen :3000";

pub(super) const INVITE_EXAMPLE: &str = "\
The line holds the address, the id of this node, and the secret of the cluster: whoever reads it can enter. Send it \
by a way that nobody else can read.

Example:
  dacapo invite --data ~/a here.example:3000 | ssh other.example dacapo join --data ~/b";

pub(super) const JOIN_EXAMPLE: &str = "\
The invitation is read from a file or from standard input, because everybody on a machine can see arguments. A data \
directory is in one cluster at most.

Example:
  dacapo invite --data ~/a :3000 | dacapo join --data ~/b
  dacapo node --data ~/b --listen :7000";

pub(super) const NODE_EXAMPLE: &str = "\
The first line on standard output is the address that the node listens on. Events go to standard error.

Example: two nodes that replicate to each other
  dacapo init --data ~/a
  dacapo node --data ~/a --listen :3000
  dacapo invite --data ~/a | dacapo join --data ~/b
  dacapo node --data ~/b --listen :7000";

pub(super) const PUT_EXAMPLE: &str = "\
Examples:
  dacapo put --data ~/a holiday.png ~/Pictures/holiday.png
  dacapo put --data ~/a app.sql --from-command -- pg_dump app
  tar c ~/mail | dacapo put --data ~/a mail.tar
  dacapo put --data ~/a -r ~/Pictures pictures --exclude '*.tmp'

In a pipe nobody notices if the command before it fails: what it printed until then is stored. --from-command stores \
nothing then, and the version before stays. A put that is interrupted says whether the file is perhaps stored. A \
regular file is sent to the peers while it is read; standard input is sent when it has ended. If KEY or \
FILE begins with a hyphen, both stand behind --: put -- KEY FILE.

A folder has only files and symbolic links: an empty directory is not stored, and sockets, pipes and devices are \
reported and left out. A command that was interrupted goes on where it was when it is called again.";

pub(super) const GET_EXAMPLE: &str = "\
Examples:
  dacapo get --data ~/a holiday.png -o holiday.png
  dacapo get --data ~/a app.sql | psql app
  dacapo get --data ~/a -r pictures ~/Pictures

A local copy that is damaged or gone is fetched from a peer, verified, and kept on this disk again. \
Files of a folder get their permissions and times back; nothing is written through a symbolic link below DIR.";

pub(super) const WATCH_EXAMPLE: &str = "\
Examples:
  dacapo watch --data ~/a ~/Pictures pictures
  dacapo watch --data ~/a --delete ~/Documents documents

What differs is stored first, as `dacapo put -r` does, and then what changes, a second or two after it has changed. \
What could not be stored is tried again, and all of the folder is compared once an hour. A node that is stopped is \
waited for.";

pub(super) const RM_EXAMPLE: &str = "\
Examples:
  dacapo rm --data ~/a holiday.png
  dacapo rm --data ~/a --everywhere holiday.png
  dacapo rm --data ~/a -r pictures/2019

Without --everywhere the peers keep their copies, and `dacapo get` brings the file back. They compare their copies \
with what was stored before one here is deleted.";

pub(super) const WHEREIS_EXAMPLE: &str = "\
Example:
  dacapo whereis --data ~/a holiday.png

Connected peers compare their copies with what was stored before they answer; for files over 64 MiB they do so with \
--verify, and otherwise say when they last did.";

pub(super) const SCRUB_EXAMPLE: &str = "\
Example:
  dacapo scrub --data ~/a

A node does so by itself once a day, slowly. Damaged copies are set aside in the folder quarantine of the data \
directory. The node's own files are then fetched from a peer; replicas are sent again by their owners. The exit code \
is 1 as long as something is not whole again.";

pub(super) const LS_EXAMPLE: &str = "\
Examples:
  dacapo ls --data ~/a
  dacapo ls --data ~/a pictures/2019
  dacapo ls --data ~/a --json | jq -r .key";

pub(super) const STAT_EXAMPLE: &str = "\
Example:
  dacapo stat --data ~/a holiday.png";

pub(super) const PEERS_EXAMPLE: &str = "\
Every node that has the secret of the cluster may be a peer, except those that this node has forgotten. `peers lock` \
admits only the nodes that are peers at that moment, and nodes that are allowed afterwards; it names those that were \
peers before and are left out, which the table shows as locked out. A change is in force at once, and stays.

FILES says whether the peer holds every current file of this node. HELD HERE and SIZE count what this disk holds for \
the peer. Below the table stands what a peer does not take, such as one whose disk is full. REFUSED counts requests \
of the peer for what it may not have: files of others, or more than its quota.

Examples:
  dacapo peers --data ~/a
  dacapo peers forget --data ~/a 1a2b3c4d";

pub(super) const UNLIST_HELP: &str = "\
The list has room for 256 nodes that are allowed and for 256 that were forgotten. A node that is taken off it may be a \
peer again, and counts as one that is away until it comes; if the list is locked, it is locked out.";

pub(super) const FORGET_EXAMPLE: &str = "\
Its connections end at once, and it gets no others. What is held for it stays on this disk. It keeps its \
copies of this node's files, and cannot read them. It knows the secret of the cluster: under a new identity it would \
be let in, unless the list is locked.

An address is for a node that has moved: it is not dialled any more, and the node may still connect.

Examples:
  dacapo peers forget --data ~/a 1a2b3c4d
  dacapo peers forget --data ~/a old.example:3000";

pub(super) const STATUS_EXAMPLE: &str = "\
Example:
  dacapo status --data ~/a

The lines at the end, if there are any, say what needs somebody's attention. `peers` shows the peers one by one.";

pub(super) const STOP_EXAMPLE: &str = "\
Returns when the node has stopped and its data directory is closed.

Example:
  dacapo stop --data ~/a";

pub(super) const CONVERT_EXAMPLE: &str = "\
The node has to be stopped. A conversion that was interrupted goes on with the next call, or turns back if that names \
the old layout; until then no node starts on the directory.

Example:
  dacapo stop --data ~/a && dacapo convert --data ~/a --layout packed";

pub(super) const DEMO_EXAMPLE: &str = "\
The third node dials the other two and stores 20 files. Each one is deleted, fetched back from a peer and compared. \
Then the disks are read to see which node holds what, and in what form.

Examples:
  dacapo demo
  dacapo demo --seed 7 --data /tmp/demo && find /tmp/demo";

pub(super) const EXPORT_EXAMPLE: &str = "\
The backup holds the identity and the secret of the cluster. With its passphrase it brings every file back that a \
peer holds, so keep it on another machine, or on paper. It does not change while the node is used.

Examples:
  dacapo identity export --data ~/a -o a.backup
  dacapo identity export --data ~/a | lp";

pub(super) const RECOVER_EXAMPLE: &str = "\
Names, times and contents of all files come back from any peer that holds them, each verified. The data directory \
has to be new, or one of this identity; a recovery that was interrupted goes on with the same command. Afterwards \
`dacapo node` runs on the directory as on the lost one. The lost node must not run any more: two nodes with one \
identity would overwrite each other's files.

Example:
  dacapo recover --data ~/a --identity a.backup --peer other.example:3000";

pub(super) const ROTATE_EXAMPLE: &str = "\
If somebody else may know the identity, its keys protect nothing any more. This command moves every file to a node \
with a new identity, sealed with new keys, and deletes the old copies everywhere. The node has to be stopped. A \
rotation that was interrupted, or that ended because a peer was away, goes on with the same command. Nothing is moved \
while a peer keeps the new identity out, because its list is locked: `dacapo peers allow` there, with the new id that \
the command tells, lets it in. If both identities have different contents under one name, neither is touched: delete \
the one that is not wanted, with `dacapo rm --everywhere` at its node. Afterwards run the new directory, write a new \
backup, send new invitations to the machines that joined by an invitation of the old node, and have every node forget \
the old id.

Example:
  dacapo stop --data ~/a
  dacapo identity rotate --data ~/a --to ~/a2 --listen :3000
  dacapo node --data ~/a2 --listen :3000";

pub(super) const DOCTOR_EXAMPLE: &str = "\
Nothing is changed, and the node may be running or not. \"warn\" is worth knowing; \"fail\" means that files are not \
as safe as they are meant to be, and the exit code is 1.

Examples:
  dacapo doctor --data ~/a
  sudo -u dacapo dacapo doctor --config /etc/dacapo/config.toml";

pub(super) const COMPLETIONS_EXAMPLE: &str = "\
Examples:
  dacapo completions bash > ~/.local/share/bash-completion/completions/dacapo
  dacapo completions zsh > ~/.zfunc/_dacapo
  dacapo completions fish > ~/.config/fish/completions/dacapo.fish";

pub(super) const MAN_EXAMPLE: &str = "\
Example:
  dacapo man ~/.local/share/man/man1 && man dacapo-put";
