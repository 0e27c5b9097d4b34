//! The bytes of the text: finds out how the input is compressed from its first bytes, and decompresses in a stream.
//!
//! Costs what the decompressor costs. It counts the bytes taken from the source (what progress is measured in), and it
//! tells a failing source from a damaged stream. It does not look at file names.

use crate::error::{ErrorKind, SnapshotError};
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

/// How an input is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Plain text.
    None,
    /// One or more gzip members.
    Gzip,
    /// One or more zstd frames.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

const COMPRESSED_BUFFER_BYTES: usize = 128 * 1024;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What the counting reader at the bottom tells the input at the top, past the decompressor between them.
#[derive(Debug, Default)]
struct Source {
    read_bytes: Cell<u64>,
    failed: Cell<bool>,
}

struct Counted<R> {
    reader: R,
    source: Rc<Source>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            // A reader that claims more than it was given room for must not lead to an index out of range later.
            Ok(count) if count > buffer.len() => {
                self.source.failed.set(true);
                Err(io::Error::other("the reader reports more bytes than its buffer holds"))
            }
            Ok(count) => {
                self.source.read_bytes.set(self.source.read_bytes.get() + count as u64);
                Ok(count)
            }
            Err(error) => {
                self.source.failed.set(error.kind() != io::ErrorKind::Interrupted);
                Err(error)
            }
        }
    }
}

/// The decompressed text of an input.
pub(crate) struct Input<'a> {
    reader: Box<dyn Read + 'a>,
    compression: Compression,
    source: Rc<Source>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(reader: Box<dyn Read + 'a>) -> Result<Self, SnapshotError> {
        let source = Rc::new(Source::default());
        let mut reader = Counted {
            reader,
            source: Rc::clone(&source),
        };
        let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
        (&mut reader)
            .take(ZSTD_MAGIC.len() as u64)
            .read_to_end(&mut magic)
            .map_err(|error| SnapshotError::new(ErrorKind::Io(error), 0))?;
        let compression = if magic.starts_with(GZIP_MAGIC) {
            Compression::Gzip
        } else if magic == ZSTD_MAGIC {
            Compression::Zstd
        } else {
            Compression::None
        };
        let whole = Cursor::new(magic).chain(reader);
        let reader: Box<dyn Read + 'a> = match compression {
            Compression::None => Box::new(whole),
            Compression::Gzip => {
                let buffered = BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, whole);
                Box::new(flate2::bufread::MultiGzDecoder::new(buffered))
            }
            Compression::Zstd => {
                let buffered = BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, whole);
                let decoder = zstd::stream::read::Decoder::with_buffer(buffered);
                Box::new(decoder.map_err(|error| SnapshotError::new(ErrorKind::Io(error), 0))?)
            }
        };
        Ok(Self {
            reader,
            compression,
            source,
        })
    }

    /// Bytes taken from the source so far, before decompression.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.source.read_bytes.get()
    }

    /// Reads more text; 0 at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        loop {
            match self.reader.read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.source.failed.get() || self.compression == Compression::None => {
                    return Err(ErrorKind::Io(error));
                }
                Err(source) => {
                    return Err(ErrorKind::Decompress {
                        format: self.compression,
                        source,
                    });
                }
            }
        }
    }
}
