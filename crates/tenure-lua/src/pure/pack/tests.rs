//! Layouts, what does not fit, round trips, and arbitrary formats; expected values are the reference's.

use super::*;
use crate::pure::LibraryError;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Value {
    Integer(i64),
    Float(f64),
    Bytes(Vec<u8>),
}

fn int(value: i64) -> Value {
    Value::Integer(value)
}

fn text(value: &str) -> Value {
    Value::Bytes(value.into())
}

/// Packs values; one of another type than the option's becomes a default.
fn pack(format: &[u8], values: &[Value]) -> Result<Vec<u8>, LibraryError> {
    let mut packer = Packer::default();
    while let Some(item) = packer.next_item(format)? {
        let value = values.get(packer.argument() - 2).cloned().unwrap_or(int(0));
        match (item.kind, value) {
            (PackKind::Signed | PackKind::Unsigned, Value::Integer(value)) => packer.integer(item, value)?,
            (PackKind::Signed | PackKind::Unsigned, _) => packer.integer(item, 0)?,
            (PackKind::Float | PackKind::Double, Value::Float(value)) => packer.float(item, value),
            (PackKind::Float | PackKind::Double, _) => packer.float(item, 2.0),
            (_, Value::Bytes(value)) => packer.bytes(item, &value)?,
            (..) => packer.bytes(item, b"")?,
        }
    }
    Ok(packer.finish())
}

fn unpack(format: &[u8], data: &[u8], position: i64) -> Result<(Vec<Unpacked>, i64), LibraryError> {
    let mut unpacker = Unpacker::new(position, data.len())?;
    let mut values = Vec::new();
    while let Some(value) = unpacker.next_value(format, data)? {
        values.push(value);
    }
    Ok((values, unpacker.next_position()))
}

fn message(error: LibraryError) -> String {
    String::from_utf8_lossy(&error.describe(b"f", false)).into_owned()
}

#[test]
fn layouts() {
    let padded_double = b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40";
    for (format, values, expected) in [
        ("<i3", vec![int(-2)], &b"\xfe\xff\xff"[..]),
        (
            ">i16",
            vec![int(-2)],
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe",
        ),
        (
            "<I16",
            vec![int(-2)],
            b"\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
        ),
        ("<!4 b i4", vec![int(1), int(2)], b"\x01\0\0\0\x02\0\0\0"),
        ("<!4 b Xi4 b", vec![int(1), int(2)], b"\x01\0\0\0\x02"),
        ("<b i4", vec![int(1), int(2)], b"\x01\x02\0\0\0"),
        ("c5", vec![text("abc")], b"abc\0\0"),
        ("<d", vec![Value::Float(1.0)], b"\0\0\0\0\0\0\xf0\x3f"),
        (">f", vec![Value::Float(0.1)], b"\x3d\xcc\xcc\xcd"),
        ("<s2", vec![text("hi")], b"\x02\0hi"),
        ("<!s", vec![text("hi")], b"\x02\0\0\0\0\0\0\0hi"),
        ("<!2 b s4", vec![int(1), text("hi")], b"\x01\0\x02\0\0\0hi"),
        ("b\0zz", vec![int(1)], b"\x01"),
        ("z", vec![text("hi")], b"hi\0"),
        ("<T", vec![int(-1)], b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("<!8 Xd", vec![], b""),
        ("<!8 b Xd d", vec![int(1), Value::Float(2.0)], padded_double),
        ("<i2>i2=", vec![int(1), int(1)], b"\x01\0\0\x01"),
        ("x!8x", vec![], b"\0\0"),
        ("!1", vec![], b""),
    ] {
        assert_eq!(pack(format.as_bytes(), &values).as_deref(), Ok(expected), "{format}");
    }
}

#[test]
fn what_cannot_be_packed() {
    for (format, value, expected) in [
        (
            "b X",
            int(1),
            "bad argument #1 to 'f' (invalid next option for option 'X')",
        ),
        (
            "bXc1",
            int(1),
            "bad argument #1 to 'f' (invalid next option for option 'X')",
        ),
        (
            "bXz",
            int(1),
            "bad argument #1 to 'f' (invalid next option for option 'X')",
        ),
        (
            "x X!8d",
            int(1),
            "bad argument #1 to 'f' (invalid next option for option 'X')",
        ),
        ("<i1", int(128), "bad argument #2 to 'f' (integer overflow)"),
        ("<i7", int(1 << 55), "bad argument #2 to 'f' (integer overflow)"),
        ("<I1", int(256), "bad argument #2 to 'f' (unsigned overflow)"),
        ("<I1", int(-1), "bad argument #2 to 'f' (unsigned overflow)"),
        (
            "c2",
            text("abc"),
            "bad argument #2 to 'f' (string longer than given size)",
        ),
        (
            "s1",
            Value::Bytes(vec![0; 256]),
            "bad argument #2 to 'f' (string length does not fit in given size)",
        ),
        ("xz", text("a\0"), "bad argument #2 to 'f' (string contains zeros)"),
        ("i17", int(1), "integral size (17) out of limits [1,16]"),
        ("i0", int(1), "integral size (0) out of limits [1,16]"),
        ("!17", int(1), "integral size (17) out of limits [1,16]"),
        ("i2147483648", int(1), "integral size (214748364) out of limits [1,16]"),
        ("c", int(1), "missing size for format option 'c'"),
        ("y", int(1), "invalid format option 'y'"),
        ("c2147483648", int(1), "invalid format option '8'"),
        (" < i 2", int(1), "invalid format option '2'"),
        (
            "<!3 i4",
            int(1),
            "bad argument #1 to 'f' (format asks for alignment not power of 2)",
        ),
        (
            "!4b!Xi7",
            int(1),
            "bad argument #1 to 'f' (format asks for alignment not power of 2)",
        ),
    ] {
        assert_eq!(
            pack(format.as_bytes(), &[value]).map_err(message),
            Err(expected.into()),
            "{format}"
        );
    }
}

#[test]
fn unpacking() {
    let int = Unpacked::Integer;
    for (format, data, position, values, next) in [
        ("<i2", &b"\xff\xff"[..], 1, vec![int(-1)], 3),
        ("<I2", b"\xff\xff", 1, vec![int(65535)], 3),
        ("<i16", &[0xff; 16], 1, vec![int(-1)], 17),
        (">I9", b"\0\x80\0\0\0\0\0\0\0", 1, vec![int(i64::MIN)], 10),
        ("<I8", &[0xff; 8], 1, vec![int(-1)], 9),
        ("z", b"abc\0d", 1, vec![Unpacked::Bytes(0..3)], 5),
        ("b", b"a", -1, vec![int(97)], 2),
        ("b", b"a", -5, vec![int(97)], 2),
        ("xb", b"ab", 1, vec![int(98)], 3),
        ("c0", b"", 1, vec![Unpacked::Bytes(0..0)], 1),
        ("", b"ab", 3, vec![], 3),
        ("<f", b"\0\0\x80\x3f", 1, vec![Unpacked::Float(1.0)], 5),
        ("<!4 b i4", b"a\0\0\0\x01\0\0\0", 1, vec![int(97), int(1)], 9),
        ("<!4 i4", b"a\0\0\0\x01\0\0\0", 2, vec![int(1)], 9),
    ] {
        assert_eq!(
            unpack(format.as_bytes(), data, position),
            Ok((values, next)),
            "{format}"
        );
    }
}

#[test]
fn what_cannot_be_unpacked() {
    for (format, data, position, expected) in [
        (
            "<I16",
            &[0xff; 16][..],
            1,
            "16-byte integer does not fit into Lua Integer",
        ),
        (
            "<i9",
            b"\0\0\0\0\0\0\0\0\x01",
            1,
            "9-byte integer does not fit into Lua Integer",
        ),
        (
            "z",
            b"abc",
            1,
            "bad argument #2 to 'f' (unfinished string for format 'z')",
        ),
        ("s1", b"\x03ab", 1, "bad argument #2 to 'f' (data string too short)"),
        ("<s8", &[0xff; 8], 1, "bad argument #2 to 'f' (data string too short)"),
        ("<i4", b"abc", 1, "bad argument #2 to 'f' (data string too short)"),
        ("b", b"a", 2, "bad argument #2 to 'f' (data string too short)"),
        ("!4 Xi4", b"a", 2, "bad argument #2 to 'f' (data string too short)"),
        ("b", b"a", 3, "bad argument #3 to 'f' (initial position out of string)"),
    ] {
        assert_eq!(
            unpack(format.as_bytes(), data, position).map_err(message),
            Err(expected.into()),
            "{format}"
        );
    }
}

#[test]
fn sizes() {
    assert_eq!(packed_size(b"<!8 b d i2 l"), Ok(32));
    assert_eq!(packed_size(b"!8bXd"), Ok(8));
    assert_eq!(packed_size(b"c214748363c1"), Ok(214_748_364));
    for (format, expected) in [
        ("s", "bad argument #1 to 'f' (variable-length format)"),
        ("bz", "bad argument #1 to 'f' (variable-length format)"),
        (
            "c214748363c2147483630",
            "bad argument #1 to 'f' (format result too large)",
        ),
    ] {
        assert_eq!(
            packed_size(format.as_bytes()).map_err(message),
            Err(expected.into()),
            "{format}"
        );
    }
}

/// A format without huge sizes, most of whose options are well-formed.
fn format_like() -> impl Strategy<Value = String> {
    "(<|>|=|!|!(1|2|4|8)|[bBhHlLjJTfdnzx]|[iIs]([1-9]|1[0-7])?|c[0-9]{1,2}|X| ){0,8}"
}

proptest! {
    #[test]
    fn arbitrary_formats_never_panic(format in "\\PC{0,6}|[<>=!bBhHlLjJTfdnziIsxX]{0,12}", data: Vec<u8>, position: i64) {
        let values = [int(1), text("x"), Value::Float(0.5)];
        let _ = pack(format.as_bytes(), &values);
        let _ = unpack(format.as_bytes(), &data, position);
        let _ = packed_size(format.as_bytes());
    }

    #[test]
    fn likely_formats_never_panic(format in format_like(), data in prop::collection::vec(0u8..5, 0..60), position in -70i64..70) {
        let _ = unpack(format.as_bytes(), &data, position);
    }

    #[test]
    fn what_was_packed_is_unpacked(
        format in format_like(),
        values in prop::collection::vec(prop_oneof![any::<i8>().prop_map(|v| int(v.into())), any::<f64>().prop_map(Value::Float), "[a-z]{0,9}".prop_map(|v: String| text(&v))], 8),
    ) {
        let format = format.as_bytes();
        if let Ok(data) = pack(format, &values) {
            if let Ok(size) = packed_size(format) {
                prop_assert_eq!(size, data.len());
            }
            let (unpacked, next) = unpack(format, &data, 1).unwrap();
            prop_assert_eq!(next, data.len() as i64 + 1);
            let again: Vec<Value> = unpacked.into_iter().map(|value| match value {
                Unpacked::Integer(value) => int(value),
                Unpacked::Float(value) => Value::Float(value),
                Unpacked::Bytes(range) => Value::Bytes(data[range].to_vec()),
            }).collect();
            prop_assert_eq!(pack(format, &again).unwrap(), data);
        }
    }

    #[test]
    fn integers_come_back_at_every_size(value: i64, size in 1usize..=16, big: bool) {
        let unused = 64 - 8 * size.min(8) as u32;
        let value = value << unused >> unused;
        let format = format!("{}i{size}", if big { '>' } else { '<' });
        let data = pack(format.as_bytes(), &[int(value)]).unwrap();
        prop_assert_eq!(data.len(), size);
        prop_assert_eq!(unpack(format.as_bytes(), &data, 1).unwrap().0, vec![Unpacked::Integer(value)]);
    }
}
