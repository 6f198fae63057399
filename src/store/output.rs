//! Writing to a disk that may be full.

use std::io::{self, Write};

/// Writes as much as the file takes: how many bytes those were, and why not all.
pub(super) fn write_all_counted(file: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while taken < bytes.len() {
        match file.write(&bytes[taken..]) {
            Ok(0) => return (taken, Err(io::ErrorKind::WriteZero.into())),
            Ok(length) => taken += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut file = Full { taken: Vec::new(), room: 3 };
        let mut waiting = b"1234\n".to_vec();
        let (taken, result) = write_all_counted(&mut file, &waiting);
        assert!(taken == 3 && result.is_err());
        waiting.drain(..taken);
        waiting.extend(b"5678\n");
        let (taken, result) = write_all_counted(&mut file, &waiting);
        assert!(taken == waiting.len() && result.is_ok());
        assert_eq!(file.taken, b"1234\n5678\n");
    }
}
