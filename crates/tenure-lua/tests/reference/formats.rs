//! `string.format`, and strings with `%q`.

use super::*;
use tenure_lua::pure::format::*;

/// A directive that is often well-formed.
fn directive(generator: &mut Generator, conversions: &[&str]) -> String {
    let flags = generator.pieces(&["-", "+", "#", "0", " "], 2);
    let width = generator.pick(&["", "", "1", "9", "20", "99", "100"]);
    let precision = generator.pick(&["", "", ".", ".0", ".1", ".3", ".10", ".17", ".50", ".99", ".100"]);
    format!("%{flags}{width}{precision}{}", generator.pick(conversions))
}

fn formatted(
    format: &str,
    append: impl FnOnce(&Directive, &mut Vec<u8>) -> Result<(), LibraryError>,
) -> Result<Vec<Value>, LibraryError> {
    let mut cursor = FormatCursor::new(2);
    let mut out = Vec::new();
    match cursor.next_item(format.as_bytes())? {
        Some(FormatItem::Directive(directive)) => append(&directive, &mut out)?,
        item => panic!("{format} starts with a directive, not {item:?}"),
    }
    Ok(vec![Value::Bytes(out)])
}

#[test]
fn floats() {
    let (mut generator, mut questions) = (Generator::new(11), Questions::default());
    for _ in 0..10_000 {
        let format = directive(&mut generator, &["a", "A", "e", "E", "f", "g", "G", "F"]);
        let value = generator.float();
        let answer = formatted(&format, |directive, out| directive.float(value, out));
        let question = format!(
            "string.format, {}, {}",
            literal(format.as_bytes()),
            float_expression(value)
        );
        questions.ask("string.format", question, answer);
    }
    questions.compare(&[]);
}

#[test]
fn integers() {
    let (mut generator, mut questions) = (Generator::new(12), Questions::default());
    for _ in 0..5000 {
        let format = directive(&mut generator, &["d", "i", "u", "o", "x", "X", "c", "p"]);
        let value = generator.integer();
        let answer = formatted(&format, |directive, out| match directive.kind() {
            Kind::Character => directive.character(value, out),
            Kind::Address => directive.address(0, out),
            _ => directive.integer(value, out),
        });
        let question = format!(
            "string.format, {}, {}",
            literal(format.as_bytes()),
            integer_expression(value)
        );
        questions.ask("string.format", question, answer);
    }
    questions.compare(&[]);
}

#[test]
fn strings() {
    let (mut generator, mut questions) = (Generator::new(13), Questions::default());
    for _ in 0..3000 {
        let value = generator.pieces(
            &[
                "a",
                "\0",
                "\n",
                "\\",
                "\"",
                "\r",
                "7",
                "\u{7f}",
                "é",
                "xxxxxxxxxxxxxxxxxxxxxxxxx",
            ],
            8,
        );
        let format = if generator.below(2) == 0 {
            "%q".to_owned()
        } else {
            directive(&mut generator, &["s", "q", "y"])
        };
        let answer = formatted(&format, |directive, out| match directive.kind() {
            Kind::Quoted => {
                quote_string(value.as_bytes(), out);
                Ok(())
            }
            _ => directive.string(value.as_bytes(), out),
        });
        let question = format!(
            "string.format, {}, {}",
            literal(format.as_bytes()),
            literal(value.as_bytes())
        );
        questions.ask("string.format", question, answer);
    }
    questions.compare(&[]);
}
