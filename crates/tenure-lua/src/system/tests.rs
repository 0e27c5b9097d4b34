//! Files, pipes and the environment; expected values are the reference's.

#[path = "../../tests/support/mod.rs"]
mod support;

use super::*;
use crate::pure::number::{Number, parse_number};
use proptest::prelude::*;
use support::Shown;

/// A name in a directory that is gone at the end of a test.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn name(&self, file: &str) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        self.0.path().join(file).as_os_str().as_bytes().to_vec()
    }

    fn file(&self, contents: &str) -> Vec<u8> {
        let name = self.name("file");
        std::fs::write(path(&name), contents).unwrap();
        name
    }
}

fn open(name: &[u8], mode: &str) -> io::Result<LuaFile> {
    LuaFile::open(name, OpenMode::parse(mode.as_bytes()).unwrap())
}

fn failure<T: std::fmt::Debug>(result: io::Result<T>) -> (String, i32) {
    let failure = Failure::of(&result.unwrap_err(), None);
    (String::from_utf8(failure.message).unwrap(), failure.code)
}

fn line(file: &mut LuaFile) -> Option<String> {
    file.read_line(false)
        .unwrap()
        .map(|line| String::from_utf8(line).unwrap())
}

#[test]
fn modes() {
    for mode in ["r", "w", "a", "r+", "w+", "a+", "rb", "r+b", "wbb", "r\0x"] {
        assert!(OpenMode::parse(mode.as_bytes()).is_some(), "{mode:?}");
    }
    for mode in ["", "x", "rw", "rb+", "r++", "rt", "+", "b"] {
        assert!(OpenMode::parse(mode.as_bytes()).is_none(), "{mode:?}");
    }
}

#[test]
fn lines_blocks_and_ends() {
    let scratch = Scratch::new();
    let mut file = open(&scratch.file("one\n\nthree"), "r").unwrap();
    assert_eq!(file.read_line(true).unwrap().unwrap(), b"one\n");
    assert!(!file.is_at_end().unwrap());
    assert_eq!(line(&mut file).unwrap(), "");
    assert_eq!(file.read_bytes(3).unwrap().unwrap(), b"thr");
    assert_eq!(file.read_bytes(100).unwrap().unwrap(), b"ee");
    assert!(file.is_at_end().unwrap());
    assert_eq!(file.read_line(true).unwrap(), None);
    assert_eq!(file.read_bytes(1).unwrap(), None);
    assert_eq!(file.read_all().unwrap(), b"");
}

#[test]
fn lines_longer_than_the_buffer() {
    let scratch = Scratch::new();
    let contents = format!("{}\n{}", "x".repeat(10_000), "y".repeat(5000));
    let mut file = open(&scratch.file(&contents), "r").unwrap();
    assert_eq!(line(&mut file).unwrap().len(), 10_000);
    assert_eq!(line(&mut file).unwrap().len(), 5000);
    assert_eq!(line(&mut file), None);
}

#[test]
fn numerals() {
    let scratch = Scratch::new();
    let mut file = open(&scratch.file("12 0x1F -3.5e1 .5 nan x\n"), "r").unwrap();
    for expected in [
        Number::Integer(12),
        Number::Integer(31),
        Number::Float(-35.0),
        Number::Float(0.5),
    ] {
        assert_eq!(file.read_number().unwrap(), Some(expected));
    }
    assert_eq!(file.read_number().unwrap(), None);
    assert_eq!(line(&mut file).unwrap(), "nan x");

    let contents = format!("{} 0x 0x1p 1e+ 5 -- +7 .e5", "1".repeat(250));
    let mut file = open(&scratch.file(&contents), "r").unwrap();
    let mut number = || file.read_number().unwrap();
    assert_eq!(number(), None);
    assert_eq!(number(), parse_number("1".repeat(50).as_bytes()));
    for expected in [None, None, None, Some(5), None, None, Some(7), None] {
        assert_eq!(number(), expected.map(Number::Integer));
    }
    assert_eq!(file.read_all().unwrap(), b"e5");
}

#[test]
fn positions() {
    let scratch = Scratch::new();
    let mut file = open(&scratch.file("0123456789"), "r").unwrap();
    assert_eq!(file.seek(Whence::Current, 0).unwrap(), 0);
    assert_eq!(file.read_bytes(3).unwrap().unwrap(), b"012");
    assert_eq!(file.seek(Whence::Current, 0).unwrap(), 3);
    assert_eq!(file.seek(Whence::Current, -1).unwrap(), 2);
    assert_eq!(file.read_bytes(1).unwrap().unwrap(), b"2");
    assert_eq!(file.seek(Whence::End, -2).unwrap(), 8);
    assert_eq!(file.read_all().unwrap(), b"89");
    for (whence, offset) in [(Whence::Set, -1), (Whence::End, -11), (Whence::Current, i64::MIN)] {
        assert_eq!(failure(file.seek(whence, offset)), ("Invalid argument".into(), 22));
    }
    assert_eq!(file.seek(Whence::Current, 0).unwrap(), 10);
    assert_eq!(file.seek(Whence::Set, 100).unwrap(), 100);
    assert_eq!(file.read_all().unwrap(), b"");
}

#[test]
fn reading_and_writing_may_alternate() {
    let scratch = Scratch::new();
    let name = scratch.file("a12.5\nrest");
    let mut file = open(&name, "r+").unwrap();
    assert_eq!(file.read_bytes(2).unwrap().unwrap(), b"a1");
    file.write(b"ZZ").unwrap();
    assert_eq!(file.read_bytes(2).unwrap().unwrap(), b"5\n");
    file.write(b"R").unwrap();
    file.close().unwrap();
    assert_eq!(std::fs::read(path(&name)).unwrap(), b"a1ZZ5\nRest");
}

#[test]
fn appending() {
    let scratch = Scratch::new();
    let name = scratch.file("abc");
    let mut file = open(&name, "a").unwrap();
    assert_eq!(file.seek(Whence::Current, 0).unwrap(), 3);
    file.seek(Whence::Set, 0).unwrap();
    file.write(b"d").unwrap();
    file.close().unwrap();
    let mut file = open(&name, "a+").unwrap();
    assert_eq!(file.seek(Whence::Current, 0).unwrap(), 0);
    assert_eq!(file.read_bytes(2).unwrap().unwrap(), b"ab");
    file.write(b"e").unwrap();
    assert_eq!(file.seek(Whence::Current, 0).unwrap(), 5);
    file.seek(Whence::Set, 0).unwrap();
    assert_eq!(file.read_all().unwrap(), b"abcde");
}

#[test]
fn writing_empties_a_file_unless_it_is_appended_to() {
    let scratch = Scratch::new();
    let name = scratch.file("abc");
    drop(open(&name, "w+").unwrap());
    assert_eq!(std::fs::read(path(&name)).unwrap(), b"");
    let created = scratch.name("created");
    drop(open(&created, "a").unwrap());
    assert!(path(&created).exists());
}

#[test]
fn failures_have_the_words_and_numbers_of_c() {
    let scratch = Scratch::new();
    let missing = open(b"/nonexistent/x", "r").unwrap_err();
    let expected = Failure {
        message: b"/nonexistent/x: No such file or directory".to_vec(),
        code: 2,
    };
    assert_eq!(Failure::of(&missing, Some(b"/nonexistent/x")), expected);
    assert_eq!(error_text(&missing), "No such file or directory");
    let bad = ("Bad file descriptor".to_owned(), 9);
    let name = scratch.file("abc");
    assert_eq!(failure(open(&name, "r").unwrap().write(b"x")), bad);
    assert_eq!(failure(open(&name, "a").unwrap().read_line(false)), bad);
    assert_eq!(failure(LuaFile::from_reader(&b""[..]).write(b"")), bad);
    assert_eq!(failure(open(b"/tmp", "w")), ("Is a directory".into(), 21));
    assert_eq!(
        failure(open(b"/tmp", "r").unwrap().read_all()),
        ("Is a directory".into(), 21)
    );
    assert_eq!(
        failure(LuaFile::from_writer(Vec::new()).seek(Whence::Set, 0)),
        ("Illegal seek".into(), 29)
    );
    let other = Failure::of(&io::Error::other("told by nobody"), None);
    assert_eq!(
        other,
        Failure {
            message: b"told by nobody".to_vec(),
            code: 0
        }
    );
}

#[test]
fn output_that_cannot_be_written_is_reported_once() {
    if !path(b"/dev/full").exists() {
        return eprintln!("skipped: there is no /dev/full");
    }
    let full = ("No space left on device".to_owned(), 28);
    let mut file = open(b"/dev/full", "w").unwrap();
    file.write(b"x").unwrap();
    assert_eq!(failure(file.flush()), full);
    assert!(file.close().is_ok());
    let mut file = open(b"/dev/full", "w").unwrap();
    file.set_buffering(Buffering::No).unwrap();
    assert_eq!(failure(file.write(b"x")), full);
    let mut file = open(b"/dev/full", "w").unwrap();
    file.write(b"x").unwrap();
    assert_eq!(failure(file.close()), full);
}

#[test]
fn buffering_decides_when_output_is_written() {
    let shown = Shown::default();
    let seen = || shown.text();
    let mut file = LuaFile::from_writer(shown.clone());
    file.write(b"a\nb").unwrap();
    assert_eq!(seen(), "");
    file.flush().unwrap();
    assert_eq!(seen(), "a\nb");
    file.set_buffering(Buffering::Line).unwrap();
    file.write(b"c\nd").unwrap();
    assert_eq!(seen(), "a\nbc\n");
    file.set_buffering(Buffering::No).unwrap();
    assert_eq!(seen(), "a\nbc\nd");
    file.write(b"e").unwrap();
    assert_eq!(seen(), "a\nbc\nde");
    file.set_buffering(Buffering::Full).unwrap();
    file.write(&[b'f'; 10_000]).unwrap();
    assert_eq!(seen().len(), 10_007);
    file.write(b"g").unwrap();
    drop(file);
    assert!(seen().ends_with("fg"));
}

#[test]
fn pipes() {
    let mut pipe = LuaFile::pipe(b"echo hi; exit 3", false).unwrap();
    assert_eq!(pipe.read_all().unwrap(), b"hi\n");
    assert_eq!(failure(pipe.write(b"x")), ("Bad file descriptor".into(), 9));
    assert_eq!(failure(pipe.seek(Whence::Current, 0)), ("Illegal seek".into(), 29));
    assert_eq!(pipe.close().unwrap(), Some(Ending::Exit(3)));
    let mut pipe = LuaFile::pipe(b"cat >/dev/null; kill -9 $$", true).unwrap();
    pipe.write(b"x").unwrap();
    assert_eq!(pipe.close().unwrap(), Some(Ending::Signal(9)));
    let scratch = Scratch::new();
    let name = String::from_utf8(scratch.name("out")).unwrap();
    let mut pipe = LuaFile::pipe(format!("cat > {name}").as_bytes(), true).unwrap();
    pipe.write(b"through a pipe").unwrap();
    drop(pipe);
    assert_eq!(std::fs::read_to_string(&name).unwrap(), "through a pipe");
}

#[test]
fn commands() {
    assert_eq!(execute(b"exit 3").unwrap().describe(), ("exit", 3));
    assert_eq!(execute(b"kill -9 $$").unwrap().describe(), ("signal", 9));
    assert!(execute(b"true").unwrap().is_success());
    assert!(!execute(b"false").unwrap().is_success());
    assert!(has_shell());
}

#[test]
fn names_of_files() {
    let scratch = Scratch::new();
    let name = scratch.file("x");
    let other = scratch.name("other");
    rename(&name, &[&other[..], b"\0ignored"].concat()).unwrap();
    assert_eq!(failure(rename(&name, &other)), ("No such file or directory".into(), 2));
    remove(&other).unwrap();
    assert_eq!(failure(remove(&other)), ("No such file or directory".into(), 2));
    let directory = scratch.name("directory");
    std::fs::create_dir(path(&directory)).unwrap();
    std::fs::write(path(&[&directory[..], b"/file"].concat()), "").unwrap();
    assert_eq!(failure(remove(&directory)).0, "Directory not empty");
    remove(&[&directory[..], b"/file"].concat()).unwrap();
    remove(&directory).unwrap();
    let temporary = temporary_name().unwrap();
    assert!(
        temporary.starts_with(b"/")
            && memchr::memmem::find(&temporary, b"/lua_").is_some()
            && path(&temporary).exists()
    );
    remove(&temporary).unwrap();
}

#[test]
fn environment() {
    assert!(environment_variable(b"PATH").is_some());
    for name in [&b"TENURE_LUA_NO_SUCH_VARIABLE"[..], b"", b"A=B", b"\0PATH"] {
        assert_eq!(environment_variable(name), None);
    }
    let before = clock_seconds();
    assert!(before > 0.0 && clock_seconds() >= before);
}

#[test]
fn numbers_of_closed_files_are_used_again() {
    let file = || LuaFile::from_writer(io::sink());
    let mut files = Files::new(LuaFile::from_reader(io::empty()), file(), file());
    let (a, b) = (files.add(file()), files.add(file()));
    assert!(a != b && files.get(b).is_some() && files.get(FileId::ERROR).is_some());
    assert!(files.take(a).is_some() && files.take(a).is_none() && files.get(a).is_none());
    assert_eq!(files.add(file()), a);
    assert!(files.get(FileId::of_number(99)).is_none());
    files.flush_all().unwrap();
}

/// What a program does with a file.
#[derive(Clone, Debug)]
enum Step {
    Write(Vec<u8>),
    Read(usize),
    Line,
    Seek(u64),
    Buffering(u8),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..12);
    prop_oneof![
        text.prop_map(Step::Write),
        (2000usize..9000).prop_map(|length| Step::Write(vec![b'-'; length])),
        (0usize..20).prop_map(Step::Read),
        Just(Step::Line),
        (0u64..30).prop_map(Step::Seek),
        (0u8..3).prop_map(Step::Buffering),
        Just(Step::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A file for both directions against bytes and a position.
    #[test]
    fn buffers_are_not_to_be_seen(steps in prop::collection::vec(step(), 0..40)) {
        let mut file = LuaFile::temporary().unwrap();
        let (mut model, mut position) = (Vec::new(), 0usize);
        for step in steps {
            match step {
                Step::Write(bytes) => {
                    file.write(&bytes).unwrap();
                    if !bytes.is_empty() {
                        model.resize(model.len().max(position + bytes.len()), 0);
                        model[position..position + bytes.len()].copy_from_slice(&bytes);
                        position += bytes.len();
                    }
                }
                Step::Read(count) => {
                    let rest = model.get(position..).unwrap_or_default();
                    let expected = &rest[..count.min(rest.len())];
                    prop_assert_eq!(&file.read_bytes(count).unwrap().unwrap_or_default(), expected);
                    position += expected.len();
                }
                Step::Line => {
                    let rest = model.get(position..).unwrap_or_default();
                    let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
                    prop_assert_eq!(&file.read_line(true).unwrap().unwrap_or_default(), &rest[..end]);
                    position += end;
                }
                Step::Seek(offset) => {
                    prop_assert_eq!(file.seek(Whence::Set, offset as i64).unwrap() as u64, offset);
                    position = offset as usize;
                }
                Step::Buffering(mode) => {
                    let mode = [Buffering::No, Buffering::Full, Buffering::Line][usize::from(mode)];
                    file.set_buffering(mode).unwrap();
                }
                Step::Flush => file.flush().unwrap(),
            }
            prop_assert_eq!(file.seek(Whence::Current, 0).unwrap(), position as i64);
        }
        file.seek(Whence::Set, 0).unwrap();
        prop_assert_eq!(file.read_all().unwrap(), model);
    }

    #[test]
    fn numerals_of_files_never_panic(text in "[-+0-9a-fxpe. \n]{0,40}") {
        let mut file = LuaFile::from_reader(io::Cursor::new(text.into_bytes()));
        while !file.is_at_end().unwrap() {
            let _ = file.read_number().unwrap();
            let _ = file.read_bytes(1).unwrap();
        }
    }
}
