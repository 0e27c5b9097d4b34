//! `string.find`, `string.gsub`, `string.gmatch`.

use super::*;
use tenure_lua::pure::pattern::*;
use tenure_lua::pure::slice::start_offset;

fn pattern(generator: &mut Generator) -> String {
    const ITEMS: [&str; 44] = [
        "a", "b", ".", "%a", "%d", "%s", "%W", "%%", "[ab]", "[^a]", "[a-c]", "[]]", "[%d_]", "[a-]", "*", "*", "+",
        "-", "?", "(", "(", ")", ")", "()", "%1", "%2", "%b()", "%bab", "%f[a]", "%f[^a]", "%f", "^", "$", "[", "]",
        "%", "%0", "1", "_", " ", ",", "(a)", "(.-)", "%z",
    ];
    generator.pieces(&ITEMS, 7)
}

fn subject(generator: &mut Generator) -> String {
    generator.pieces(
        &[
            "a", "b", "aa", "ab", "(", ")", "1", "_", " ", "]", "%", "^", "\0", "-", ",", "é",
        ],
        12,
    )
}

fn capture_value(subject: &[u8], capture: Result<Capture, PatternError>) -> Result<Value, LibraryError> {
    Ok(match capture? {
        Capture::Bytes(start, end) => Value::from(&subject[start..end]),
        Capture::Position(position) => Value::from(position as i64),
    })
}

#[test]
fn finding() {
    let (mut generator, mut questions) = (Generator::new(31), Questions::default());
    for _ in 0..10_000 {
        let (pattern, subject) = (pattern(&mut generator), subject(&mut generator));
        let (bytes, init) = (subject.as_bytes(), generator.below(20) as i64 - 5);
        let answer = || -> Result<Vec<Value>, LibraryError> {
            let Some(found) = find(bytes, pattern.as_bytes(), start_offset(init, bytes.len()), false)? else {
                return Ok(vec![Value::Nil]);
            };
            let range = found.range();
            let mut values = vec![Value::from(range.start as i64 + 1), Value::from(range.end as i64)];
            for index in 0..found.explicit_count() {
                values.push(capture_value(bytes, found.capture(index))?);
            }
            Ok(values)
        };
        let question = format!(
            "string.find, {}, {}, {init}",
            literal(bytes),
            literal(pattern.as_bytes())
        );
        questions.ask("string.find", question, answer());
    }
    questions.compare(&[]);
}

#[test]
fn substituting() {
    let (mut generator, mut questions) = (Generator::new(32), Questions::default());
    for _ in 0..10_000 {
        let (pattern, subject) = (pattern(&mut generator), subject(&mut generator));
        let replacement = generator.pieces(&["x", "%0", "%1", "%2", "%%", "%", "<"], 3);
        let limit = generator.below(5) as i64 - 1;
        let (pattern, bytes) = (pattern.as_bytes(), subject.as_bytes());
        let answer = || -> Result<Vec<Value>, LibraryError> {
            let mut substitution = Substitution::new(pattern, limit);
            while let Some(found) = substitution.next_match(bytes, pattern)? {
                expand(replacement.as_bytes(), bytes, &found, substitution.replacement())?;
            }
            let (result, count) = substitution.finish(bytes);
            Ok(vec![Value::Bytes(result.unwrap_or(bytes.to_vec())), count.into()])
        };
        let question = format!(
            "string.gsub, {}, {}, {}, {limit}",
            literal(bytes),
            literal(pattern),
            literal(replacement.as_bytes())
        );
        questions.ask("string.gsub", question, answer());
    }
    questions.compare(&[]);
}

#[test]
fn iterating() {
    let (mut generator, mut questions) = (Generator::new(33), Questions::default());
    for _ in 0..5000 {
        let (pattern, subject) = (pattern(&mut generator), subject(&mut generator));
        let (bytes, init) = (subject.as_bytes(), generator.below(14) as i64 - 4);
        let answer = || -> Result<Vec<Value>, LibraryError> {
            let mut search = Search::new(start_offset(init, bytes.len()));
            let mut values = Vec::new();
            while let Some(found) = search.next_match(bytes, pattern.as_bytes())? {
                values.push(capture_value(bytes, found.capture(0))?);
                // All of them are made before the first is used.
                for capture in found.captures() {
                    capture_value(bytes, capture)?;
                }
            }
            Ok(values)
        };
        let body = format!(
            "for value in string.gmatch({}, {}, {init}) do values[#values + 1] = value end",
            literal(bytes),
            literal(pattern.as_bytes())
        );
        questions.ask(
            "for iterator 'for iterator'",
            format!("function() local values = {{}} {body} return table.unpack(values) end"),
            answer(),
        );
    }
    questions.compare(&[]);
}
