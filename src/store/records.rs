//! The file of call records: one JSON object per line, appended by a thread of its own.
//!
//! No record is ever dropped: what the disk does not take waits in memory and is tried again, and a line that was
//! cut short is completed where it broke off.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use crate::ledger::CallRecord;

/// Bytes gathered before they are written, where records come faster than the disk.
const BATCH: usize = 256 * 1024;
/// How long after a failure the disk is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes that wait when the log warns, and again with each doubling.
const BACKLOG: usize = 4 * 1024 * 1024;

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
    /// Records could not be written before the end: so many bytes of them.
    #[error("{0} bytes of call records could not be written")]
    Unwritten(usize),
}

/// What reaches the writing thread.
enum Order {
    Write(Box<CallRecord>),
    Reopen,
    Close,
}

/// The records file and the thread that writes it.
#[derive(Debug)]
pub struct Records {
    sender: Sender<Order>,
    thread: thread::JoinHandle<Result<(), RecordsFault>>,
}

/// Hands records to the writing thread, from any thread and without waiting.
#[derive(Debug, Clone)]
pub struct RecordWriter(Sender<Order>);

impl RecordWriter {
    /// Writes down a call.
    pub fn write(&self, record: Box<CallRecord>) {
        // The thread outlives every shard, which the application stops first.
        let _ = self.0.send(Order::Write(record));
    }
}

impl Records {
    /// Opens the file, making it with mode 0600 where there is none, and starts the thread.
    ///
    /// # Errors
    /// Where its folder does not exist or it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, RecordsFault> {
        let file = open(path)?;
        let (sender, orders) = channel();
        let mut output = Output { path: path.to_owned(), file, waiting: Vec::new(), warned: BACKLOG };
        let run = move || output.run(&orders);
        let thread = thread::Builder::new().name("records".into()).spawn(run);
        let thread = thread.map_err(|error| RecordsFault::Open(path.to_owned(), error))?;
        Ok(Self { sender, thread })
    }

    /// A way to hand in records.
    #[must_use]
    pub fn writer(&self) -> RecordWriter {
        RecordWriter(self.sender.clone())
    }

    /// Opens the file anew under its name, after it was moved away.
    pub fn reopen(&self) {
        let _ = self.sender.send(Order::Reopen);
    }

    /// Writes all that waits, has the disk keep it, and ends the thread.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub fn close(self) -> Result<(), RecordsFault> {
        let _ = self.sender.send(Order::Close);
        self.thread.join().unwrap_or(Err(RecordsFault::Unwritten(0)))
    }
}

fn open(path: &Path) -> Result<File, RecordsFault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(RecordsFault::NoFolder(folder.to_owned()));
    }
    let fault = |error| RecordsFault::Open(path.to_owned(), error);
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others may read the records file, which holds whole numbers: chmod 600");
    }
    end_torn_line(&mut file).map_err(fault)?;
    Ok(file)
}

/// A machine that lost power may have left half a line: the next record starts on its own.
fn end_torn_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.is_file() && file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// The file, and what it has not taken yet.
struct Output<W = File> {
    path: PathBuf,
    file: W,
    waiting: Vec<u8>,
    warned: usize,
}

impl Output {
    fn run(&mut self, orders: &Receiver<Order>) -> Result<(), RecordsFault> {
        loop {
            let order = if self.waiting.is_empty() {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(RETRY)
            };
            let goes_on = match order {
                Ok(order) => self.take_all(order, orders),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            let result = self.flush();
            if !goes_on {
                return result.and_then(|()| self.file.sync_all()).map_err(|error| {
                    tracing::error!(%error, "call records cannot be written");
                    RecordsFault::Unwritten(self.waiting.len())
                });
            }
            if let Err(error) = result {
                self.complain(&error);
            }
        }
    }

    /// Takes an order, and those behind it up to a batch. False where the last one closes.
    fn take_all(&mut self, first: Order, orders: &Receiver<Order>) -> bool {
        let mut next = Ok(first);
        loop {
            match next {
                Ok(Order::Write(record)) => self.gather(&record),
                Ok(Order::Reopen) => self.reopen(),
                Ok(Order::Close) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
            if self.waiting.len() > BATCH {
                return true;
            }
            next = orders.try_recv();
        }
    }

    fn reopen(&mut self) {
        // What waits belongs to the file that it was meant for, as far as that one takes it.
        let _ = self.flush();
        match open(&self.path) {
            Ok(file) => self.file = file,
            Err(fault) => tracing::error!(%fault, "the records file stays as it is"),
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if self.waiting.len() >= self.warned || self.warned == BACKLOG {
            tracing::error!(%error, bytes = self.waiting.len(), "call records wait in memory: the disk takes none");
            self.warned = self.waiting.len().max(BACKLOG) * 2;
        }
    }
}

impl<W: Write> Output<W> {
    /// Adds a record's line to what waits.
    fn gather(&mut self, record: &CallRecord) {
        let line = serde_json::to_vec(record).expect("a record has nothing that JSON cannot say");
        self.waiting.extend_from_slice(&line);
        self.waiting.push(b'\n');
    }

    /// Writes what waits. What the file has taken is not written twice, whatever happens then.
    fn flush(&mut self) -> io::Result<()> {
        let mut taken = 0;
        let result = loop {
            if taken == self.waiting.len() {
                break Ok(());
            }
            match self.file.write(&self.waiting[taken..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => taken += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.waiting.drain(..taken);
        if result.is_ok() {
            self.warned = BACKLOG;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Outcome;

    fn record(id: &str) -> Box<CallRecord> {
        Box::new(CallRecord {
            id: id.into(),
            received_at: 1,
            source: "carrier".into(),
            dialled: Some("+918045550101".parse().unwrap()),
            caller: None,
            destination: None,
            shown: None,
            session: None,
            outcome: Outcome::Refused,
            hung_up: None,
            status: Some(404),
            cause: 1,
            decided_ms: None,
            ringing_ms: None,
            answered_ms: None,
            ended_ms: 1,
            billable_ms: 0,
            legs: Vec::new(),
            trace: std::sync::Arc::default(),
        })
    }

    fn ids(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let id = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().into()
        };
        text.lines().map(id).collect()
    }

    #[test]
    fn every_record_is_a_line_of_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let records = Records::open(&path).unwrap();
        let writer = records.writer();
        (0..1000).for_each(|number| writer.write(record(&number.to_string())));
        records.close().unwrap();
        assert_eq!(ids(&path), (0..1000).map(|number| number.to_string()).collect::<Vec<_>>());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path).unwrap().contains("+918045550101"), "numbers are whole");
    }

    #[test]
    fn a_torn_line_is_ended_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        std::fs::write(&path, "{\"id\":\"old\"}\n{\"id\":\"to").unwrap();
        let records = Records::open(&path).unwrap();
        records.writer().write(record("new"));
        records.close().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().nth(2).is_some_and(|line| line.starts_with("{\"id\":\"new\"")), "{text}");
    }

    #[test]
    fn a_moved_file_is_left_behind_on_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let records = Records::open(&path).unwrap();
        records.writer().write(record("1"));
        records.reopen();
        records.writer().write(record("2"));
        let moved = folder.path().join("old.jsonl");
        records.close().unwrap();
        assert_eq!(ids(&path), ["1", "2"]);
        std::fs::rename(&path, &moved).unwrap();
        let records = Records::open(&path).unwrap();
        std::fs::rename(&path, folder.path().join("older.jsonl")).unwrap();
        records.reopen();
        records.writer().write(record("3"));
        records.close().unwrap();
        assert_eq!(ids(&path), ["3"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let fault = Records::open(Path::new("/no/such/folder/records.jsonl")).unwrap_err();
        assert!(fault.to_string().contains("create /no/such/folder"), "{fault}");
    }

    /// Takes a few bytes, then fails, then takes the rest.
    struct Full {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                self.room = usize::MAX;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let length = bytes.len().min(self.room);
            self.taken.extend_from_slice(&bytes[..length]);
            self.room -= length;
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_and_doubles_nothing() {
        let file = Full { taken: Vec::new(), room: 10 };
        let mut output = Output { path: PathBuf::new(), file, waiting: Vec::new(), warned: BACKLOG };
        output.gather(&record("1"));
        assert!(output.flush().is_err());
        output.gather(&record("2"));
        output.flush().unwrap();
        let lines: Vec<_> = output.file.taken.split(|byte| *byte == b'\n').collect();
        assert!(lines[0].starts_with(b"{\"id\":\"1\"") && lines[1].starts_with(b"{\"id\":\"2\""));
        assert_eq!(lines.len(), 3);
    }
}
