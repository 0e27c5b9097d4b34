//! Binary chunks: what is written is read again, what the reference implementation writes is what is written here, and what is damaged is
//! refused.

use super::compiled;
use super::listings::TOPICS;
use proptest::prelude::*;
use tenure_lua::bytecode::{LineInfo, Proto};
use tenure_lua::chunk::{dump, load, undump, verify};
use tenure_lua::compiler::compile;

/// A program with constants of all kinds, and what the reference implementation's `string.dump` makes of it.
const SOURCE: &[u8] = b"local t <const>, u = 1.5, 65537
function t0(a, ...) return a or u, \"short\", nil == a, true ~= a, false == a, 1e99, ... end
local s = \"a string of more than forty bytes is a long one\"
";
const REFERENCE: &str = "\
    1b4c7561540019930d0a1a0a04080878560000000000000000000000287740018b40736d616c6c2e6c756180800001038751000000030000
    00838000004f0100000f00020203810100c68101018413000000000000f83f0301000100000000000483743014b06120737472696e67206f
    66206d6f7265207468616e20666f7274792062797465732069732061206c6f6e67206f6e65810100008180828201010895d1000000c38000
    003800008089000000030100003c8001003800008086010000870100003c0002003800008006020000070200003c80030038000080860200
    008702000003030200d0030000c6000002c600010285048673686f7274001101132e9f87a2ae427d54810101008095000000000000000000
    0000000000000000000000008081826180958182758701000001000100808382748387827583878273868781855f454e56";

fn reference() -> Vec<u8> {
    let digits: Vec<u8> = REFERENCE.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn refusal(bytes: &[u8]) -> String {
    undump(bytes, b"=s").unwrap_err().to_string()
}

#[test]
fn chunks_are_those_of_the_reference() {
    let proto = compile(SOURCE, b"@small.lua").unwrap();
    assert_eq!(
        dump(&proto, false).escape_ascii().to_string(),
        reference().escape_ascii().to_string()
    );
    assert_eq!(undump(&reference(), b"=s").unwrap(), proto);
}

#[test]
fn what_was_written_is_read() {
    for topic in TOPICS {
        let proto = compiled(topic.source.as_bytes());
        assert_eq!(undump(&dump(&proto, false), b"=s").unwrap(), proto, "{}", topic.name);
        let stripped = undump(&dump(&proto, true), b"=s").unwrap();
        assert_eq!(stripped, without_debug_information(&proto), "{}", topic.name);
    }
}

fn without_debug_information(proto: &Proto) -> Proto {
    let mut stripped = proto.clone();
    stripped.source = None;
    stripped.line_info = LineInfo::default();
    stripped.local_variables.clear();
    stripped.upvalues.iter_mut().for_each(|upvalue| upvalue.name = None);
    stripped.protos = proto
        .protos
        .iter()
        .map(|nested| without_debug_information(nested).into())
        .collect();
    stripped
}

#[test]
fn without_debug_information_nothing_is_known() {
    let proto = undump(&dump(&compiled(b"local x = 1 return x"), true), b"=s").unwrap();
    assert_eq!(proto.line(0), None);
    assert_eq!(proto.local_name(1, 2), None);
    let proto = compiled(b"local x, y = 1 return x");
    let last = proto.code.len() - 1;
    assert_eq!(proto.local_name(1, last), Some(&b"x"[..]));
    assert_eq!(proto.local_name(2, last), Some(&b"y"[..]));
    assert_eq!(proto.local_name(3, last), None);
    assert_eq!(proto.local_name(1, 0), None);
}

#[test]
fn each_prefix_is_truncated() {
    let bytes = reference();
    for length in 0..bytes.len() {
        assert_eq!(
            refusal(&bytes[..length]),
            "s: bad binary format (truncated chunk)",
            "{length} bytes"
        );
    }
}

#[test]
fn the_header_is_checked() {
    let damaged = |at: usize| {
        let mut bytes = reference();
        bytes[at] ^= 0x40;
        refusal(&bytes)
    };
    for (at, why) in [
        (0, "not a binary chunk"),
        (3, "not a binary chunk"),
        (4, "version mismatch"),
        (5, "format mismatch"),
        (6, "corrupted chunk"),
        (12, "Instruction size mismatch"),
        (13, "lua_Integer size mismatch"),
        (14, "lua_Number size mismatch"),
        (15, "integer format mismatch"),
        (30, "float format mismatch"),
        (31, "number of upvalues mismatch"),
    ] {
        assert_eq!(damaged(at), format!("s: bad binary format ({why})"), "byte {at}");
    }
}

#[test]
fn messages_name_the_chunk() {
    let named = |name: &[u8]| undump(b"\x1bMua", name).unwrap_err().to_string();
    assert_eq!(
        named(b"@file.luac"),
        "file.luac: bad binary format (not a binary chunk)"
    );
    assert_eq!(
        named(b"\x1bMua"),
        "binary string: bad binary format (not a binary chunk)"
    );
    assert_eq!(named(b"text"), "text: bad binary format (not a binary chunk)");
}

#[test]
fn a_mode_says_what_is_accepted() {
    let binary = dump(&compiled(b"return 1"), false);
    assert!(load(&binary, b"=s", b"b").is_ok() && load(&binary, b"=s", b"bt").is_ok());
    assert!(load(b"return 1", b"=s", b"t").is_ok() && load(b"", b"=s", b"bt").is_ok());
    let refused = |bytes: &[u8], mode: &[u8]| load(bytes, b"=s", mode).unwrap_err().to_string();
    assert_eq!(refused(&binary, b"t"), "attempt to load a binary chunk (mode is 't')");
    assert_eq!(refused(b"return 1", b"b"), "attempt to load a text chunk (mode is 'b')");
    assert_eq!(refused(b"", b"x"), "attempt to load a text chunk (mode is 'x')");
}

/// A main function up to where its code begins.
fn beginning() -> Vec<u8> {
    let mut bytes = reference()[..31].to_vec();
    bytes.extend_from_slice(&[0, 0x80, 0x80, 0x80, 0, 0, 2]);
    bytes
}

#[test]
fn lengths_that_the_input_cannot_hold_are_refused_before_memory_is_taken() {
    let huge = [0x06, 0x7f, 0x7f, 0x7f, 0xff];
    let mut code = beginning();
    code.extend_from_slice(&huge);
    assert_eq!(refusal(&code), "s: bad binary format (truncated chunk)");
    let mut overflowing = beginning();
    overflowing.extend_from_slice(&[0x7f; 12]);
    assert_eq!(refusal(&overflowing), "s: bad binary format (integer overflow)");
    let mut string = reference()[..32].to_vec();
    string.extend_from_slice(&[0x01, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xff]);
    assert_eq!(refusal(&string), "s: bad binary format (truncated chunk)");
}

#[test]
fn functions_cannot_nest_without_end() {
    let mut bytes = beginning();
    for _ in 0..100_000 {
        // No code, no constants, no upvalues, one nested function, which begins likewise.
        bytes.extend_from_slice(&[0x80, 0x80, 0x80, 0x81]);
        bytes.extend_from_slice(&[0x80, 0x80, 0x80, 0, 0, 2]);
    }
    assert_eq!(refusal(&bytes), "s: bad binary format (functions nest too deeply)");
}

#[test]
fn bytes_behind_a_chunk_are_not_looked_at() {
    let bytes = [reference(), b"anything".to_vec()].concat();
    assert_eq!(undump(&bytes, b"=s").unwrap(), undump(&reference(), b"=s").unwrap());
}

proptest! {
    #[test]
    fn damaged_chunks_are_refused_or_valid(
        topic in 0..TOPICS.len(),
        strip: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let mut bytes = dump(&compiled(TOPICS[topic].source.as_bytes()), strip);
        for (at, value, is_bit) in damage {
            let at = at.index(bytes.len());
            bytes[at] = if is_bit { bytes[at] ^ 1 << (value % 8) } else { value };
        }
        if let Ok(proto) = undump(&bytes, b"=s") {
            prop_assert_eq!(verify(&proto), Ok(()));
            prop_assert_eq!(undump(&dump(&proto, false), b"=s").unwrap(), proto);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_valid(bytes in prop::collection::vec(any::<u8>(), 0..200), is_chunk: bool) {
        let bytes = if is_chunk { [beginning(), bytes].concat() } else { bytes };
        if let Ok(proto) = undump(&bytes, b"=s") {
            prop_assert_eq!(verify(&proto), Ok(()));
        }
    }
}
