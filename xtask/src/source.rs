//! A Rust source split into code and comments.
//!
//! Comments and the contents of literals are blanked out of the code, so that a word in a string or a comment is never taken for
//! code; line numbers stay. One pass over the bytes. It does not parse: tokens are identifiers and single punctuation characters.

/// One comment, `//` or `/* */`, with its markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    /// Line of its first character, counted from 1.
    pub(crate) line: usize,
    pub(crate) text: &'a str,
}

impl Comment<'_> {
    /// Whether it is a doc comment (`///`, `//!`, `/**`, `/*!`).
    pub(crate) fn is_doc(&self) -> bool {
        ["///", "//!", "/**", "/*!"]
            .iter()
            .any(|marker| self.text.starts_with(marker))
    }
}

/// An identifier, number or punctuation character of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) line: usize,
    pub(crate) text: &'a str,
    /// Inside `quote! { … }` or one of its relatives: code for somebody else's crate.
    pub(crate) quoted: bool,
}

/// The two halves of a source.
#[derive(Debug)]
pub(crate) struct Split<'a> {
    /// The source with comments and the insides of literals turned into spaces.
    pub(crate) code: String,
    pub(crate) comments: Vec<Comment<'a>>,
}

/// Splits `text` into code and comments.
pub(crate) fn split(text: &str) -> Split<'_> {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut comments = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                let end = find(bytes, at, |byte| byte == b'\n');
                comments.push(Comment {
                    line,
                    text: &text[at..end],
                });
                end
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let end = block_comment_end(bytes, at);
                comments.push(Comment {
                    line,
                    text: &text[at..end],
                });
                end
            }
            b'"' => string_end(bytes, at),
            b'\'' => match char_end(bytes, at) {
                Some(end) => end,
                None => {
                    at += 1;
                    continue;
                }
            },
            byte if is_word(byte) => {
                let end = find(bytes, at, |byte| !is_word(byte));
                match raw_string_end(bytes, at, end) {
                    Some(end) => end,
                    None => {
                        at = end;
                        continue;
                    }
                }
            }
            byte => {
                line += usize::from(byte == b'\n');
                at += 1;
                continue;
            }
        };
        for byte in &mut code[at..end] {
            if *byte == b'\n' {
                line += 1;
            } else {
                *byte = b' ';
            }
        }
        at = end;
    }
    // Only whole characters inside comments and literals were blanked, so the rest is still UTF-8.
    Split {
        code: String::from_utf8_lossy(&code).into_owned(),
        comments,
    }
}

/// The tokens of code that [`split`] made.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = code.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if first == '\n' {
            line += 1;
        }
        if first.is_whitespace() {
            continue;
        }
        let mut end = start + first.len_utf8();
        if first == '_' || first.is_alphanumeric() {
            while let Some((at, next)) = chars.next_if(|(_, next)| *next == '_' || next.is_alphanumeric()) {
                end = at + next.len_utf8();
            }
        }
        tokens.push(Token {
            line,
            text: &code[start..end],
            quoted: false,
        });
    }
    mark_quoted(&mut tokens);
    tokens
}

fn mark_quoted(tokens: &mut [Token<'_>]) {
    let mut at = 0;
    while at + 2 < tokens.len() {
        let is_quote = matches!(
            tokens[at].text,
            "quote" | "quote_spanned" | "parse_quote" | "parse_quote_spanned"
        );
        let opens = matches!(tokens[at + 2].text, "{" | "(" | "[");
        if !(is_quote && tokens[at + 1].text == "!" && opens) {
            at += 1;
            continue;
        }
        at += 2;
        let mut depth = 0_usize;
        while at < tokens.len() {
            match tokens[at].text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            tokens[at].quoted = true;
            at += 1;
            if depth == 0 {
                break;
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// First position from `at` whose byte satisfies `stop`, or the end.
fn find(bytes: &[u8], at: usize, stop: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|&byte| stop(byte))
        .map_or(bytes.len(), |offset| at + offset)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => depth += 1,
            Some(b"*/") => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

/// End of the string literal whose opening quote is at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// End of the character literal at `start`, or `None` when the quote begins a lifetime or label.
fn char_end(bytes: &[u8], start: usize) -> Option<usize> {
    if *bytes.get(start + 1)? == b'\\' {
        let close = find(bytes, start + 3, |byte| byte == b'\'');
        return Some((close + 1).min(bytes.len()));
    }
    let width = match bytes[start + 1] {
        0x00..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    };
    (bytes.get(start + 1 + width) == Some(&b'\'')).then_some(start + width + 2)
}

/// End of a raw string whose prefix is the word `start..end` (`r`, `br`, `cr`), or `None` when the word is something else.
fn raw_string_end(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    if !matches!(&bytes[start..end], b"r" | b"br" | b"cr") {
        return None;
    }
    let quote = find(bytes, end, |byte| byte != b'#');
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let hashes = quote - end;
    let mut at = quote + 1;
    while at < bytes.len() {
        let closes = bytes[at] == b'"' && bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count() >= hashes;
        at += 1;
        if closes {
            return Some((at + hashes).min(bytes.len()));
        }
    }
    Some(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{split, tokens};

    fn words(text: &str) -> Vec<String> {
        let code = split(text).code;
        tokens(&code).iter().map(|token| token.text.to_string()).collect()
    }

    #[test]
    fn comments_and_literals_leave_the_code() {
        let text =
            "let a = \"bad \\\" bad\"; // bad\nlet b = r#\"bad \" bad\"#; /* bad /* bad */ bad */ let c = b'\\'';";
        assert_eq!(words(text).join(" "), "let a = ; let b = ; let c = b ;");
        let comments: Vec<_> = split(text).comments.iter().map(|comment| comment.line).collect();
        assert_eq!(comments, [1, 2]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(
            words("fn f<'a>(x: &'a str) { 'l: loop {} }").join(" "),
            "fn f < ' a > ( x : & ' a str ) { ' l : loop { } }"
        );
        assert_eq!(
            words("let x = ('é', 'x', '\\u{41}', '\\n');").join(" "),
            "let x = ( , , , ) ;"
        );
    }

    #[test]
    fn lines_survive_multi_line_literals() {
        let code = split("let a = \"x\ny\";\n/* 1\n2 */ here").code;
        let last = *tokens(&code).last().unwrap();
        assert_eq!((last.text, last.line), ("here", 4));
    }

    #[test]
    fn raw_identifiers_and_unterminated_literals_do_not_derail() {
        assert_eq!(words("let r#type = 1;").join(" "), "let r # type = 1 ;");
        assert_eq!(words("a \"open").join(" "), "a");
        assert_eq!(words("a r##\"open\"#").join(" "), "a");
        assert_eq!(words("a /* open").join(" "), "a");
        assert_eq!(words("a '\\").join(" "), "a");
    }

    #[test]
    fn quoted_code_is_marked() {
        let code = split("a quote!{ b (c) } d quote::quote_spanned!(s=> e) f").code;
        let quoted: String = tokens(&code)
            .iter()
            .filter(|token| token.quoted)
            .map(|token| token.text)
            .collect();
        assert_eq!(quoted, "{b(c)}(s=>e)");
    }
}
