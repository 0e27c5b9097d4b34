//! Texts that nobody wrote: whatever they are, the compiler answers with a message or with valid code, and does not panic.

use super::listings::TOPICS;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tenure_lua::bytecode::Listing;
use tenure_lua::chunk::{dump, undump, verify};
use tenure_lua::compiler::compile;

/// Pieces of the language, and pieces that are almost of it.
const PIECES: &[&str] = &[
    "and",
    "break",
    "do",
    "else",
    "elseif",
    "end",
    "false",
    "for",
    "function",
    "goto",
    "if",
    "in",
    "local",
    "nil",
    "not",
    "or",
    "repeat",
    "return",
    "then",
    "true",
    "until",
    "while",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "#",
    "&",
    "~",
    "|",
    "<<",
    ">>",
    "//",
    "==",
    "~=",
    "<=",
    ">=",
    "<",
    ">",
    "=",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "::",
    ";",
    ":",
    ",",
    ".",
    "..",
    "...",
    "x",
    "y",
    "z",
    "_ENV",
    "<const>",
    "<close>",
    "1",
    "2.5",
    "0x10",
    "1e999",
    "'s'",
    "\"\\u{41}\"",
    "[[l]]",
    "--[[c]]",
    "--c\n",
    "\n",
    "'",
    "\\",
    "[=[",
    "f(x)",
    "x = 1",
    "local x =",
    "function f(...)",
    "if x then",
    "for i = 1, 2 do",
    "for k in f do",
    "while x do",
    "return x,",
];

/// A source is refused, or its code is valid, can be listed, and survives being written and read.
fn check(source: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(proto) = compile(source, b"=s") {
        prop_assert_eq!(verify(&proto), Ok(()));
        prop_assert!(!Listing(&proto).to_string().is_empty());
        prop_assert_eq!(undump(&dump(&proto, false), b"=s").unwrap(), proto);
    }
    Ok(())
}

fn piece() -> impl Strategy<Value = &'static str> {
    select(PIECES)
}

proptest! {
    #[test]
    fn any_bytes(source in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&source)?;
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..120)) {
        check(pieces.join(" ").as_bytes())?;
    }

    #[test]
    fn programs_with_other_pieces(
        topic in select(TOPICS.iter().map(|topic| topic.source).collect::<Vec<_>>()),
        changes in prop::collection::vec((any::<Index>(), 0..3_usize, piece()), 1..6),
    ) {
        let mut words: Vec<&str> = topic.split_inclusive([' ', ';', ',', '(', '\n']).collect();
        for (at, removed, piece) in changes {
            let at = at.index(words.len());
            let end = (at + removed).min(words.len());
            words.splice(at..end, [" ", piece, " "]);
        }
        check(words.concat().as_bytes())?;
    }

    #[test]
    fn programs_with_other_bytes(
        topic in select(TOPICS.iter().map(|topic| topic.source).collect::<Vec<_>>()),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut source = topic.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(source.len());
            source[at] = byte;
        }
        check(&source)?;
    }

    #[test]
    fn lines_of_programs_in_any_order(
        lines in prop::collection::vec(
            select(TOPICS.iter().flat_map(|topic| topic.source.lines()).collect::<Vec<_>>()),
            0..20,
        ),
    ) {
        check(lines.join("\n").as_bytes())?;
    }
}
