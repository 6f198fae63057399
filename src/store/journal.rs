//! The journal: a folder of files that are appended to, one line of JSON for each entry, before anything else is done
//! with it. A new file is begun at every start, and when one has grown; a file goes when everything in it is kept.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::output::write_all_counted;
use super::rewrite::sync_folder;
use crate::base::Timestamp;
use crate::ledger::{CallRecord, Entry};

/// A place in the journal: the number of a file, and a byte in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// A line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// Something to be kept.
    Entry(Entry),
    /// A call that went on when this file was begun; an earlier file has its entry.
    GoesOn(Box<CallRecord>),
    /// How far the rest has come.
    Mark(Mark),
}

/// The same, to be written.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Written<'a> {
    Entry(&'a Entry),
    GoesOn(&'a CallRecord),
    Mark(Mark),
}

/// How far the rest has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// When it was made: the process was alive.
    pub(super) at: Timestamp,
    /// What stands before this place is in the database.
    pub(super) kept: Place,
    /// Every ended call before this place is in the records file, and on the disk.
    pub(super) filed: Place,
    /// That file's inode.
    pub(super) inode: u64,
}

/// The end that is written to.
pub(super) struct Journal {
    folder: PathBuf,
    /// Held, so that no other process writes here.
    _lock: File,
    file: Arc<File>,
    /// Files before this one, and the folder, that are still to be synced.
    unsynced: Vec<Arc<File>>,
    /// Where the file ends.
    end: Place,
    waiting: Vec<u8>,
}

/// Why a journal cannot be opened.
pub(super) enum OpenFault {
    Locked,
    Io(io::Error),
}

impl From<io::Error> for OpenFault {
    fn from(error: io::Error) -> Self {
        OpenFault::Io(error)
    }
}

impl Journal {
    /// Opens the folder, making it for this user only where there is none, and begins a new file. The numbers of the
    /// files that stand there come with it.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<u64>), OpenFault> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenFault::Locked,
            TryLockError::Error(error) => OpenFault::Io(error),
        })?;
        let old = segments(folder)?;
        let segment = old.last().map_or(1, |last| last + 1);
        let file = Arc::new(create(folder, segment)?);
        sync_folder(&path(folder, segment))?;
        let end = Place { segment, offset: 0 };
        let (unsynced, waiting) = (Vec::new(), Vec::new());
        Ok((Self { folder: folder.to_owned(), _lock: lock, file, unsynced, end, waiting }, old))
    }

    /// Adds a line to what waits.
    pub(super) fn gather(&mut self, line: &Written<'_>) {
        serde_json::to_writer(&mut self.waiting, line).expect("an entry has nothing that JSON cannot say");
        self.waiting.push(b'\n');
    }

    /// Writes what waits, in one go where the system takes it; what it has taken is not written twice.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let (taken, result) = write_all_counted(&mut &*self.file, &self.waiting);
        self.waiting.drain(..taken);
        self.end.offset += taken as u64;
        result
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What is to be synced, in this order, for the disk to keep what was written.
    pub(super) fn unsynced(&self) -> Vec<Arc<File>> {
        self.unsynced.iter().chain([&self.file]).map(Arc::clone).collect()
    }

    /// So many of these are synced. The last may have been written to meanwhile.
    pub(super) fn synced(&mut self, count: usize) {
        self.unsynced.drain(..count.saturating_sub(1));
    }

    /// Where it ends. Whole lines only, where nothing waits.
    pub(super) fn end(&self) -> Place {
        self.end
    }

    /// Begins the next file. Nothing may wait.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let segment = self.end.segment + 1;
        let folder = Arc::new(File::open(&self.folder)?);
        let file = Arc::new(create(&self.folder, segment)?);
        self.unsynced.extend([std::mem::replace(&mut self.file, file), folder]);
        self.end = Place { segment, offset: 0 };
        Ok(())
    }
}

/// Removes the files before one, for good.
pub(super) fn remove_before(folder: &Path, segment: u64) -> io::Result<()> {
    for old in segments(folder)?.into_iter().filter(|old| *old < segment) {
        fs::remove_file(path(folder, old))?;
    }
    sync_folder(&path(folder, segment))
}

fn create(folder: &Path, segment: u64) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path(folder, segment))
}

fn path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:012}.jsonl"))
}

/// The numbers of the files in a folder, in their order.
fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        found.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// The end that is read from.
pub(super) struct Reader {
    folder: PathBuf,
    file: Option<BufReader<File>>,
    place: Place,
}

impl Reader {
    /// Reads from a place on.
    pub(super) fn new(folder: &Path, place: Place) -> Self {
        Self { folder: folder.to_owned(), file: None, place }
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Goes back.
    pub(super) fn seek(&mut self, place: Place) {
        (self.file, self.place) = (None, place);
    }

    /// The next line before the end, and `None` there. What a loss of power has left of a line is passed over.
    pub(super) fn next(&mut self, end: Place) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        while self.place < end {
            line.clear();
            if self.file.is_none() && !self.open()? {
                self.go_on(end)?;
                continue;
            }
            let file = self.file.as_mut().expect("it was opened just now");
            let length = file.read_until(b'\n', &mut line)?;
            self.place.offset += length as u64;
            if line.last() != Some(&b'\n') {
                if length > 0 {
                    tracing::warn!(segment = self.place.segment, "the journal's last line was cut short");
                }
                self.go_on(end)?;
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(line) => return Ok(Some(line)),
                Err(error) => {
                    tracing::error!(%error, segment = self.place.segment, "a line of the journal is passed over")
                }
            }
        }
        Ok(None)
    }

    /// Opens the file of the place. False where there is none.
    fn open(&mut self) -> io::Result<bool> {
        let mut file = match File::open(path(&self.folder, self.place.segment)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.place.offset))?;
        self.file = Some(BufReader::with_capacity(64 * 1024, file));
        Ok(true)
    }

    /// To the next file there is, or to the end.
    fn go_on(&mut self, end: Place) -> io::Result<()> {
        let next = segments(&self.folder)?.into_iter().find(|segment| *segment > self.place.segment);
        let next = next.map_or(end, |segment| Place { segment, offset: 0 });
        self.seek(next.min(end));
        Ok(())
    }
}
