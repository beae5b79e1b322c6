//! Descriptors from a descriptor-set file: what an executor's build ships.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use parking_lot::Mutex;
use thiserror::Error;

/// Largest file that is read.
const BYTES: u64 = 8 << 20;

/// A descriptor-set file that may change.
pub(super) struct FileSource {
    path: PathBuf,
    seen: Mutex<Option<Stamp>>,
}

/// What shows that a file changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    bytes: u64,
    /// A file renamed into place may have the time and size of the one before.
    inode: u64,
}

/// Why the file can't be read.
#[derive(Debug, Error)]
pub(super) enum FileError {
    /// The system refuses.
    #[error("cannot read the descriptor set {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large.
    #[error("the descriptor set {} is larger than {BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
}

impl FileSource {
    /// This file.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            seen: Mutex::new(None),
        }
    }

    /// Its bytes; nothing when time, size and inode are those of the last time that it was read.
    pub(super) async fn read_if_changed(&self) -> Result<Option<Vec<u8>>, FileError> {
        let (path, seen) = (self.path.clone(), *self.seen.lock());
        let failed = |source| FileError::Read {
            path: self.path.clone(),
            source,
        };
        let read = tokio::task::spawn_blocking(move || read(&path, seen)).await;
        let found = read
            .unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(failed);
        let Some((stamp, bytes)) = found.inspect_err(|_| *self.seen.lock() = None)? else {
            return Ok(None);
        };
        if stamp.bytes > BYTES {
            return Err(FileError::TooLarge(self.path.clone()));
        }
        *self.seen.lock() = Some(stamp);
        Ok(Some(bytes))
    }
}

fn read(path: &Path, seen: Option<Stamp>) -> io::Result<Option<(Stamp, Vec<u8>)>> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let stamp = Stamp {
        modified: metadata.modified()?,
        bytes: metadata.len(),
        inode: metadata.ino(),
    };
    if seen == Some(stamp) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take(BYTES + 1).read_to_end(&mut bytes)?;
    Ok(Some((
        Stamp {
            bytes: stamp.bytes.max(bytes.len() as u64),
            ..stamp
        },
        bytes,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_read_again_only_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set.bin");
        let source = FileSource::new(&path);
        assert!(matches!(source.read_if_changed().await, Err(FileError::Read { .. })));
        std::fs::write(&path, "one").unwrap();
        assert_eq!(source.read_if_changed().await.unwrap().unwrap(), b"one");
        assert_eq!(source.read_if_changed().await.unwrap(), None);
        std::fs::write(&path, "three").unwrap();
        assert_eq!(source.read_if_changed().await.unwrap().unwrap(), b"three");
        std::fs::remove_file(&path).unwrap();
        assert!(source.read_if_changed().await.is_err());
        std::fs::write(&path, "three").unwrap();
        assert!(
            source.read_if_changed().await.unwrap().is_some(),
            "a file that came back is read"
        );
    }

    #[tokio::test]
    async fn a_huge_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set.bin");
        File::create(&path).unwrap().set_len(BYTES + 1).unwrap();
        assert!(matches!(
            FileSource::new(&path).read_if_changed().await,
            Err(FileError::TooLarge(_))
        ));
    }
}
