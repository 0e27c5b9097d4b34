//! Every item of a pattern, every refusal, and arbitrary patterns; expected values are the reference's.

use super::*;
use proptest::prelude::*;

/// What `string.find` returns, as text: positions and captures, or an error.
fn found(subject: &str, pattern: &str) -> String {
    found_bytes(subject.as_bytes(), pattern.as_bytes(), 0)
}

fn found_bytes(subject: &[u8], pattern: &[u8], start: usize) -> String {
    match find(subject, pattern, start, false) {
        Err(error) => error.to_string(),
        Ok(None) => "nil".into(),
        Ok(Some(found)) => {
            let range = found.range();
            let mut text = format!("{} {}", range.start + 1, range.end);
            for index in 0..found.explicit_count() {
                text += &match found.capture(index) {
                    Ok(Capture::Bytes(start, end)) => format!(" {}", String::from_utf8_lossy(&subject[start..end])),
                    Ok(Capture::Position(position)) => format!(" @{position}"),
                    Err(error) => return error.to_string(),
                };
            }
            text
        }
    }
}

fn substituted(subject: &str, pattern: &str, replacement: &str, limit: i64) -> Result<(String, i64), PatternError> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let mut substitution = Substitution::new(pattern, limit);
    while let Some(found) = substitution.next_match(subject, pattern)? {
        expand(replacement.as_bytes(), subject, &found, substitution.replacement())?;
    }
    let (result, count) = substitution.finish(subject);
    Ok((String::from_utf8(result.unwrap_or(subject.to_vec())).unwrap(), count))
}

fn all_matches(subject: &str, pattern: &str) -> Vec<String> {
    let mut search = Search::new(0);
    let mut matches = Vec::new();
    while let Some(found) = search.next_match(subject.as_bytes(), pattern.as_bytes()).unwrap() {
        matches.push(subject[found.range()].to_owned());
    }
    matches
}

#[test]
fn items() {
    for (subject, pattern, expected) in [
        ("", "", "1 0"),
        ("abc", "b()c()", "2 3 @3 @4"),
        ("aaab", "a-b", "1 4"),
        ("aaa", "^(a-)$", "1 3 aaa"),
        ("aaab", "a*b?", "1 4"),
        ("b", "a+", "nil"),
        ("ab", "a?b?c?", "1 2"),
        ("a$b", "$b", "2 3"),
        ("ab", "b$", "2 2"),
        ("a^b", "a^b", "1 3"),
        ("aa", "^a^a", "nil"),
        ("%d", "%%d", "1 2"),
        ("f(a(b)c)d", "%b()", "2 8"),
        ("((", "%b()", "nil"),
        ("xaxx", "%bxx", "1 3"),
        ("THE (quick) fox", "%f[%a]%a+%f[%A]", "1 3"),
        ("", "%f[\0]", "nil"),
        ("a", "%f[^a]", "2 1"),
        ("a", "a%f[%z]", "1 1"),
        ("ab", "()%1", "nil"),
        ("aa", "(a)%1", "1 2 a"),
        ("xaay", "(a*)%1y", "2 4 a"),
        ("  x  ", "^%s*(.-)%s*$", "1 5 x"),
        ("2024-01-02", "(%d+)-(%d+)-(%d+)", "1 10 2024 01 02"),
        ("abc", "((a)(b))", "1 2 ab a b"),
        ("\n", ".", "1 1"),
    ] {
        assert_eq!(found(subject, pattern), expected, "{pattern:?} in {subject:?}");
    }
}

#[test]
fn sets() {
    for (subject, pattern, expected) in [
        ("a-z", "[a-]", "1 1"),
        ("-", "[a-]", "1 1"),
        ("a]", "[]]", "2 2"),
        ("]", "[^a]", "1 1"),
        ("[[x]]", "[[]+", "1 2"),
        ("a-b", "[%a-z]+", "1 3"),
        ("a-b", "[+--]", "2 2"),
        ("b", "[a-c]", "1 1"),
        ("b", "[^a-c]", "nil"),
        ("^", "[a^]", "1 1"),
        ("%", "[%%]", "1 1"),
        ("]", "[%]]", "1 1"),
        ("x", "[%W]", "nil"),
    ] {
        assert_eq!(found(subject, pattern), expected, "{pattern:?} in {subject:?}");
    }
    assert_eq!(found_bytes(b"\xff", b"[\x80-\xff]", 0), "1 1");
    assert_eq!(found_bytes(b"a\0b", b"[\0]", 0), "2 2");
}

#[test]
fn classes() {
    let members = |class: &str| -> String {
        let all: Vec<u8> = (0..=255).collect();
        let pattern = class.as_bytes();
        let bytes: Vec<u8> = all
            .into_iter()
            .filter(|&byte| match_at(&[byte], pattern, 0).unwrap().is_some())
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    assert_eq!(members("%d"), "0123456789");
    assert_eq!(members("%l"), "abcdefghijklmnopqrstuvwxyz");
    assert_eq!(members("%u"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    assert_eq!(members("%a"), members("%u") + &members("%l"));
    assert_eq!(members("%w"), members("%d") + &members("%a"));
    assert_eq!(members("%x"), "0123456789ABCDEFabcdef");
    assert_eq!(members("%s"), "\t\n\x0b\x0c\r ");
    assert_eq!(members("%p"), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
    assert_eq!(members("%c").len(), 33);
    assert_eq!(members("%g").len(), 94);
    assert_eq!(members("%z"), "\0");
    assert_eq!(members("%."), ".");
    assert_eq!(members("%é"), "");
    for class in ["d", "l", "u", "a", "w", "x", "s", "p", "c", "g"] {
        let both = format!("[%{class}%{}]", class.to_uppercase());
        assert!(
            (0..=255).all(|byte| match_at(&[byte], both.as_bytes(), 0).unwrap().is_some()),
            "{class}"
        );
    }
}

#[test]
fn positions_and_plain_texts() {
    assert_eq!(found_bytes(b"abc", b"", 3), "4 3");
    assert_eq!(found_bytes(b"abc", b"", 4), "nil");
    assert_eq!(found_bytes(b"abc", b"()", 4), "nil");
    assert_eq!(found_bytes(b"abc", b"^()", 4), "nil");
    assert_eq!(found_bytes(b"abcabc", b"b", 2), "5 5");
    assert_eq!(found_bytes(b"abcabc", b"^b", 1), "2 2");
    assert_eq!(found_bytes(b"a\0b", b"\0b", 0), "2 3");
    // A `)` alone makes no pattern.
    assert_eq!(found("a)", "a)"), "1 2");
    let plain = find(b"a.b", b".", 0, true).unwrap().unwrap();
    assert_eq!(plain.range(), 1..2);
    assert!(!has_specials(b"a)]\0") && has_specials(b"\0%"));
}

#[test]
fn malformed_patterns() {
    for (pattern, message) in [
        ("(a", "unfinished capture"),
        ("%", "malformed pattern (ends with '%')"),
        ("a%", "malformed pattern (ends with '%')"),
        ("[a", "malformed pattern (missing ']')"),
        ("[]", "malformed pattern (missing ']')"),
        ("[^]", "malformed pattern (missing ']')"),
        ("[a%", "malformed pattern (missing ']')"),
        ("[a%]", "malformed pattern (missing ']')"),
        ("%f[", "malformed pattern (missing ']')"),
        ("%b", "malformed pattern (missing arguments to '%b')"),
        ("%bx", "malformed pattern (missing arguments to '%b')"),
        ("%f", "missing '[' after '%f' in pattern"),
        ("%fa", "missing '[' after '%f' in pattern"),
        ("%1", "invalid capture index %1"),
        ("%0", "invalid capture index %0"),
        ("(a)%2", "invalid capture index %2"),
        ("(a%1)", "invalid capture index %1"),
        (".)", "invalid pattern capture"),
    ] {
        assert_eq!(found("a", pattern), message, "{pattern:?}");
    }
    assert_eq!(found("a", &"()".repeat(33)), "too many captures");
    assert_eq!(found("a", &"()".repeat(32)), format!("1 0{}", " @1".repeat(32)));
}

#[test]
fn depth_is_limited_as_in_the_reference() {
    let subject = "a".repeat(300);
    assert_eq!(found(&subject, &"a?".repeat(199)), "1 199");
    assert_eq!(found(&subject, &"a?".repeat(200)), "pattern too complex");
    assert_eq!(found(&"x".repeat(2_000), ".-b"), "nil");
    assert_eq!(found(&"x".repeat(100_000), &".".repeat(100_000)), "1 100000");
}

#[test]
fn iteration_skips_empty_matches_behind_matches() {
    assert_eq!(all_matches("abc", ""), ["", "", "", ""]);
    assert_eq!(all_matches("abc", "%w*"), ["abc"]);
    assert_eq!(all_matches("a,,b", "%w*"), ["a", "", "b"]);
    assert_eq!(all_matches("^a", "^a"), ["^a"]);
    assert_eq!(all_matches("THE (quick) fox", "%f[%a]%a+"), ["THE", "quick", "fox"]);
    assert!(Search::new(4).next_match(b"abc", b"").unwrap().is_none());
}

#[test]
fn first_items_are_looked_for() {
    let subject = "some words, and [0-9] or \"quotes\\";
    for (pattern, expected) in [
        (",", "11 11"),
        ("[,\"]", "11 11"),
        ("[\"\\]", "26 26"),
        ("[zx\\]", "33 33"),
        ("[zxq\\]", "27 27"),
        ("[^a-z]", "5 5"),
        ("[^some]", "5 5"),
        ("[^some ]", "6 6"),
        ("[]]", "21 21"),
        ("[-z]", "19 19"),
        ("[z-]", "19 19"),
        ("[0-9]", "18 18"),
        ("[x%d]", "18 18"),
        ("%d", "18 18"),
        ("%D", "1 1"),
        ("%p", "11 11"),
        (",+ ", "11 12"),
        ("w.+d", "6 15"),
        (".", "1 1"),
        ("[xyz]", "nil"),
        ("[wxyz]", "6 6"),
        ("[%]]$", "nil"),
    ] {
        assert_eq!(found(subject, pattern), expected, "{pattern:?}");
    }
    assert_eq!(found("", "."), "nil");
    assert_eq!(found("", "[^a]"), "nil");
    assert_eq!(found_bytes(b"a\xc1\xff", b"[\xff\0z\x80]", 0), "3 3");
    assert_eq!(all_matches("a,b;c", "[,;]"), [",", ";"]);
    assert_eq!(all_matches("a,,b", "[^,]"), ["a", "b"]);
}

#[test]
fn captures_beyond_the_first_few() {
    assert_eq!(found("abcdef", "(a)(b)(c)(d)(e)(f)"), "1 6 a b c d e f");
    assert_eq!(found("abcdef", "((((((a))))))"), "1 1 a a a a a a");
    assert_eq!(found("abcdeffx", "(a)(b)(c)(d)(e)(f)%6x"), "1 8 a b c d e f");
    assert_eq!(found("aaaaaab", "()()()()()(a-)b"), "1 7 @1 @1 @1 @1 @1 aaaaaa");
    assert_eq!(found("a", "()()()()()("), "unfinished capture");
}

#[test]
fn substitutions() {
    for (subject, pattern, replacement, limit, expected, count) in [
        ("abc", "%w*", "x", i64::MAX, "x", 1),
        ("hello world", "o*", "-", i64::MAX, "-h-e-l-l- -w-r-l-d-", 10),
        ("abc", "^a", "x", 5, "xbc", 1),
        ("aaa", "^a", "x", 5, "xaa", 1),
        ("baa", "^a", "x", 5, "baa", 0),
        ("abc", "", "-", i64::MAX, "-a-b-c-", 4),
        ("abc", "b*", "-", i64::MAX, "-a-c-", 3),
        ("abc", "()b", "%1", i64::MAX, "a2c", 1),
        ("hello world", "%w+", "%0 %0", 1, "hello hello world", 1),
        ("hello world", "(%w+) (%w+)", "%2 %1", i64::MAX, "world hello", 1),
        ("abc", "%w", "%1%%", i64::MAX, "a%b%c%", 3),
        ("abc", "b", "", 0, "abc", 0),
        ("abc", "b", "", -1, "abc", 0),
        ("abc", "^", "x", i64::MAX, "xabc", 1),
    ] {
        assert_eq!(
            substituted(subject, pattern, replacement, limit),
            Ok((expected.into(), count)),
            "{pattern:?} in {subject:?}"
        );
    }
}

#[test]
fn refused_replacements() {
    assert_eq!(
        substituted("abc", "b", "%", 9),
        Err(PatternError::InvalidReplacementEscape)
    );
    assert_eq!(
        substituted("abc", "b", "%x", 9),
        Err(PatternError::InvalidReplacementEscape)
    );
    assert_eq!(substituted("abc", "(b", "%1", 9), Err(PatternError::UnfinishedCapture));
    assert_eq!(
        substituted("abc", "(b)", "%2", 9),
        Err(PatternError::InvalidCaptureIndex(2))
    );
    assert_eq!(substituted("abc", "x", "%", 9), Ok(("abc".into(), 0)));
    let error = LibraryError::from(PatternError::InvalidReplacementEscape);
    assert_eq!(error.message(), b"invalid use of '%' in replacement string");
}

#[test]
fn matches_can_be_kept_and_counted() {
    let (subject, pattern) = (b"a b c", b"%w");
    let mut substitution = Substitution::new(pattern, i64::MAX);
    while let Some(found) = substitution.next_match(subject, pattern).unwrap() {
        if &subject[found.range()] == b"b" {
            substitution.replacement().extend_from_slice(b"[]");
        }
    }
    assert_eq!(substitution.finish(subject), (Some(b"a [] c".to_vec()), 3));
    let mut untouched = Substitution::new(pattern, i64::MAX);
    while untouched.next_match(subject, pattern).unwrap().is_some() {}
    assert_eq!(untouched.finish(subject), (None, 3));
}

/// Patterns that are mostly well-formed: bytes of the syntax.
fn pattern_like() -> impl Strategy<Value = String> {
    "([a-c.]|%[a-z0-9%]|\\[\\^?[]a-c%-]{0,4}\\]|\\(|\\)|%b[ab]{2}|%f\\[[%a-c]{1,2}\\]|[*+?$^-]){0,10}"
}

proptest! {
    #[test]
    fn arbitrary_patterns_never_panic(subject: Vec<u8>, pattern: Vec<u8>, start in 0usize..20, plain: bool) {
        if let Ok(Some(found)) = find(&subject, &pattern, start, plain) {
            prop_assert!(found.range().end <= subject.len());
        }
    }

    #[test]
    fn likely_patterns_never_panic_and_captures_lie_inside(subject in "[a-c%() ]{0,20}", pattern in pattern_like(), replacement in "(%[0-9%]|[a-z]){0,4}%?") {
        let mut search = Search::new(0);
        let mut last = 0;
        while let Ok(Some(found)) = search.next_match(subject.as_bytes(), pattern.as_bytes()) {
            let range = found.range();
            prop_assert!(last <= range.start && range.end <= subject.len());
            last = range.end;
            for capture in found.captures() {
                match capture {
                    Ok(Capture::Bytes(start, end)) => prop_assert!(start <= end && end <= subject.len()),
                    Ok(Capture::Position(position)) => prop_assert!((1..=subject.len() + 1).contains(&position)),
                    Err(error) => prop_assert_eq!(error, PatternError::UnfinishedCapture),
                }
            }
        }
        let _ = substituted(&subject, &pattern, &replacement, i64::MAX);
    }

    #[test]
    fn a_search_finds_what_trying_every_place_finds(subject in "[a-c%() ]{0,20}", pattern in pattern_like(), start in 0usize..22) {
        prop_assume!(!pattern.starts_with('^'));
        let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
        let mut tried = Ok(None);
        for position in start..=subject.len() {
            tried = match_at(subject, pattern, position);
            if !matches!(tried, Ok(None)) {
                break;
            }
        }
        let range = |found: Result<Option<Match>, PatternError>| found.map(|found| found.map(|found| found.range()));
        prop_assert_eq!(range(first_match(subject, pattern, start)), range(tried));
    }

    #[test]
    fn a_whole_match_replaced_by_itself_changes_nothing(subject in "[a-c ]{0,20}", pattern in pattern_like()) {
        if let Ok((result, _)) = substituted(&subject, &pattern, "%0", i64::MAX) {
            prop_assert_eq!(result, subject);
        }
    }

    #[test]
    fn plain_search_agrees_with_the_matcher(subject in "[ab]{0,30}", text in "[ab]{0,3}") {
        let (subject, text) = (subject.as_bytes(), text.as_bytes());
        let matched = first_match(subject, text, 0).unwrap().map(|found| found.range());
        prop_assert_eq!(find(subject, text, 0, true).unwrap().map(|found| found.range()), matched);
    }
}
