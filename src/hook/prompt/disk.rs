//! What was spoken, as files that outlive the process. A file is known by the digest of what is spoken, which tells
//! nothing; what is in it may be about somebody, so that only the owner of the process may read it.

use std::fs::{self, DirBuilder, DirEntry, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder of files.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    folder: PathBuf,
    /// Bytes at most; 0: nothing is kept.
    limit: u64,
}

impl Disk {
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit }
    }

    /// What is there, as used now.
    pub(super) fn read(&self, digest: &[u8; 32]) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let content = fs::read(&path).ok()?;
        let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(now()));
        Some(content)
    }

    /// Keeps a file, whole or not at all, and removes those that were not used for the longest time.
    pub(super) fn keep(&self, digest: &[u8; 32], content: &[u8]) -> io::Result<()> {
        if content.len() as u64 > self.limit {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        self.make_room(self.limit - content.len() as u64)?;
        let path = self.path(digest);
        let part = path.with_extension("part");
        let _ = fs::remove_file(&part);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?.write_all(content)?;
        fs::rename(part, path)
    }

    /// Removes all.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.make_room(0)
    }

    /// Removes the oldest until no more than so many bytes are left.
    fn make_room(&self, limit: u64) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort_by_key(|(modified, ..)| *modified);
        let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if bytes <= limit {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
            bytes -= length;
        }
        Ok(())
    }

    /// Our files with their age and length. What else is in the folder is left alone.
    fn files(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let file = |entry: DirEntry| {
            let (path, about) = (entry.path(), entry.metadata().ok()?);
            is_ours(&path).then_some((about.modified().ok()?, about.len(), path))
        };
        Ok(entries.filter_map(|entry| file(entry.ok()?)).collect())
    }

    fn path(&self, digest: &[u8; 32]) -> PathBuf {
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name + ".wav")
    }
}

fn is_ours(path: &Path) -> bool {
    let (name, end) = (path.file_stem().and_then(|name| name.to_str()), path.extension());
    name.is_some_and(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && end.is_some_and(|end| end == "wav" || end == "part")
}

#[expect(clippy::disallowed_methods, reason = "the edge: the age of a file is told by the time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    fn digest(number: u8) -> [u8; 32] {
        [number; 32]
    }

    /// Makes a file so many seconds older than it is.
    fn age(disk: &Disk, number: u8, seconds: u64) {
        let file = File::options().append(true).open(disk.path(&digest(number))).unwrap();
        file.set_modified(now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn files_are_for_the_owner_and_what_was_not_used_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().join("a/speech"), 30);
        assert_eq!(disk.read(&digest(1)), None);
        for (number, seconds) in [(1, 300), (2, 200), (3, 100)] {
            disk.keep(&digest(number), b"0123456789").unwrap();
            age(&disk, number, seconds);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&disk.folder), mode(&disk.path(&digest(1)))), (0o700, 0o600));
        assert_eq!(disk.read(&digest(1)).as_deref(), Some(&b"0123456789"[..]));
        disk.keep(&digest(4), b"01234").unwrap();
        let there = |disk: &Disk| [1, 2, 3, 4].map(|number| disk.read(&digest(number)).is_some());
        assert_eq!(there(&disk), [true, false, true, true], "the second was not used for the longest time");
        disk.keep(&digest(2), &[0; 31]).unwrap();
        assert_eq!(there(&disk), [true, false, true, true], "one that is too large displaces nothing");
    }

    #[test]
    fn what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().to_owned(), 10);
        let theirs = [folder.path().join("greeting.wav"), folder.path().join(format!("{:064}.txt", 0))];
        for path in &theirs {
            fs::write(path, [0; 100]).unwrap();
        }
        disk.keep(&digest(1), b"0123456789").unwrap();
        disk.clear().unwrap();
        assert!(disk.read(&digest(1)).is_none() && theirs.iter().all(|path| path.exists()));
        let off = Disk::new(folder.path().join("nothing"), 0);
        off.keep(&digest(1), b"0").unwrap();
        assert!(off.clear().is_ok() && !off.folder.exists());
    }
}
