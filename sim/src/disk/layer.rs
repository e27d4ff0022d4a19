//! A disk over another disk that changes some of its calls and passes the others on.
//!
//! A type says in [`Layer`] which calls it changes; [`layered!`](crate::layered) makes it a [`Disk`]. A blanket
//! implementation would do without the macro, but both the trait and the type would then be foreign to this crate.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use dacapo::disk::{DirEntry, Disk, DiskFile, DiskPath};

/// What a disk makes of the calls on it. Each method has the contract of its namesake in [`Disk`] or [`DiskFile`], and
/// passes the call on unless it is overridden.
pub trait Layer: Clone + Send + Sync + 'static {
    /// The disk that gets the calls that are passed on.
    type Below: Disk;

    /// Returns the disk below.
    fn below(&self) -> &Self::Below;

    /// Creates a file.
    fn create(&self, path: &DiskPath) -> io::Result<FileOf<Self>> {
        self.below().create(path)
    }

    /// Opens a file.
    fn open(&self, path: &DiskPath) -> io::Result<FileOf<Self>> {
        self.below().open(path)
    }

    /// Gives a file another name.
    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.below().rename(from, to)
    }

    /// Gives anything another name.
    fn move_away(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.below().move_away(from, to)
    }

    /// Removes a file.
    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.below().remove(path)
    }

    /// Creates a directory.
    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.below().make_dir(path)
    }

    /// Removes an empty directory.
    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.below().remove_dir(path)
    }

    /// Lists a directory.
    fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>> {
        self.below().list(path)
    }

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.below().sync_dir(path)
    }

    /// Makes the whole disk durable.
    fn sync_all(&self) -> io::Result<()> {
        self.below().sync_all()
    }

    /// Runs blocking work.
    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        self.below().run(work)
    }

    /// Reads from an open file.
    fn read_at(&self, file: &LayeredFile<Self>, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file.below.read_at(position, buffer)
    }

    /// Writes to an open file.
    fn write_at(&self, file: &LayeredFile<Self>, position: u64, bytes: &[u8]) -> io::Result<()> {
        file.below.write_at(position, bytes)
    }

    /// Sets the length of an open file.
    fn set_len(&self, file: &LayeredFile<Self>, len: u64) -> io::Result<()> {
        file.below.set_len(len)
    }

    /// Returns the length of an open file.
    fn len(&self, file: &LayeredFile<Self>) -> io::Result<u64> {
        file.below.len()
    }

    /// Makes an open file durable.
    fn sync(&self, file: &LayeredFile<Self>) -> io::Result<()> {
        file.below.sync()
    }

    /// Starts to write an open file back.
    fn start_sync(&self, file: &LayeredFile<Self>, position: u64, len: u64) {
        file.below.start_sync(position, len);
    }
}

/// A file of the disk below a layer.
pub type FileOf<L> = <<L as Layer>::Below as Disk>::File;

/// An open file of a layered disk: the file below, and the path by which it was created or opened.
pub struct LayeredFile<L: Layer> {
    layer: L,
    path: DiskPath,
    below: Arc<FileOf<L>>,
}

impl<L: Layer> LayeredFile<L> {
    /// Puts a file of the disk below under a layer.
    #[must_use]
    pub fn new(layer: &L, path: &DiskPath, below: FileOf<L>) -> Self {
        Self { layer: layer.clone(), path: path.clone(), below: Arc::new(below) }
    }

    /// Returns the path by which the file was created or opened.
    #[must_use]
    pub fn path(&self) -> &DiskPath {
        &self.path
    }

    /// Returns the file of the disk below.
    #[must_use]
    pub fn below(&self) -> &Arc<FileOf<L>> {
        &self.below
    }
}

impl<L: Layer> fmt::Debug for LayeredFile<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayeredFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<L: Layer> DiskFile for LayeredFile<L> {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.layer.read_at(self, position, buffer)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.layer.write_at(self, position, bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.layer.set_len(self, len)
    }

    fn len(&self) -> io::Result<u64> {
        self.layer.len(self)
    }

    fn sync(&self) -> io::Result<()> {
        self.layer.sync(self)
    }

    fn start_sync(&self, position: u64, len: u64) {
        self.layer.start_sync(self, position, len);
    }
}

/// Makes a type that implements [`Layer`](crate::disk::layer::Layer) a [`Disk`].
#[macro_export]
macro_rules! layered {
    ($disk:ty) => {
        const _: () = {
            use ::dacapo::disk::{DirEntry, Disk, DiskPath};
            use ::std::io::Result;
            use $crate::disk::layer::{Layer, LayeredFile};

            impl Disk for $disk {
                type File = LayeredFile<Self>;

                fn create(&self, path: &DiskPath) -> Result<Self::File> {
                    Ok(LayeredFile::new(self, path, <Self as Layer>::create(self, path)?))
                }

                fn open(&self, path: &DiskPath) -> Result<Self::File> {
                    Ok(LayeredFile::new(self, path, <Self as Layer>::open(self, path)?))
                }

                fn rename(&self, from: &DiskPath, to: &DiskPath) -> Result<()> {
                    <Self as Layer>::rename(self, from, to)
                }

                fn move_away(&self, from: &DiskPath, to: &DiskPath) -> Result<()> {
                    <Self as Layer>::move_away(self, from, to)
                }

                fn remove(&self, path: &DiskPath) -> Result<()> {
                    <Self as Layer>::remove(self, path)
                }

                fn make_dir(&self, path: &DiskPath) -> Result<()> {
                    <Self as Layer>::make_dir(self, path)
                }

                fn remove_dir(&self, path: &DiskPath) -> Result<()> {
                    <Self as Layer>::remove_dir(self, path)
                }

                fn list(&self, path: &DiskPath) -> Result<Vec<DirEntry>> {
                    <Self as Layer>::list(self, path)
                }

                fn sync_dir(&self, path: &DiskPath) -> Result<()> {
                    <Self as Layer>::sync_dir(self, path)
                }

                fn sync_all(&self) -> Result<()> {
                    <Self as Layer>::sync_all(self)
                }

                async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
                    <Self as Layer>::run(self, work).await
                }
            }
        };
    };
}
