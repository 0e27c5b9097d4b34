//! Where encoded bytes come from: memory, a file, a function, or a store in front of one of these.
//!
//! A source is read on a worker thread, once; only one that says so is read again when its bytes do not decode. It does
//! not stream: an encoded image is small against its pixels.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::error::LoadError;

/// Reads the encoded bytes of one image, on whichever thread decodes it.
///
/// `Vec<u8>`, `Arc<[u8]>`, `&'static [u8]`, `PathBuf` and functions that return `io::Result<Vec<u8>>` are sources.
pub trait EncodedSource: Send {
    /// Reads the bytes. More than `max_bytes` are not accepted, so a source that knows that it has more may refuse with
    /// [`LoadError::EncodedTooLarge`] instead of reading them.
    ///
    /// # Errors
    ///
    /// Whatever kept it from reading; it becomes the result of the load.
    fn read(&mut self, max_bytes: usize) -> Result<Vec<u8>, LoadError>;

    /// Is told that the bytes just read decode, so that a store can keep them.
    fn accept(&mut self, encoded: &[u8]) {
        let _ = encoded;
    }

    /// Is told that the bytes just read do not decode. Returns whether reading again would give others.
    fn reject(&mut self) -> bool {
        false
    }
}

impl EncodedSource for Vec<u8> {
    fn read(&mut self, _max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        Ok(std::mem::take(self))
    }
}

impl EncodedSource for Arc<[u8]> {
    fn read(&mut self, _max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        Ok(self.to_vec())
    }
}

impl EncodedSource for &'static [u8] {
    fn read(&mut self, _max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        Ok(self.to_vec())
    }
}

/// A file.
impl EncodedSource for PathBuf {
    fn read(&mut self, max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        let file = File::open(self)?;
        let given_bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        if given_bytes > max_bytes {
            return Err(LoadError::EncodedTooLarge { given_bytes, max_bytes });
        }
        let mut encoded = Vec::with_capacity(given_bytes);
        // A file may grow, or have no length at all, like a pipe.
        file.take((max_bytes as u64).saturating_add(1))
            .read_to_end(&mut encoded)?;
        Ok(encoded)
    }
}

/// A function, called each time that the bytes are read.
impl<F: FnMut() -> io::Result<Vec<u8>> + Send> EncodedSource for F {
    fn read(&mut self, _max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        Ok(self()?)
    }
}

impl EncodedSource for Box<dyn EncodedSource> {
    fn read(&mut self, max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        (**self).read(max_bytes)
    }

    fn accept(&mut self, encoded: &[u8]) {
        (**self).accept(encoded);
    }

    fn reject(&mut self) -> bool {
        (**self).reject()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let path = std::env::temp_dir().join(format!("tenure-resource-source-{}", std::process::id()));
        std::fs::write(&path, [1; 100]).unwrap();
        assert_eq!(path.clone().read(100).unwrap(), [1; 100]);
        assert!(matches!(
            path.clone().read(99),
            Err(LoadError::EncodedTooLarge {
                given_bytes: 100,
                max_bytes: 99
            })
        ));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(path.clone().read(100), Err(LoadError::Source(_))));
    }
}
