//! What the database cannot hold: `refused.json` in the journal's folder, one entry a line, each once.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::base::PhoneNumber;
use crate::ledger::Entry;
use crate::store::records::end_torn_line;
use crate::store::rewrite::{self, Rewriting};
use crate::store::{erase, output};

/// What a line is known by.
type Digest = [u8; 16];

/// The file.
#[derive(Debug)]
pub(super) struct Refused {
    path: PathBuf,
    /// The lines in it, once somebody had to know.
    known: Mutex<Option<HashSet<Digest>>>,
}

impl Refused {
    /// In the journal's folder, where it is made when it is needed.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join("refused.json");
        rewrite::discard(&path)?;
        Ok(Self { path, known: Mutex::default() })
    }

    /// Adds an entry, which is on the disk then. One that is there stays as it is: its batch is tried again.
    pub(super) fn add(&self, entry: &Entry) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        let known = match &mut *known {
            Some(known) => known,
            none => none.insert(lines(&file)?),
        };
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if known.contains(&digest(&line)) {
            return Ok(());
        }
        end_torn_line(&mut file, true)?;
        output::write_all_counted(&mut file, &line).1?;
        file.sync_data()?;
        known.insert(digest(&line));
        Ok(())
    }

    /// Erases a party.
    pub(super) fn erase(&self, party: PhoneNumber) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rewriting) = Rewriting::begin(&self.path)? {
            *known = None;
            rewriting.finish(&|line| erase::entry_line(line, party))?;
            rewrite::sync_folder(&self.path)?;
        }
        Ok(())
    }
}

fn lines(file: &File) -> io::Result<HashSet<Digest>> {
    let mut file = BufReader::new(file);
    let (mut found, mut line) = (HashSet::new(), Vec::new());
    while file.read_until(b'\n', &mut line)? > 0 {
        found.insert(digest(&line));
        line.clear();
    }
    Ok(found)
}

fn digest(line: &[u8]) -> Digest {
    *Sha256::digest(line).first_chunk().expect("it has 32 bytes")
}
