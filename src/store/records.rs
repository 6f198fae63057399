//! The file of call records: one JSON object per line, each call once.
//!
//! No record is ever dropped: what the disk does not take waits in memory and is tried again, and a line that was
//! cut short is completed where it broke off.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::output::write_all_counted;
use super::rewrite::{self, Change, Rewriting};
use crate::ledger::CallRecord;

/// Bytes that are looked through beyond those that are known to be enough.
const MARGIN: u64 = 64 * 1024;

/// Why the records file cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsFault {
    /// The folder that the file is to stand in does not exist.
    #[error("the folder of the records file does not exist: create {0}")]
    NoFolder(PathBuf),
    /// The file cannot be opened for appending.
    #[error("the records file {0} cannot be opened: {1}")]
    Open(PathBuf, #[source] io::Error),
}

/// The file, and what it has not taken yet.
#[derive(Debug)]
pub(super) struct RecordsFile {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
}

impl RecordsFile {
    /// Sees that the file's folder is there.
    pub(super) fn check_folder(path: &Path) -> Result<(), RecordsFault> {
        let folder = folder_of(path);
        if folder.is_dir() { Ok(()) } else { Err(RecordsFault::NoFolder(folder.to_owned())) }
    }

    /// Opens the file, making it with mode 0600 where there is none. A last line that was cut short is cut off where
    /// it will be written again, else it is ended.
    pub(super) fn open(path: &Path, is_written_again: bool) -> Result<Self, RecordsFault> {
        Self::check_folder(path)?;
        let fault = |error| RecordsFault::Open(path.to_owned(), error);
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(fault)?;
        let mode = file.metadata().map_err(fault)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others may read the records file, which holds whole numbers: chmod 600");
        }
        end_torn_line(&mut file, is_written_again).map_err(fault)?;
        Ok(Self { path: path.to_owned(), file, waiting: Vec::new() })
    }

    /// Removes what a killed process has left of a file that was being written anew.
    pub(super) fn discard_unfinished(path: &Path) -> Result<(), RecordsFault> {
        let Ok(real) = path.canonicalize() else { return Ok(()) };
        rewrite::discard(&real).map_err(|error| RecordsFault::Open(path.to_owned(), error))
    }

    /// A record's line.
    pub(super) fn line(record: &CallRecord) -> Vec<u8> {
        let mut line = serde_json::to_vec(record).expect("a record has nothing that JSON cannot say");
        line.push(b'\n');
        line
    }

    /// Adds a record's line to what waits.
    pub(super) fn gather(&mut self, record: &CallRecord) {
        self.waiting.extend(Self::line(record));
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Writes what waits. What the file has taken is not written twice, whatever happens then.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let (taken, result) = write_all_counted(&mut self.file, &self.waiting);
        self.waiting.drain(..taken);
        result
    }

    /// Has the disk keep what was written; a file that is none, as a pipe, keeps nothing.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.file.metadata()?.is_file() { self.file.sync_data() } else { Ok(()) }
    }

    /// What the file is known by when it has another name.
    pub(super) fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    /// Opens the file anew under its name, after it was moved away.
    pub(super) fn reopen(&mut self) -> Result<(), RecordsFault> {
        self.file = Self::open(&self.path, false)?.file;
        Ok(())
    }

    /// Has the file that is being written anew take the place of this one. Nothing may wait.
    pub(super) fn replace(&mut self, rewriting: Rewriting, change: Change<'_>) -> io::Result<()> {
        if rewriting.inode() != self.inode()? {
            return Err(io::Error::other("the records file was moved, and is to be opened anew first"));
        }
        self.file = rewriting.finish(change)?;
        rewrite::sync_folder(&self.path.canonicalize()?)
    }

    /// The ids of the calls in so many bytes at the end of the file, and of the one with an inode, under whatever name
    /// it stands beside it.
    pub(super) fn ids_at_end(
        &self,
        length: u64,
        inode: Option<u64>,
    ) -> Result<HashSet<Box<str>>, RecordsFault> {
        let fault = |error| RecordsFault::Open(self.path.clone(), error);
        let mut ids = HashSet::new();
        add_ids(&mut ids, &self.path, length).map_err(fault)?;
        if inode.is_some_and(|inode| self.inode().is_ok_and(|own| own != inode)) {
            for entry in fs::read_dir(folder_of(&self.path)).map_err(fault)?.flatten() {
                if entry.metadata().is_ok_and(|metadata| metadata.is_file() && Some(metadata.ino()) == inode)
                {
                    add_ids(&mut ids, &entry.path(), length).map_err(fault)?;
                }
            }
        }
        Ok(ids)
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Adds the ids in the last bytes of a file. A line that is cut, or not ours, has none.
fn add_ids(ids: &mut HashSet<Box<str>>, path: &Path, length: u64) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Id {
        id: Box<str>,
    }
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(length.saturating_add(MARGIN))))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n');
    ids.extend(lines.filter_map(|line| serde_json::from_slice::<Id>(line).ok()).map(|id| id.id));
    Ok(())
}

/// A process or a machine that was killed may have left half a line: the next record starts on its own.
pub(super) fn end_torn_line(file: &mut File, cut: bool) -> io::Result<()> {
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    let length = file.seek(SeekFrom::End(0))?;
    let whole = end_of_lines(file, length)?;
    if whole == length {
        return Ok(());
    }
    if cut { file.set_len(whole) } else { file.write_all(b"\n") }
}

/// Where the last whole line ends.
fn end_of_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    let mut block = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = &mut block[..usize::try_from(end - start).expect("a block at most")];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
