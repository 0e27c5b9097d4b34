//! Encoded images on disk, by key, checked when they are read, within a number of bytes.
//!
//! The files and their checksums are [`cacache`]'s; this module adds what it leaves to its users: a bound, with the least
//! recently used entry going first, and the habit of dropping what is damaged. A list of the entries is kept in memory,
//! about 200 bytes each. Opening reads the index, and removes files that no entry refers to, as a crash may leave them.
//! A read takes a look-up and one pass over the bytes; a write one pass, and the removal of what it evicts.
//!
//! One process at a time may have a folder open. The order of use does not survive it: after opening, entries are in the
//! order in which they were written. `cacache` names its temporary files at random; nothing else here depends on chance
//! or time.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cacache::{Algorithm, Integrity, RemoveOpts, SyncReader, WriteOpts};
use hashlink::LinkedHashMap;

use super::error::LoadError;
use super::source::EncodedSource;

/// A store of encoded images in a folder. It is a handle: clones are the same store, on all threads.
///
/// ```
/// use tenure_resource::image_cache::{DecodeLimits, DecodeQueue, DiskCache, ImageCache};
///
/// # let folder = std::env::temp_dir().join(format!("tenure-disk-cache-example-{}", std::process::id()));
/// # let png = tenure_resource::simulation::sample_png();
/// let disk = DiskCache::open(&folder, 200 << 20)?;
/// let cache = ImageCache::<String>::new();
/// let queue = DecodeQueue::stepped(DecodeLimits::default(), cache.ledger());
/// for expected_hits in [0, 1] {
///     let download = { let png = png.clone(); move || Ok(png.clone()) };
///     let source = disk.in_front_of("https://example.org/logo.png", download);
///     let stream = cache.put_if_absent("logo".into(), |completer| queue.submit(source, completer));
///     queue.wait();
///     assert!(stream.image().is_some());
///     assert_eq!(disk.statistics().hits, expected_hits);
///     cache.evict(&"logo".into(), true);
/// }
/// # drop(disk); std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct DiskCache(Arc<Store>);

struct Store {
    folder: PathBuf,
    max_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// From the least to the most recently used.
    entries: LinkedHashMap<String, Entry>,
    used_bytes: u64,
    /// Numbers the writes, in place of a time.
    next_write: u128,
    counts: DiskCacheStatistics,
}

#[derive(Clone)]
struct Entry {
    integrity: Integrity,
    /// Bytes of the file: the encoded image, and the key behind it.
    size_bytes: u64,
}

/// Counts of a store since it was opened, and its size now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskCacheStatistics {
    /// Reads that found their key, undamaged.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Entries that were written.
    pub written: u64,
    /// Writes that failed; the image was used all the same.
    pub failed_writes: u64,
    /// Entries that were dropped to stay within the bound.
    pub evictions: u64,
    /// Entries that were dropped because their bytes were damaged, missing, or no image.
    pub dropped: u64,
    /// Entries there are.
    pub entry_count: usize,
    /// Bytes of their files.
    pub used_bytes: u64,
}

impl DiskCache {
    /// Opens the store in `folder`, which is created if it does not exist and must be used for nothing else. Evicts what
    /// is more than `max_bytes`.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created or read.
    pub fn open(folder: impl Into<PathBuf>, max_bytes: u64) -> io::Result<DiskCache> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        let mut found = Vec::new();
        for entry in cacache::list_sync(&folder) {
            match entry {
                Ok(entry) => found.push(entry),
                // A new folder has no index yet.
                Err(cacache::Error::IoError(error, _)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(into_io(error)),
            }
        }
        found.sort_by(|a, b| (a.time, &a.key).cmp(&(b.time, &b.key)));
        let mut state = State {
            next_write: found.last().map_or(0, |entry| entry.time + 1),
            ..State::default()
        };
        for entry in found {
            let size_bytes = entry.size as u64;
            state.used_bytes += size_bytes;
            let integrity = entry.integrity;
            state.entries.insert(entry.key, Entry { integrity, size_bytes });
        }
        let store = Store {
            folder,
            max_bytes,
            state: Mutex::default(),
        };
        store.remove_strays(&state)?;
        store.shrink(&mut state, max_bytes);
        *store.state() = state;
        Ok(DiskCache(Arc::new(store)))
    }

    /// Reads the encoded bytes of `key`. An entry whose bytes are not what was written is dropped.
    #[must_use]
    pub fn read(&self, key: &str) -> Option<Vec<u8>> {
        let store = &*self.0;
        let entry = store.state().entries.to_back(key).cloned();
        let Some(entry) = entry else {
            store.state().counts.misses += 1;
            return None;
        };
        // Not under the lock: others may read meanwhile. If the file is evicted meanwhile, it is a miss.
        let encoded = read_checked(&store.folder, &entry).ok().and_then(|mut bytes| {
            let encoded_len = bytes.len().checked_sub(key.len())?;
            (bytes[encoded_len..] == *key.as_bytes()).then(|| {
                bytes.truncate(encoded_len);
                bytes
            })
        });
        let mut state = store.state();
        if encoded.is_some() {
            state.counts.hits += 1;
        } else {
            state.counts.misses += 1;
            if (state.entries.get(key)).is_some_and(|now| now.integrity == entry.integrity) {
                state.counts.dropped += 1;
                store.remove(&mut state, key);
            }
        }
        encoded
    }

    /// Writes the encoded bytes of `key`, in place of those before. Evicts what was used least recently to make room.
    /// Returns whether they are now stored: what is larger than the bound is not.
    ///
    /// # Errors
    ///
    /// If writing fails, for instance because the disk is full. Then `key` is not stored.
    pub fn write(&self, key: &str, encoded: &[u8]) -> io::Result<bool> {
        let store = &*self.0;
        let mut state = store.state();
        store.remove(&mut state, key);
        let size_bytes = encoded.len() as u64 + key.len() as u64;
        if size_bytes > store.max_bytes {
            return Ok(false);
        }
        store.shrink(&mut state, store.max_bytes - size_bytes);
        let time = state.next_write;
        state.next_write += 1;
        match write_file(&store.folder, key, encoded, time) {
            Ok(integrity) => {
                state.entries.insert(key.to_owned(), Entry { integrity, size_bytes });
                state.used_bytes += size_bytes;
                state.counts.written += 1;
                Ok(true)
            }
            Err(error) => {
                state.counts.failed_writes += 1;
                Err(error)
            }
        }
    }

    /// Removes `key`. Returns whether it was there.
    pub fn remove(&self, key: &str) -> bool {
        let mut state = self.0.state();
        self.0.remove(&mut state, key)
    }

    /// Removes everything.
    pub fn clear(&self) {
        let mut state = self.0.state();
        while let Some(key) = state.entries.front().map(|(key, _)| key.clone()) {
            self.0.remove(&mut state, &key);
        }
    }

    /// A source that reads `key` from this store, and from `origin` what is not there. What comes from the origin and
    /// decodes is stored; what comes from the store and does not decode is dropped, and loaded from the origin.
    pub fn in_front_of<S: EncodedSource>(&self, key: impl Into<String>, origin: S) -> DiskSource<S> {
        DiskSource {
            disk: self.clone(),
            key: key.into(),
            origin,
            is_stored: true,
        }
    }

    /// Counts since opening, and the size now.
    #[must_use]
    pub fn statistics(&self) -> DiskCacheStatistics {
        let state = self.0.state();
        DiskCacheStatistics {
            entry_count: state.entries.len(),
            used_bytes: state.used_bytes,
            ..state.counts
        }
    }
}

impl fmt::Debug for DiskCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskCache")
            .field("folder", &self.0.folder)
            .field("max_bytes", &self.0.max_bytes)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Each change of the state is complete before anything that could panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shrink(&self, state: &mut State, max_bytes: u64) {
        while state.used_bytes > max_bytes {
            let Some(key) = state.entries.front().map(|(key, _)| key.clone()) else {
                break;
            };
            self.remove(state, &key);
            state.counts.evictions += 1;
        }
    }

    fn remove(&self, state: &mut State, key: &str) -> bool {
        let Some(entry) = state.entries.remove(key) else {
            return false;
        };
        state.used_bytes -= entry.size_bytes;
        // Files end in their key, so no other entry shares this one. If it is gone already, the index keeps a line that
        // says that the key is removed. What cannot be removed at all is not trusted either: it is a stray when the
        // folder is opened next.
        let removed = RemoveOpts::new().remove_fully(true).remove_sync(&self.folder, key);
        if removed.is_err() {
            let _ = cacache::remove_sync(&self.folder, key);
        }
        true
    }

    /// Removes files that no entry refers to: of writes that did not end, and of entries whose index line is damaged.
    fn remove_strays(&self, state: &State) -> io::Result<()> {
        let known: HashSet<String> = state.entries.values().map(|entry| entry.integrity.to_hex().1).collect();
        let contents = self.folder.join("content-v2");
        for file in files_below(&contents, 4)? {
            let parts = file.strip_prefix(&contents).unwrap_or(&file).iter().skip(1);
            let hex: String = parts.map(|part| part.to_string_lossy()).collect();
            if !known.contains(&hex) {
                std::fs::remove_file(&file)?;
            }
        }
        for file in files_below(&self.folder.join("tmp"), 1)? {
            std::fs::remove_file(&file)?;
        }
        Ok(())
    }
}

/// All files below a folder, which need not exist, down to a depth.
fn files_below(folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if depth > 1 {
                files.extend(files_below(&entry.path(), depth - 1)?);
            }
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// The key follows the bytes: equal images of two keys are two files, and none can be taken for another's.
fn write_file(folder: &Path, key: &str, encoded: &[u8], time: u128) -> io::Result<Integrity> {
    let mut writer = WriteOpts::new()
        .algorithm(Algorithm::Sha256)
        .size(encoded.len() + key.len())
        .time(time)
        .open_sync(folder, key)
        .map_err(into_io)?;
    writer.write_all(encoded)?;
    writer.write_all(key.as_bytes())?;
    writer.commit().map_err(into_io)
}

/// Reads a file and checks it; one that has grown is not read to its end.
fn read_checked(folder: &Path, entry: &Entry) -> io::Result<Vec<u8>> {
    let mut reader = SyncReader::open_hash(folder, entry.integrity.clone()).map_err(into_io)?;
    let mut bytes = Vec::new();
    reader.by_ref().take(entry.size_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != entry.size_bytes {
        return Err(io::ErrorKind::InvalidData.into());
    }
    reader.check().map_err(into_io)?;
    Ok(bytes)
}

fn into_io(error: cacache::Error) -> io::Error {
    match error {
        cacache::Error::IoError(error, _) => error,
        other => io::Error::other(other),
    }
}

/// A source with a store in front of it, see [`DiskCache::in_front_of`].
#[derive(Debug)]
pub struct DiskSource<S> {
    disk: DiskCache,
    key: String,
    origin: S,
    /// Whether the store may have it; afterwards, whether the bytes that were read come from there.
    is_stored: bool,
}

impl<S: EncodedSource> EncodedSource for DiskSource<S> {
    fn read(&mut self, max_bytes: usize) -> Result<Vec<u8>, LoadError> {
        if self.is_stored
            && let Some(encoded) = self.disk.read(&self.key)
        {
            return Ok(encoded);
        }
        self.is_stored = false;
        self.origin.read(max_bytes)
    }

    fn accept(&mut self, encoded: &[u8]) {
        if !self.is_stored {
            self.origin.accept(encoded);
            // The image is there, stored or not; the store counts what failed.
            let _ = self.disk.write(&self.key, encoded);
        }
    }

    fn reject(&mut self) -> bool {
        if !self.is_stored {
            return self.origin.reject();
        }
        self.is_stored = false;
        if self.disk.remove(&self.key) {
            self.disk.0.state().counts.dropped += 1;
        }
        true
    }
}
