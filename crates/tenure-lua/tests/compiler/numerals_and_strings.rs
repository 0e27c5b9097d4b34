//! Values of numerals and strings.

use super::compiled;
use tenure_lua::bytecode::{Constant, Opcode};

/// The value of an expression that the compiler knows.
fn value(expression: &[u8]) -> Constant {
    let proto = compiled(&[b"return ", expression].concat());
    let instruction = proto.code[1];
    match instruction.opcode() {
        Opcode::LoadI => Constant::Integer(i64::from(instruction.sbx())),
        Opcode::LoadF => Constant::Float(f64::from(instruction.sbx())),
        Opcode::LoadK => proto.constants[instruction.bx() as usize].clone(),
        other => panic!("{} for {}", other.name(), expression.escape_ascii()),
    }
}

#[test]
fn integers() {
    for (numeral, expected) in [
        ("0", 0),
        ("007", 7),
        ("65536", 65536),
        ("65537", 65537),
        ("9223372036854775807", i64::MAX),
        ("0x7fffffffffffffff", i64::MAX),
        ("0xffffffffffffffff", -1),
        ("0x1ffffffffffffffff", -1),
        ("0X10", 16),
        ("0xA", 10),
        ("-9223372036854775807 - 1", i64::MIN),
        ("1 << 63", i64::MIN),
        ("7 // -2", -4),
        ("-7 % 3", 2),
        ("~0", -1),
        ("5 & 6.0", 4),
        ("3 - 2 * 2", -1),
    ] {
        assert_eq!(value(numeral.as_bytes()), Constant::Integer(expected), "{numeral}");
    }
}

#[test]
fn floats() {
    for (numeral, expected) in [
        ("0.0", 0.0),
        ("3.", 3.0),
        (".5", 0.5),
        ("1e2", 100.0),
        ("1E-2", 0.01),
        ("1e+2", 100.0),
        ("9223372036854775808", 9223372036854775808.0),
        ("1e999", f64::INFINITY),
        ("5e-324", 5e-324),
        ("0x1p4", 16.0),
        ("0x.8", 0.5),
        ("0xA.8p-1", 5.25),
        ("0x1P+1", 2.0),
        ("0.1", 0.1),
        ("7.5 // 2", 3.0),
        ("-7.5 % 2", 0.5),
        ("2 ^ 10", 1024.0),
        ("1 / 2", 0.5),
    ] {
        assert_eq!(value(numeral.as_bytes()), Constant::Float(expected), "{numeral}");
    }
}

#[test]
fn strings() {
    for (literal, expected) in [
        (&br#""a\a\b\f\n\r\t\v\\\"\'""#[..], &b"a\x07\x08\x0c\n\r\t\x0b\\\"'"[..]),
        (b"'\\65\\065\\x41\\u{41}\\0'", b"AAAA\0"),
        (b"'\\0651'", b"A1"),
        (b"'\\u{7F}\\u{80}\\u{7FF}\\u{800}'", b"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"),
        (
            b"'\\u{FFFF}\\u{10000}\\u{D800}'",
            b"\xef\xbf\xbf\xf0\x90\x80\x80\xed\xa0\x80",
        ),
        (b"'\\u{1FFFFF}\\u{200000}'", b"\xf7\xbf\xbf\xbf\xf8\x88\x80\x80\x80"),
        (
            b"'\\u{3FFFFFF}\\u{4000000}\\u{7FFFFFFF}'",
            b"\xfb\xbf\xbf\xbf\xbf\xfc\x84\x80\x80\x80\x80\xfd\xbf\xbf\xbf\xbf\xbf",
        ),
        (b"'a\\z  \n\t\x0b\x0c\r b'", b"ab"),
        (b"'a\\\nb\\\r\nc\\\n\rd'", b"a\nb\nc\nd"),
        (b"[[]]", b""),
        (b"[[\n]]", b""),
        (b"[[\r\n\r\na\rb\n\rc]]", b"\na\nb\nc"),
        (b"[==[]]]=]]==]", b"]]]=]"),
        (b"[[\\n]]", b"\\n"),
        (b"'\xff\xfe'", b"\xff\xfe"),
    ] {
        assert_eq!(
            value(literal),
            Constant::String(expected.into()),
            "{}",
            literal.escape_ascii()
        );
    }
}

#[test]
fn lines_are_counted_through_strings_and_comments() {
    let proto = compiled(b"--[[\n\r\n]] local a = 'x\\\ny\\z\n\n' --[==[\n]==]\nf()\r\ng()");
    let line_of = |opcode| {
        let at = proto
            .code
            .iter()
            .position(|instruction| instruction.opcode() == opcode)
            .unwrap();
        proto.line(at)
    };
    assert_eq!(line_of(Opcode::LoadK), Some(6));
    assert_eq!(line_of(Opcode::Call), Some(8));
}
