//! Folders on the machines of clients, which are brought to the nodes as `dacapo put -r --delete` does it, and back: by
//! the same comparison, from page to page, while other calls go on.

use std::collections::BTreeMap;

use dacapo::folder::{FolderFile, Join, Pair, Sameness, sameness};
use dacapo::node::{Handle, StatError};

use super::local::{Folder, Local};
use super::{Done, Fate, Many, key, number, prefix};
use crate::host::Host;
use crate::store::history::{HistoryEntry, Outcome, digest};
use crate::store::listing::each_page;

/// One in how many of the files that a node lists is fetched.
const GET_ONE_IN: usize = 8;

impl Many {
    /// Brings the node what has changed in the folder of its client, which has so many files now, and deletes what is
    /// no longer in it.
    ///
    /// # Errors
    /// If a file was left as it is, and is not the one in the folder. `is_as_left` says whether the node's disk is as
    /// the node has left it.
    pub(in crate::store) async fn put_folder(
        &self,
        node: &Handle,
        entry: &HistoryEntry,
        count: u16,
        is_as_left: bool,
    ) -> (Outcome, Result<(), String>) {
        let host = entry.host;
        let folder = self.change_folder(host, entry.number, count);
        let before = self.turns(host);
        let (found, gone) = match compare(node, &folder).await {
            Ok(found) => found,
            Err(error) => return (Outcome::Failed(error.to_string()), Ok(())),
        };
        let left = self.left_alone(host, &before, &folder, &found);
        let bring = |node: Handle, number: u16| {
            let (this, local, sameness) = (self.clone(), folder[&number].clone(), found[&number]);
            async move {
                match sameness {
                    Sameness::Same => return Done::Unchanged,
                    Sameness::Unclear if is_same(&node, number, &local.content).await => return Done::Unchanged,
                    Sameness::Unclear | Sameness::Other => {}
                }
                this.store_one(node, (host, number), local.content, Some(local.attributes)).await
            }
        };
        let outcome = self.each(node, host, found.keys().copied().collect(), bring).await;
        // What is gone is deleted last, and only if all else is well.
        if outcome == Outcome::Many(found.len()) {
            self.each(node, host, gone, Self::erase_one).await;
        }
        (outcome, if is_as_left { left } else { Ok(()) })
    }

    /// Lists the files of a folder, and gets some of them.
    ///
    /// # Errors
    /// If one is not what a call was to store under its key.
    pub(in crate::store) async fn get_folder(&self, node: &Handle, host: Host) -> (Outcome, Result<(), String>) {
        let mut listed = Vec::new();
        let read = each_page(node, prefix().as_str(), |page| {
            listed.extend(page.into_iter().filter_map(|file| number(&file.key)));
        })
        .await;
        if let Err(error) = read {
            return (Outcome::Failed(error.to_string()), Ok(()));
        }
        for number in listed.iter().copied().step_by(GET_ONE_IN) {
            let Ok(fetched) = node.get(&key(number)).await else { continue };
            let changed = fetched.attributes.map(|attributes| attributes.changed_s);
            let Ok(content) = fetched.read_all().await else { continue };
            let files = self.files.borrow();
            let known = files.get(&(host, number));
            if !known.is_some_and(|known| known.ever.contains(&(digest(&content), changed))) {
                let what = format!("gave a content or a time of {} that nobody has stored", key(number));
                return (Outcome::Many(listed.len()), Err(what));
            }
        }
        (Outcome::Many(listed.len()), Ok(()))
    }

    /// Changes the folder of a client, and returns it.
    fn change_folder(&self, host: Host, call: usize, count: u16) -> Folder {
        let mut folders = self.folders.borrow_mut();
        let folder = folders.entry(host).or_default();
        folder.retain(|number, _| *number < count);
        for number in 0..count {
            folder
                .entry(number)
                .and_modify(|local| local.change(number, call))
                .or_insert_with(|| Local::new(number, call));
        }
        folder.clone()
    }

    /// Returns how many calls about each file have begun, if none is under way.
    fn turns(&self, host: Host) -> BTreeMap<u16, u32> {
        let files = self.files.borrow();
        let of_host = files.iter().filter(|((at, _), known)| *at == host && known.open == 0);
        of_host.map(|((_, number), known)| (*number, known.begun)).collect()
    }

    /// Judges which files are left as they are, by what was stored last.
    fn left_alone(
        &self,
        host: Host,
        before: &BTreeMap<u16, u32>,
        folder: &Folder,
        found: &BTreeMap<u16, Sameness>,
    ) -> Result<(), String> {
        let now = self.turns(host);
        for (number, _) in found.iter().filter(|(_, sameness)| **sameness == Sameness::Same) {
            let is_alone = before.get(number).is_some_and(|begun| now.get(number) == Some(begun));
            let is_other =
                |fate: &Fate| matches!(fate, Fate::There(stored, _) if *stored != digest(&folder[number].content));
            let files = self.files.borrow();
            if is_alone && files.get(&(host, *number)).is_some_and(|known| is_other(&known.fate)) {
                return Err(format!("{} is to be left as it is, and is another file than in the folder", key(*number)));
            }
        }
        Ok(())
    }
}

/// Compares a folder with what the node lists. Returns whether each file is the stored one, and which files are gone
/// from the folder.
async fn compare(node: &Handle, folder: &Folder) -> Result<(BTreeMap<u16, Sameness>, Vec<u16>), StatError> {
    let prefix = prefix();
    let files = folder.iter().map(|(number, local)| {
        let key = key(*number);
        let path = prefix.path(&key).expect("the key of a file in the folder");
        (key, FolderFile { path, size: local.content.len() as u64, attributes: local.attributes })
    });
    let mut join = Join::new(files.collect());
    let (mut found, mut gone) = (BTreeMap::new(), Vec::new());
    let mut take = |pair| match pair {
        Pair::Folder(key, _) => found.extend(number(&key).map(|number| (number, Sameness::Other))),
        Pair::Both(file, stored) => {
            let sameness = sameness(file.size, &file.attributes, &stored);
            found.extend(number(&stored.key).map(|number| (number, sameness)));
        }
        Pair::Node(stored) => gone.extend(number(&stored.key)),
    };
    each_page(node, prefix.as_str(), |page| join.page(page, &mut take)).await?;
    join.rest().for_each(take);
    Ok((found, gone))
}

/// Whether a file has this content. What cannot be read does not.
async fn is_same(node: &Handle, number: u16, content: &[u8]) -> bool {
    let Ok(fetched) = node.get(&key(number)).await else { return false };
    fetched.read_all().await.is_ok_and(|found| found == content)
}
