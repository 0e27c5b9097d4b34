//! The store on disk: order, bound, damage of every kind, and the way through it to the origin.

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tenure_resource::image_cache::{DecodeLimits, DecodeQueue, DiskCache, ImageCache, LoadError};

/// A folder of its own for each test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    fn open(&self, max_bytes: u64) -> DiskCache {
        DiskCache::open(&self.0, max_bytes).expect("a folder of this test's own")
    }

    fn files(&self, part: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.join(part)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => files.push(path),
                }
            }
        }
        files
    }

    fn content_bytes(&self) -> u64 {
        let sizes = self
            .files("content-v2")
            .into_iter()
            .map(|file| file.metadata().expect("a file").len());
        sizes.sum()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_written_is_read_also_after_opening_again() {
    let folder = Folder::new("again");
    let disk = folder.open(1000);
    assert!(disk.write("a", b"first").unwrap());
    assert!(disk.write("a", b"second").unwrap());
    assert!(disk.write("b", b"second").unwrap());
    assert_eq!(disk.read("a").as_deref(), Some(&b"second"[..]));
    drop(disk);
    let disk = folder.open(1000);
    assert_eq!(disk.read("a").as_deref(), Some(&b"second"[..]));
    assert_eq!(disk.read("b").as_deref(), Some(&b"second"[..]));
    assert_eq!(disk.read("c"), None);
    let statistics = disk.statistics();
    assert_eq!((statistics.hits, statistics.misses, statistics.entry_count), (2, 1, 2));
    assert_eq!((statistics.used_bytes, folder.content_bytes()), (14, 14));
}

#[test]
fn the_bound_holds_and_the_least_recently_used_goes_first() {
    let folder = Folder::new("bound");
    let disk = folder.open(30);
    for key in ["a", "b", "c"] {
        disk.write(key, &[b'x'; 9]).unwrap();
    }
    assert!(disk.read("a").is_some());
    disk.write("d", &[b'x'; 9]).unwrap();
    assert_eq!(
        ["a", "b", "c", "d"].map(|key| disk.read(key).is_some()),
        [true, false, true, true]
    );
    assert!(
        !disk.write("e", &[b'x'; 30]).unwrap(),
        "larger than the bound with its key"
    );
    assert_eq!((disk.statistics().evictions, folder.content_bytes()), (1, 30));
    drop(disk);
    let disk = folder.open(10);
    assert_eq!(disk.statistics().entry_count, 1);
    assert!(disk.read("d").is_some(), "the last that was written");
    drop(disk);
    assert_eq!(folder.open(0).statistics().entry_count, 0);
    assert_eq!(folder.content_bytes(), 0);
    assert_eq!(
        folder.files("index-v5").len(),
        0,
        "the index does not grow with what is gone"
    );
}

#[test]
fn damaged_entries_are_dropped() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("flipped", |file| {
            let mut bytes = std::fs::read(file).unwrap();
            bytes[0] ^= 1;
            std::fs::write(file, bytes).unwrap();
        }),
        ("cut", |file| std::fs::write(file, b"").unwrap()),
        ("grown", |file| std::fs::write(file, vec![0; 100_000]).unwrap()),
        ("appended", |file| {
            let mut bytes = std::fs::read(file).unwrap();
            bytes.push(0);
            std::fs::write(file, bytes).unwrap();
        }),
        ("missing", |file| std::fs::remove_file(file).unwrap()),
    ];
    for (name, damage) in damages {
        let folder = Folder::new(name);
        let disk = folder.open(1000);
        disk.write("a", b"bytes").unwrap();
        damage(&folder.files("content-v2")[0]);
        assert_eq!(disk.read("a"), None, "{name}");
        let statistics = disk.statistics();
        assert_eq!(
            (statistics.dropped, statistics.entry_count, statistics.used_bytes),
            (1, 0, 0),
            "{name}"
        );
        assert_eq!(folder.content_bytes(), 0, "{name}");
        disk.write("a", b"anew").unwrap();
        drop(disk);
        assert_eq!(folder.open(1000).read("a").as_deref(), Some(&b"anew"[..]), "{name}");
    }
}

#[test]
fn a_damaged_index_loses_entries_but_no_space() {
    let folder = Folder::new("index");
    let disk = folder.open(1000);
    disk.write("a", b"lost").unwrap();
    disk.write("b", b"kept").unwrap();
    drop(disk);
    let of_a = (folder.files("index-v5").into_iter())
        .find(|file| std::fs::read_to_string(file).unwrap().contains("\"key\":\"a\""))
        .unwrap();
    std::fs::write(of_a, "\nabc\t{\"key\":\"a\"").unwrap();
    std::fs::create_dir_all(folder.0.join("tmp")).unwrap();
    std::fs::write(folder.0.join("tmp").join("half"), b"a write that did not end").unwrap();
    let disk = folder.open(1000);
    assert_eq!((disk.read("a"), disk.read("b").as_deref()), (None, Some(&b"kept"[..])));
    assert_eq!((folder.content_bytes(), folder.files("tmp").len()), (5, 0));
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error() {
    let folder = Folder::new("file");
    std::fs::write(&folder.0, b"a file").unwrap();
    assert!(DiskCache::open(&folder.0, 10).is_err());
    std::fs::remove_file(&folder.0).unwrap();
    let disk = folder.open(100);
    std::fs::write(folder.0.join("index-v5"), b"a file where a folder belongs").unwrap();
    assert!(disk.write("a", b"bytes").is_err());
    let statistics = disk.statistics();
    assert_eq!(
        (statistics.failed_writes, statistics.entry_count, statistics.used_bytes),
        (1, 0, 0)
    );
}

fn png() -> Vec<u8> {
    let mut encoded = Cursor::new(Vec::new());
    image::RgbaImage::new(3, 3)
        .write_to(&mut encoded, image::ImageFormat::Png)
        .expect("encoding into memory");
    encoded.into_inner()
}

/// Loads one key anew through a store; counts how often the origin is asked.
fn load(disk: &DiskCache, origin: &Arc<AtomicUsize>, bytes: Vec<u8>) -> Result<u32, Arc<LoadError>> {
    let cache = ImageCache::<u32>::new();
    let queue = DecodeQueue::stepped(DecodeLimits::default(), cache.ledger());
    let origin = Arc::clone(origin);
    let download = move || -> io::Result<Vec<u8>> {
        origin.fetch_add(1, Ordering::Relaxed);
        Ok(bytes.clone())
    };
    let source = disk.in_front_of("key", download);
    let stream = cache.put_if_absent(1, |completer| queue.submit(source, completer));
    queue.wait();
    stream.result().expect("ended").map(|image| image.width_px())
}

#[test]
fn the_origin_is_asked_for_what_is_not_stored_or_does_not_decode() {
    let folder = Folder::new("origin");
    let (disk, origin) = (folder.open(10_000), Arc::new(AtomicUsize::new(0)));
    let asked = || origin.load(Ordering::Relaxed);
    assert!(load(&disk, &origin, b"rubbish".to_vec()).is_err());
    assert_eq!(
        (asked(), disk.statistics().entry_count),
        (1, 0),
        "what does not decode is not stored"
    );
    assert_eq!(load(&disk, &origin, png()).ok(), Some(3));
    assert_eq!((asked(), disk.statistics().entry_count), (2, 1));
    assert_eq!(load(&disk, &origin, Vec::new()).ok(), Some(3));
    assert_eq!((asked(), disk.statistics().written), (2, 1));
    // Intact, but no image.
    disk.write("key", b"rubbish").unwrap();
    assert_eq!(load(&disk, &origin, png()).ok(), Some(3));
    assert_eq!((asked(), disk.statistics().dropped), (3, 1));
    // Damaged.
    let file = &folder.files("content-v2")[0];
    std::fs::write(file, b"damaged").unwrap();
    assert_eq!(load(&disk, &origin, png()).ok(), Some(3));
    assert_eq!(asked(), 4);
    assert_eq!(load(&disk, &origin, Vec::new()).ok(), Some(3));
    assert_eq!(asked(), 4);
}

#[test]
fn threads_may_share_a_store() {
    let folder = Folder::new("threads");
    let disk = folder.open(300);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let disk = disk.clone();
            scope.spawn(move || {
                for round in 0..25 {
                    let key = format!("{}", (thread + round) % 6);
                    if let Some(bytes) = disk.read(&key) {
                        assert_eq!(bytes, key.repeat(60).into_bytes());
                    } else {
                        disk.write(&key, key.repeat(60).as_bytes()).unwrap();
                    }
                }
            });
        }
    });
    let statistics = disk.statistics();
    assert!(
        statistics.used_bytes <= 300 && statistics.entry_count <= 4,
        "{statistics:?}"
    );
    assert_eq!(folder.content_bytes(), statistics.used_bytes);
}

#[derive(Debug, Clone)]
enum Op {
    Write(u8, usize),
    Read(u8),
    Remove(u8),
    Damage(usize),
    Reopen(u64),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to the files, a read gives what was written last, or nothing; and the bound holds.
    #[test]
    fn a_read_gives_what_was_written_or_nothing(program in prop::collection::vec(prop_oneof![
        4 => (0u8..5, 0usize..60).prop_map(|(key, len)| Op::Write(key, len)),
        4 => (0u8..5).prop_map(Op::Read),
        1 => (0u8..5).prop_map(Op::Remove),
        1 => any::<usize>().prop_map(Op::Damage),
        1 => (0u64..150).prop_map(Op::Reopen),
    ], 1..40)) {
        let folder = Folder::new("model");
        let mut max_bytes = 100;
        let mut disk = folder.open(max_bytes);
        let mut written: [Option<Vec<u8>>; 5] = Default::default();
        for (at, op) in program.into_iter().enumerate() {
            match op {
                Op::Write(key, len) => {
                    let bytes = vec![at as u8; len];
                    let stored = disk.write(&key.to_string(), &bytes).unwrap();
                    prop_assert_eq!(stored, (len as u64) < max_bytes);
                    written[usize::from(key)] = stored.then_some(bytes);
                }
                Op::Read(key) => {
                    if let Some(bytes) = disk.read(&key.to_string()) {
                        prop_assert_eq!(Some(&bytes), written[usize::from(key)].as_ref());
                    }
                }
                Op::Remove(key) => {
                    disk.remove(&key.to_string());
                    written[usize::from(key)] = None;
                }
                Op::Damage(which) => {
                    let files = folder.files("content-v2");
                    if !files.is_empty() {
                        std::fs::write(&files[which % files.len()], b"damaged").unwrap();
                    }
                }
                Op::Reopen(bytes) => {
                    max_bytes = bytes;
                    drop(disk);
                    disk = folder.open(max_bytes);
                }
            }
            prop_assert!(disk.statistics().used_bytes <= max_bytes);
        }
        disk.clear();
        prop_assert_eq!((disk.statistics().used_bytes, folder.content_bytes()), (0, 0));
    }
}
