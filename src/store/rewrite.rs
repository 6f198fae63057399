//! Writing a file of lines anew, however large: into one beside it, which takes its place once it is whole on the disk.
//! Killed at any moment, one of them stands there, and whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes that are read and written at a time.
const BUFFER: usize = 256 * 1024;

/// What becomes of a line: `None` where it stays as it is.
pub(super) type Change<'a> = &'a dyn Fn(&[u8]) -> Option<Vec<u8>>;

/// A file that is being written anew.
#[derive(Debug)]
pub(super) struct Rewriting {
    path: PathBuf,
    /// What the old file is known by.
    inode: u64,
    old: BufReader<File>,
    /// Bytes of the old file that are done.
    done: u64,
    /// What was read of a line that has no end yet.
    line: Vec<u8>,
    new: BufWriter<File>,
}

impl Rewriting {
    /// Begins with a file; `None` where there is none, or what has this name keeps nothing, as a pipe.
    pub(super) fn begin(path: &Path) -> io::Result<Option<Self>> {
        // A link stays one.
        let path = match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            path => path?,
        };
        if !path.metadata()?.is_file() {
            return Ok(None);
        }
        let old = File::open(&path)?;
        let metadata = old.metadata()?;
        discard(&path)?;
        let new =
            OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(beside(&path))?;
        let begun = Self {
            path,
            inode: metadata.ino(),
            old: BufReader::with_capacity(BUFFER, old),
            done: 0,
            line: Vec::new(),
            new: BufWriter::with_capacity(BUFFER, new),
        };
        begun.new.get_ref().set_permissions(metadata.permissions())?;
        Ok(Some(begun))
    }

    /// What the old file is known by.
    pub(super) fn inode(&self) -> u64 {
        self.inode
    }

    /// Takes over the lines that the old file has by now, and has the disk keep them.
    pub(super) fn advance(&mut self, change: Change<'_>) -> io::Result<()> {
        loop {
            self.done += self.old.read_until(b'\n', &mut self.line)? as u64;
            if self.line.last() != Some(&b'\n') {
                break;
            }
            self.put(change)?;
        }
        self.new.flush()?;
        self.new.get_ref().sync_data()
    }

    fn put(&mut self, change: Change<'_>) -> io::Result<()> {
        let changed = change(&self.line);
        self.new.write_all(changed.as_deref().unwrap_or(&self.line))?;
        self.line.clear();
        Ok(())
    }

    /// Takes over the rest, and puts the new file in place of the old one, to which nobody may write meanwhile. The
    /// folder is still to be synced.
    pub(super) fn finish(mut self, change: Change<'_>) -> io::Result<File> {
        self.advance(change)?;
        if !self.line.is_empty() {
            self.put(change)?;
            self.new.flush()?;
        }
        let now = fs::metadata(&self.path)?;
        if now.ino() != self.inode || now.len() != self.done {
            return Err(io::Error::other("it was moved or cut meanwhile"));
        }
        let file = self.new.get_ref().try_clone()?;
        file.sync_all()?;
        fs::rename(beside(&self.path), &self.path)?;
        Ok(file)
    }
}

/// What is not finished leaves nothing behind.
impl Drop for Rewriting {
    fn drop(&mut self) {
        let _ = discard(&self.path);
    }
}

/// Removes what a killed process has left of its work on a file.
pub(super) fn discard(path: &Path) -> io::Result<()> {
    match fs::remove_file(beside(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Has the disk keep the names in the folder of a file.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".erasing");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn shout(line: &[u8]) -> Option<Vec<u8>> {
        line.starts_with(b"b").then(|| line.to_ascii_uppercase())
    }

    #[test]
    fn what_is_added_meanwhile_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "a\nbb\nb").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        let mut rewriting = Rewriting::begin(&link).unwrap().unwrap();
        rewriting.advance(&shout).unwrap();
        let mut old = OpenOptions::new().append(true).open(&path).unwrap();
        old.write_all(b"c\nd\nb").unwrap();
        let mut new = rewriting.finish(&shout).unwrap();
        new.write_all(b"e\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nBB\nBC\nd\nBe\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_file_that_is_moved_meanwhile_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("file"), folder.path().join("moved"));
        assert!(Rewriting::begin(&path).unwrap().is_none());
        fs::write(&path, "b\n").unwrap();
        let rewriting = Rewriting::begin(&path).unwrap().unwrap();
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "b\n").unwrap();
        rewriting.finish(&shout).unwrap_err();
        for path in [&path, &moved] {
            assert_eq!(fs::read_to_string(path).unwrap(), "b\n");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }
}
