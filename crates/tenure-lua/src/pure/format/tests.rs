//! Directives, what they refuse, and arbitrary formats; expected values are the reference's.

use super::*;
use crate::pure::number::{Number, parse_number};
use proptest::prelude::*;

/// An argument of a format.
#[derive(Clone, Debug)]
enum Value {
    Number(Number),
    String(&'static str),
}

fn int(value: i64) -> Value {
    Value::Number(Number::Integer(value))
}

fn float(value: f64) -> Value {
    Value::Number(Number::Float(value))
}

fn format(format: &str, arguments: &[Value]) -> Result<String, LibraryError> {
    format_bytes(format.as_bytes(), arguments).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn format_bytes(format: &[u8], arguments: &[Value]) -> Result<Vec<u8>, LibraryError> {
    let (mut cursor, mut out) = (FormatCursor::new(arguments.len() + 1), Vec::new());
    while let Some(item) = cursor.next_item(format)? {
        let directive = match item {
            FormatItem::Text(range) => {
                out.extend_from_slice(&format[range]);
                continue;
            }
            FormatItem::Directive(directive) => directive,
        };
        let wrong = LibraryError::argument(directive.argument(), "number expected, got string");
        match (directive.kind(), &arguments[directive.argument() - 2]) {
            (Kind::String, Value::String(value)) => directive.string(value.as_bytes(), &mut out)?,
            (Kind::Quoted, Value::String(value)) => quote_string(value.as_bytes(), &mut out),
            (Kind::Quoted, Value::Number(Number::Integer(value))) => quote_integer(*value, &mut out),
            (Kind::Quoted, Value::Number(Number::Float(value))) => quote_float(*value, &mut out),
            (Kind::Address, _) => directive.address(0, &mut out)?,
            (Kind::Float, Value::Number(value)) => directive.float(value.to_float(), &mut out)?,
            (Kind::Integer, Value::Number(value)) => directive.integer(value.to_integer().ok_or(wrong)?, &mut out)?,
            (Kind::Character, Value::Number(value)) => {
                directive.character(value.to_integer().ok_or(wrong)?, &mut out)?
            }
            _ => return Err(wrong),
        }
    }
    Ok(out)
}

fn refusal(text: &str, arguments: &[Value]) -> String {
    String::from_utf8_lossy(&format(text, arguments).unwrap_err().describe(b"format", false)).into_owned()
}

#[test]
fn directives() {
    for (text, arguments, expected) in [
        ("", &[][..], ""),
        ("100%%", &[], "100%"),
        ("%d %i", &[int(-3), int(4)], "-3 4"),
        ("%d", &[float(3.0)], "3"),
        (
            "%5d|%-5d|%05d|%+d|% d",
            &[int(42), int(42), int(42), int(42), int(42)],
            "   42|42   |00042|+42| 42",
        ),
        (
            "%.3d|%5.3d|%.0d|%+.0d",
            &[int(7), int(7), int(0), int(0)],
            "007|  007||+",
        ),
        ("%u", &[int(-1)], "18446744073709551615"),
        (
            "%x %X %#x %#X %o %#o",
            &[int(255), int(255), int(255), int(255), int(8), int(8)],
            "ff FF 0xff 0XFF 10 010",
        ),
        ("%x", &[int(-1)], "ffffffffffffffff"),
        ("%#08x", &[int(255)], "0x0000ff"),
        ("%c%c%3c|%-3c|", &[int(72), int(105), int(33), int(33)], "Hi  !|!  |"),
        (
            "%f %.2f %5.1f|%-8.3f|",
            &[float(1.0), float(2.345), float(9.96), float(1.0)],
            "1.000000 2.35  10.0|1.000   |",
        ),
        (
            "%e %.0e %E",
            &[float(12345.678), float(5.0), float(1e-10)],
            "1.234568e+04 5e+00 1.000000E-10",
        ),
        (
            "%g %G %.14g %g",
            &[float(1e20), float(1e-10), float(0.1), int(100)],
            "1e+20 1E-10 0.1 100",
        ),
        (
            "%a %A %.1a",
            &[float(0.1), float(255.5), float(1.97)],
            "0x1.999999999999ap-4 0X1.FFP+7 0x2.0p+0",
        ),
        (
            "%s %10s|%-10s|%.2s|%5.1s|",
            &[
                Value::String("hi"),
                Value::String("hi"),
                Value::String("hi"),
                Value::String("hello"),
                Value::String("hello"),
            ],
            "hi         hi|hi        |he|    h|",
        ),
        ("%.s|%.0s", &[Value::String("x"), Value::String("x")], "|"),
        (
            "%q",
            &[Value::String("a\nb\\\"\x001\r\u{7f}")],
            "\"a\\\nb\\\\\\\"\\0001\\13\\127\"",
        ),
        (
            "%q %q %q",
            &[int(5), int(i64::MIN), float(0.1)],
            "5 0x8000000000000000 0x1.999999999999ap-4",
        ),
        (
            "%q %q %q",
            &[float(f64::INFINITY), float(f64::NEG_INFINITY), float(f64::NAN)],
            "1e9999 -1e9999 (0/0)",
        ),
        (
            "%p|%10p|%-10p|",
            &[int(1), int(1), int(1)],
            "(null)|    (null)|(null)    |",
        ),
        ("%-----5d|", &[int(1)], "1    |"),
    ] {
        assert_eq!(format(text, arguments).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(format("%99.99f", &[float(f64::MAX)]).unwrap().len(), 309 + 1 + 99);
}

#[test]
fn long_strings_are_not_padded() {
    let long: &'static str = Box::leak("x".repeat(100).into_boxed_str());
    assert_eq!(format("%99s", &[Value::String(&long[1..])]).unwrap().len(), 99);
    assert_eq!(format("%-5s", &[Value::String(long)]).unwrap(), long);
    assert_eq!(format("%.3s", &[Value::String(long)]).unwrap(), "xxx");
    assert_eq!(format("%s", &[Value::String("a\0b")]).unwrap(), "a\0b");
}

#[test]
fn refusals() {
    for (text, argument, message) in [
        ("%", int(1), "invalid conversion '%' to 'format'"),
        ("%y", int(1), "invalid conversion '%y' to 'format'"),
        ("%F", int(1), "invalid conversion '%F' to 'format'"),
        ("%5", int(1), "invalid conversion '%5' to 'format'"),
        ("%\0d", int(1), "invalid conversion '%' to 'format'"),
        ("%ld", int(1), "invalid conversion '%l' to 'format'"),
        ("%010c", int(1), "invalid conversion specification: '%010c'"),
        ("%.10c", int(1), "invalid conversion specification: '%.10c'"),
        (
            "%0.34s",
            Value::String("x"),
            "invalid conversion specification: '%0.34s'",
        ),
        ("%#i", int(1), "invalid conversion specification: '%#i'"),
        ("%3.p", int(1), "invalid conversion specification: '%3.p'"),
        ("%+x", int(1), "invalid conversion specification: '%+x'"),
        ("%+u", int(1), "invalid conversion specification: '%+u'"),
        ("%123d", int(1), "invalid conversion specification: '%123d'"),
        ("%.123d", int(1), "invalid conversion specification: '%.123d'"),
        ("%1.2.3f", int(1), "invalid conversion specification: '%1.2.3f'"),
        ("%0000000000000000000000d", int(1), "invalid format (too long)"),
        ("%10q", Value::String("x"), "specifier '%q' cannot have modifiers"),
        (
            "%d",
            Value::String("x"),
            "bad argument #2 to 'format' (number expected, got string)",
        ),
        // The argument is looked at before these modifiers are, and after those.
        (
            "%#d",
            Value::String("x"),
            "bad argument #2 to 'format' (number expected, got string)",
        ),
        ("%123a", Value::String("x"), "invalid conversion specification: '%123a'"),
        (
            "%5s",
            Value::String("a\0"),
            "bad argument #2 to 'format' (string contains zeros)",
        ),
        ("%d%d", int(1), "bad argument #3 to 'format' (no value)"),
        ("%d%", int(1), "bad argument #3 to 'format' (no value)"),
    ] {
        assert_eq!(refusal(text, &[argument]), message, "{text}");
    }
    assert_eq!(refusal("%d", &[]), "bad argument #2 to 'format' (no value)");
    assert_eq!(
        value_has_no_literal(2).describe(b"format", false),
        b"bad argument #2 to 'format' (value has no literal form)"
    );
    assert_eq!(
        format_bytes(b"%\xff", &[int(1)]).unwrap_err().message(),
        b"invalid conversion '%\xff' to 'format'"
    );
}

proptest! {
    #[test]
    fn arbitrary_formats_never_panic(text: Vec<u8>, near in "(%[-+#0 ]{0,3}[0-9]{0,3}(\\.[0-9]{0,3})?[a-zA-Z%]|[a-z]){0,5}", number: i64, bits: u64) {
        let arguments = [int(number), Value::Number(Number::Float(f64::from_bits(bits))), Value::String("text\0")];
        let _ = format_bytes(&text, &arguments);
        let _ = format(&near, &arguments);
    }

    #[test]
    fn seventeen_digits_and_quotes_are_exact(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let back = |text: Result<String, _>| parse_number(text.unwrap().as_bytes()).unwrap().to_float();
        prop_assert_eq!(back(format("%.17g", &[float(value)])), value);
        prop_assert_eq!(back(format("%.16e", &[float(value)])), value);
        prop_assert_eq!(back(format("%a", &[float(value)])), value);
        prop_assert_eq!(back(format("%q", &[float(value)])), value);
    }
}
