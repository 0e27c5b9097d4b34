//! The library `utf8`.

use super::*;
use tenure_lua::pure::utf8::*;

fn text(generator: &mut Generator) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"a",
        "é".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfd\xbf\xbf\xbf\xbf\xbf",
        b"\x80",
        b"\xc3",
        b"\xc0\x80",
        b"\xff",
        b"\0",
    ];
    let limit = if generator.below(2) == 0 { 4 } else { PIECES.len() };
    (0..generator.below(6))
        .flat_map(|_| PIECES[generator.below(limit)])
        .copied()
        .collect()
}

#[test]
fn positions() {
    let (mut generator, mut questions) = (Generator::new(41), Questions::default());
    for _ in 0..5000 {
        let bytes = text(&mut generator);
        let string = literal(&bytes);
        let [i, j, n] = [(); 3].map(|()| generator.below(20) as i64 - 9);
        let lax = generator.below(2) == 0;
        let answer = length(&bytes, i, j, lax).map(|length| match length {
            Ok(count) => vec![count.into()],
            Err(position) => vec![Value::Nil, position.into()],
        });
        questions.ask("utf8.len", format!("utf8.len, {string}, {i}, {j}, {lax}"), answer);
        let codes = codepoint_range(i, j, bytes.len()).and_then(|range| {
            codepoints(&bytes, range, lax)
                .map(|code| Ok(i64::from(code?).into()))
                .collect()
        });
        questions.ask(
            "utf8.codepoint",
            format!("utf8.codepoint, {string}, {i}, {j}, {lax}"),
            codes,
        );
        let position = |i| byte_position(&bytes, n, i).map(|position| vec![position.map_or(Value::Nil, Value::from)]);
        questions.ask(
            "utf8.offset",
            format!("utf8.offset, {string}, {n}, {i}"),
            position(Some(i)),
        );
        questions.ask("utf8.offset", format!("utf8.offset, {string}, {n}"), position(None));
    }
    questions.compare(&[]);
}

#[test]
fn codes() {
    let (mut generator, mut questions) = (Generator::new(42), Questions::default());
    for _ in 0..3000 {
        let bytes = text(&mut generator);
        let lax = generator.below(2) == 0;
        let answer = || -> Result<Vec<Value>, LibraryError> {
            check_codes(&bytes)?;
            let (mut values, mut position) = (Vec::new(), 0);
            while let Some((next, code)) = next_code(&bytes, position, lax)? {
                position = next;
                values.extend([next.into(), i64::from(code).into()]);
            }
            Ok(values)
        };
        let body = format!(
            "for p, c in utf8.codes({}, {lax}) do values[#values + 1] = p values[#values + 1] = c end",
            literal(&bytes)
        );
        questions.ask(
            "codes",
            format!("function() local values = {{}} {body} return table.unpack(values) end"),
            answer(),
        );
    }
    let (mut generator, mut encoded) = (Generator::new(43), Vec::new());
    for _ in 0..3000 {
        let code = generator.integer() & i64::from(MAX_CODE);
        encoded.clear();
        encode(code as u32, &mut encoded);
        questions.ask(
            "utf8.char",
            format!("utf8.char, {code}"),
            Ok(vec![Value::from(&encoded[..])]),
        );
    }
    questions.compare(&[]);
}
