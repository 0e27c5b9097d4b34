//! `string.pack`, `string.unpack`, `string.packsize`.

use super::*;
use tenure_lua::pure::pack::*;

fn format(generator: &mut Generator) -> String {
    const OPTIONS: [&str; 34] = [
        "<", ">", "=", "!", "!2", "!4", "!8", "!3", "b", "B", "h", "H", "l", "L", "j", "J", "T", "f", "d", "n", "i",
        "i3", "I5", "i12", "I16", "i17", "s", "s1", "z", "x", "X", "c3", "c", " ",
    ];
    generator.pieces(&OPTIONS, 6)
}

#[test]
fn packing() {
    let (mut generator, mut questions) = (Generator::new(21), Questions::default());
    for _ in 0..4000 {
        let format = format(&mut generator);
        let mut arguments = String::new();
        let mut pack = || -> Result<Vec<Value>, LibraryError> {
            let mut packer = Packer::default();
            while let Some(item) = packer.next_item(format.as_bytes())? {
                match item.kind {
                    PackKind::Signed | PackKind::Unsigned => {
                        let value = generator.integer();
                        arguments += &format!(", {}", integer_expression(value));
                        packer.integer(item, value)?;
                    }
                    PackKind::Float | PackKind::Double => {
                        let value = generator.float();
                        arguments += &format!(", {}", float_expression(value));
                        packer.float(item, value);
                    }
                    _ => {
                        let value = generator.pieces(&["a", "b", "\0", "c"], 4);
                        arguments += &format!(", {}", literal(value.as_bytes()));
                        packer.bytes(item, value.as_bytes())?;
                    }
                }
            }
            Ok(vec![Value::Bytes(packer.finish())])
        };
        let answer = pack();
        let literal_format = literal(format.as_bytes());
        questions.ask(
            "string.pack",
            format!("string.pack, {literal_format}{arguments}"),
            answer,
        );
        let size = packed_size(format.as_bytes()).map(|size| vec![(size as i64).into()]);
        questions.ask("string.packsize", format!("string.packsize, {literal_format}"), size);
    }
    questions.compare(&[]);
}

#[test]
fn unpacking() {
    let (mut generator, mut questions) = (Generator::new(22), Questions::default());
    for _ in 0..6000 {
        let format = format(&mut generator);
        let data = generator.pieces(
            &["\0", "\0\0\0\0", "\x01", "\x02", "abc", "\u{7f}", "\0\0\0\0\0\0\0\0"],
            9,
        );
        let position = generator.below(8) as i64 - 2;
        let unpack = || -> Result<Vec<Value>, LibraryError> {
            let mut unpacker = Unpacker::new(position, data.len())?;
            let mut values = Vec::new();
            while let Some(value) = unpacker.next_value(format.as_bytes(), data.as_bytes())? {
                values.push(match value {
                    Unpacked::Integer(value) => value.into(),
                    Unpacked::Float(value) => Value::Number(Number::Float(value)),
                    Unpacked::Bytes(range) => Value::from(&data.as_bytes()[range]),
                });
            }
            values.push(unpacker.next_position().into());
            Ok(values)
        };
        let answer = unpack();
        let question = format!(
            "string.unpack, {}, {}, {position}",
            literal(format.as_bytes()),
            literal(data.as_bytes())
        );
        questions.ask("string.unpack", question, answer);
    }
    questions.compare(&[]);
}
