//! Gets a file: from the local disk if the copy is good, otherwise from the first peer whose copy verifies.

mod ask;
mod hedge;
mod newer;
mod offer;
mod purpose;
mod receive;
mod search;

use std::future::pending;
use std::pin::pin;

use super::local_copy::{self, LocalCopy, Origin};
use crate::crypto::{Key, Version};
use crate::disk::Disk;
use crate::event::Event;
use crate::node::context::{Context, Shared};
use crate::node::handle::errors::GetError;
use crate::node::handle::fetched::Fetched;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use receive::Wanted;
use search::Search;

pub(super) use newer::{NewerError, take_newer};
pub(in crate::node) use purpose::Purpose;
pub(super) use receive::ReceiveError;

/// How often a get looks again because a newer version was stored while it searched. Chosen: a file that is stored
/// again faster than this is on the local disk at one of these looks.
const LOOKS_MAX: usize = 8;

/// Gets a file. See [`Handle::get`](crate::node::Handle::get) and
/// [`Handle::get_unkept`](crate::node::Handle::get_unkept).
///
/// The lock of the file is held while the local disk is used, and not while peers are asked: a store that occupies the
/// connections to a peer may wait for it. Searches for one file follow each other by a lock of their own. A search for
/// a local copy that has begun goes on when its caller has left; one that waits for another does not, and neither does
/// one that is for the caller alone.
pub(in crate::node) async fn get<P: Platform>(
    context: Shared<P>,
    key: Key,
    purpose: Purpose,
    left: impl Future<Output = ()>,
) -> Result<Fetched, GetError> {
    let blob = BlobId::Own(key.file_name());
    let mut left = pin!(left);
    // A large copy is verified while others search for a better one.
    let was_searched = context.searches.is_locked(blob);
    let mut looked = look(&context, &key, &purpose).await?;
    let is_good = matches!(looked, LocalCopy::Good(..));
    let is_searched = was_searched || context.searches.is_locked(blob);
    let _searching = match is_good {
        true => None,
        false => tokio::select! {
            biased;
            searching = context.searches.lock(blob) => Some(searching),
            // Nobody reads this.
            () = &mut left => return Err(GetError::Stopped),
        },
    };
    if !is_good && is_searched {
        // Another search may have brought the file.
        looked = look(&context, &key, &purpose).await?;
    }
    let (mut looks, mut proved) = (0, Version(0));
    loop {
        looks += 1;
        let mut unread = None;
        let (record, is_damaged) = match looked {
            LocalCopy::Good(record, reader) => {
                return Ok(local_copy::open(&context, reader, (&record.seal, record.iv), Origin::Here));
            }
            LocalCopy::Damaged(record) => {
                context.tell(&Event::FileDamaged { file: key.file_name() });
                (Some(record), true)
            }
            LocalCopy::Unreadable(record, error) => {
                context.tell(&Event::FileUnreadable { file: key.file_name(), reason: error.to_string() });
                unread = Some(error);
                (Some(record), false)
            }
            LocalCopy::Absent(record) => (record, false),
        };
        let searched = record.as_ref().map(|record| record.seal.version);
        let wanted = Wanted::new(&context, &key, record, purpose.clone());
        let is_useless = async {
            match purpose.is_passing() {
                true => left.as_mut().await,
                false => pending().await,
            }
        };
        let mut search = Search::begin(&context, wanted, is_damaged, proved);
        let error = match search.run(&context, is_useless).await {
            Err(error) => error,
            found => return found,
        };
        proved = search.newest();
        if purpose.is_gone() || matches!(error, GetError::Stopped) {
            return Err(error);
        }
        if looks == LOOKS_MAX || newest(&context, &key).await? == searched {
            return Err(match (error, unread) {
                (error @ (GetError::Deleted | GetError::Disk(_)), _) | (error, None) => error,
                // The copy here may be good, and no peer has given another one.
                (_, Some(error)) => GetError::Disk(error),
            });
        }
        looked = look(&context, &key, &purpose).await?;
    }
}

/// Looks for a good copy on the local disk. A file that was deleted everywhere is an error.
async fn look<P: Platform>(
    context: &Context<P>,
    key: &Key,
    purpose: &Purpose,
) -> Result<LocalCopy<<P::Disk as Disk>::File>, GetError> {
    let locked = context.locks.lock(BlobId::Own(key.file_name())).await;
    let (replica_name, key, is_mending) = (context.keys.replica_name(key), key.clone(), purpose.is_mending());
    let looked = context.with_keys(move |store, keys| {
        Ok(match store.proved_tombstone(keys, replica_name)? {
            Some(_) => None,
            None if is_mending => Some(local_copy::look_at_disk(store, keys, &key)?),
            None => Some(local_copy::look_up(store, keys, &key)?),
        })
    });
    let look = looked.await.map_err(GetError::Disk)?.ok_or(GetError::Deleted)?;
    drop(locked);
    look.verified(context).await.map_err(GetError::Disk)
}

/// Returns the newest version, or deletion, that the catalog knows of a file.
async fn newest<P: Platform>(context: &Context<P>, key: &Key) -> Result<Option<Version>, GetError> {
    let (replica_name, key) = (context.keys.replica_name(key), key.clone());
    context.blocking(move |store| store.newest(Some(&key), replica_name)).await.map_err(GetError::Disk)
}
