//! A folder that lasts as long as the demonstration.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A temporary folder that only its owner can enter.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one; `token` is random.
    pub(super) fn make(token: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("maskline-demo-{token}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_gone_with_all_that_was_in_it() {
        let folder = Folder::make(&format!("test-{}", std::process::id())).unwrap();
        fs::write(folder.path().join("a"), "b").unwrap();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
