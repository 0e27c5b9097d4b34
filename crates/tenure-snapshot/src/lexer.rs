//! A pull tokenizer over one buffer: strings, non-negative integers, keys, and values that are skipped whole.
//!
//! Linear in the text, one pass, constant memory (the buffer, and one byte per open bracket while skipping). Numbers
//! that lie within the buffer, as nearly all do, take the short path. It does not validate the numbers inside of
//! skipped values, only that strings and brackets there are closed in order.

use crate::error::{ErrorKind, SnapshotError};
use crate::input::Input;

const BUFFER_BYTES: usize = 256 * 1024;
/// Keys and names in `meta` are short; a longer one is damage, and must not be collected into memory.
const NAME_LIMIT_BYTES: usize = 64 * 1024;
const DEPTH_LIMIT: usize = 1 << 20;
const PREVIEW_BYTES: usize = 24;

type Result<T> = std::result::Result<T, SnapshotError>;

pub(crate) struct Lexer<'a> {
    input: Input<'a>,
    progress: &'a mut dyn FnMut(u64),
    buffer: Box<[u8]>,
    /// Next byte, and end of the valid bytes, in `buffer`.
    next: usize,
    end: usize,
    /// Offset of `buffer[0]` in the text.
    base: u64,
    /// Offset of the number that was read last.
    number_start: u64,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: Input<'a>, progress: &'a mut dyn FnMut(u64)) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self {
            input,
            progress,
            buffer,
            next: 0,
            end: 0,
            base: 0,
            number_start: 0,
        }
    }

    /// Offset of the next byte in the decompressed text.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Offset at which the number begins that [`number`](Self::number) returned last.
    pub(crate) fn number_start(&self) -> u64 {
        self.number_start
    }

    #[cold]
    fn refill(&mut self) -> Result<bool> {
        self.base += self.end as u64;
        self.next = 0;
        self.end = 0;
        // Enough for a byte order mark and for what a message shows, even from a reader that gives little at a time.
        while self.end < PREVIEW_BYTES {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(kind) => return Err(SnapshotError::new(kind, self.base + self.end as u64)),
            }
        }
        (self.progress)(self.input.read_bytes());
        Ok(self.end > 0)
    }

    /// The next byte, without taking it; `None` at the end of the text.
    #[inline]
    fn peek_raw(&mut self) -> Result<Option<u8>> {
        if self.next == self.end && !self.refill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.next]))
    }

    /// The next byte that is not white space, without taking it; `None` at the end of the text.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            match self.peek_raw()? {
                Some(byte) if is_space(byte) => self.next += 1,
                other => return Ok(other),
            }
        }
    }

    /// Takes the byte that a peek has just shown.
    pub(crate) fn take(&mut self) {
        self.next += 1;
    }

    /// Takes `byte` after white space, or says that `expected` was due.
    pub(crate) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.peek()? == Some(byte) {
            self.take();
            return Ok(());
        }
        Err(self.unexpected(expected))
    }

    /// Text at the present place for a message, as far as it is in the buffer.
    pub(crate) fn preview(&self) -> String {
        let rest = &self.buffer[self.next..self.end];
        let shown = &rest[..rest.len().min(PREVIEW_BYTES)];
        format!("`{}`", shown.escape_ascii())
    }

    /// The error for a next byte that is not what is due.
    #[cold]
    pub(crate) fn unexpected(&mut self, expected: &'static str) -> SnapshotError {
        let kind = match self.peek_raw() {
            Err(error) => return error,
            Ok(None) => ErrorKind::Truncated { expected },
            Ok(Some(_)) => ErrorKind::Syntax {
                expected,
                found: self.preview(),
            },
        };
        SnapshotError::new(kind, self.offset())
    }

    /// Skips a byte order mark at the very start.
    pub(crate) fn skip_byte_order_mark(&mut self) -> Result<()> {
        if self.peek_raw()?.is_some() && self.buffer[self.next..self.end].starts_with(b"\xef\xbb\xbf") {
            self.next += 3;
        }
        Ok(())
    }

    /// The next key of an object whose opening brace is taken, up to and with its colon; `None` after the closing brace.
    pub(crate) fn next_key(&mut self, first: bool) -> Result<Option<String>> {
        match self.peek()? {
            Some(b'}') => {
                self.take();
                return Ok(None);
            }
            Some(b'"') if first => {}
            Some(b',') if !first => self.take(),
            _ if first => return Err(self.unexpected("a key or `}`")),
            _ => return Err(self.unexpected("`,` or `}`")),
        }
        let key = self.name()?;
        self.expect(b':', "`:`")?;
        Ok(Some(key))
    }

    /// Whether the array whose opening bracket is taken has another element; takes the comma before it or the bracket.
    pub(crate) fn next_element(&mut self, first: bool) -> Result<bool> {
        match self.peek()? {
            Some(b']') => {
                self.take();
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.take();
                Ok(true)
            }
            _ if first => Err(self.unexpected("a value or `]`")),
            _ => Err(self.unexpected("`,` or `]`")),
        }
    }

    /// A short string.
    pub(crate) fn name(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.string(&mut bytes, NAME_LIMIT_BYTES)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A string, appended to `out` with its escapes undone; halves of surrogate pairs become U+FFFD.
    pub(crate) fn string(&mut self, out: &mut Vec<u8>, limit_bytes: usize) -> Result<()> {
        self.expect(b'"', "a string")?;
        let start = self.offset();
        let mut high_surrogate: Option<u32> = None;
        loop {
            let chunk = &self.buffer[self.next..self.end];
            let plain = chunk
                .iter()
                .position(|&b| b == b'"' || b == b'\\' || b < 0x20)
                .unwrap_or(chunk.len());
            if plain > 0 {
                if high_surrogate.take().is_some() {
                    push_char(out, char::REPLACEMENT_CHARACTER);
                }
                out.extend_from_slice(&chunk[..plain]);
                self.next += plain;
            }
            if out.len() > limit_bytes {
                let kind = ErrorKind::Syntax {
                    expected: "a name of less than 64 KiB",
                    found: "a longer one".into(),
                };
                return Err(SnapshotError::new(kind, start));
            }
            match self.peek_raw()? {
                Some(b'"') => {
                    self.take();
                    if high_surrogate.is_some() {
                        push_char(out, char::REPLACEMENT_CHARACTER);
                    }
                    return Ok(());
                }
                Some(b'\\') => {
                    let unit = self.escape()?;
                    if let Some(high) = high_surrogate.take() {
                        if (0xdc00..0xe000).contains(&unit) {
                            let scalar = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
                            push_char(out, char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
                            continue;
                        }
                        push_char(out, char::REPLACEMENT_CHARACTER);
                    }
                    if (0xd800..0xdc00).contains(&unit) {
                        high_surrogate = Some(unit);
                    } else {
                        push_char(out, char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                }
                Some(byte) if byte < 0x20 => return Err(self.unexpected("a string without control characters")),
                Some(_) => {}
                None => return Err(self.unexpected("the rest of a string")),
            }
        }
    }

    /// One escape sequence: its UTF-16 code unit.
    fn escape(&mut self) -> Result<u32> {
        let start = self.offset();
        self.take();
        let simple = match self.peek_raw()? {
            Some(byte @ (b'"' | b'\\' | b'/')) => u32::from(byte),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => 10,
            Some(b'r') => 13,
            Some(b't') => 9,
            Some(b'u') => {
                self.take();
                let mut unit = 0;
                for _ in 0..4 {
                    match self.peek_raw()?.map(|byte| char::from(byte).to_digit(16)) {
                        Some(Some(digit)) => unit = unit * 16 + digit,
                        _ => return Err(self.unexpected("four hexadecimal digits after `\\u`")),
                    }
                    self.take();
                }
                return Ok(unit);
            }
            Some(byte) => {
                let found = format!("`\\{}`", byte.escape_ascii());
                return Err(SnapshotError::new(
                    ErrorKind::Syntax {
                        expected: "an escape of JSON",
                        found,
                    },
                    start,
                ));
            }
            None => return Err(self.unexpected("the rest of an escape")),
        };
        self.take();
        Ok(simple)
    }

    /// Skips a string without looking at its escapes.
    fn skip_string(&mut self) -> Result<()> {
        self.expect(b'"', "a string")?;
        loop {
            let chunk = &self.buffer[self.next..self.end];
            self.next += chunk
                .iter()
                .position(|&b| b == b'"' || b == b'\\')
                .unwrap_or(chunk.len());
            match self.peek_raw()? {
                Some(b'"') => {
                    self.take();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.take();
                    if self.peek_raw()?.is_none() {
                        return Err(self.unexpected("the rest of an escape"));
                    }
                    self.take();
                }
                Some(_) => {}
                None => return Err(self.unexpected("the rest of a string")),
            }
        }
    }

    /// Skips one value of any kind, however nested.
    pub(crate) fn skip_value(&mut self) -> Result<()> {
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                Some(b'"') => self.skip_string()?,
                Some(bracket @ (b'[' | b'{')) => {
                    if open.len() == DEPTH_LIMIT {
                        return Err(self.unexpected("brackets nested less than 2^20 deep"));
                    }
                    open.push(if bracket == b'[' { b']' } else { b'}' });
                    self.take();
                    continue;
                }
                Some(close @ (b']' | b'}')) if open.last() == Some(&close) => {
                    open.pop();
                    self.take();
                }
                Some(b',' | b':') if !open.is_empty() => {
                    self.take();
                    continue;
                }
                Some(byte) if byte == b'-' || byte.is_ascii_alphanumeric() => self.skip_scalar()?,
                _ if open.is_empty() => return Err(self.unexpected("a value")),
                _ => return Err(self.unexpected("a value or the end of an array or object")),
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Skips a number or a literal, without judging it.
    fn skip_scalar(&mut self) -> Result<()> {
        while let Some(byte) = self.peek_raw()? {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
                break;
            }
            self.take();
        }
        Ok(())
    }

    /// A non-negative integer that is a value of its own (not an element of a flat array).
    pub(crate) fn integer(&mut self) -> Result<u64> {
        if !self.peek()?.is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("a non-negative integer"));
        }
        self.digits()
    }

    fn digits(&mut self) -> Result<u64> {
        let start = self.offset();
        let mut value: u64 = 0;
        while let Some(byte) = self.peek_raw()? {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'.' | b'e' | b'E' => return Err(self.unexpected("an integer without fraction or exponent")),
                _ => break,
            };
            let Some(larger) = value
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(u64::from(digit)))
            else {
                let found = "a larger number".to_owned();
                let kind = ErrorKind::Syntax {
                    expected: "an integer below 2^64",
                    found,
                };
                return Err(SnapshotError::new(kind, start));
            };
            value = larger;
            self.take();
        }
        Ok(value)
    }

    /// A number of a flat array, and the `,` or `]` after it. With `needed` unset, numbers of any kind pass as 0.
    #[inline]
    pub(crate) fn number(&mut self, needed: bool) -> Result<(u64, u8)> {
        let text = &self.buffer[self.next..self.end];
        let mut i = 0;
        while i < text.len() && is_space(text[i]) {
            i += 1;
        }
        let start = i;
        let mut value: u64 = 0;
        while i < text.len() {
            let digit = text[i].wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            i += 1;
        }
        // Nineteen digits cannot overflow; longer numbers and those that end with the buffer take the long path.
        if (1..20).contains(&(i - start)) {
            while i < text.len() && is_space(text[i]) {
                i += 1;
            }
            if i < text.len() && matches!(text[i], b',' | b']') {
                let separator = text[i];
                self.number_start = self.base + (self.next + start) as u64;
                self.next += i + 1;
                return Ok((value, separator));
            }
        }
        self.number_across_buffers(needed)
    }

    #[cold]
    fn number_across_buffers(&mut self, needed: bool) -> Result<(u64, u8)> {
        let value = match self.peek()? {
            Some(byte) if !needed && (byte == b'-' || byte.is_ascii_digit()) => {
                self.number_start = self.offset();
                self.skip_scalar()?;
                0
            }
            Some(byte) if byte.is_ascii_digit() => {
                self.number_start = self.offset();
                self.digits()?
            }
            _ => {
                self.number_start = self.offset();
                return Err(self.unexpected("a non-negative integer"));
            }
        };
        match self.peek()? {
            Some(separator @ (b',' | b']')) => {
                self.take();
                Ok((value, separator))
            }
            _ => Err(self.unexpected("`,` or `]` after a number")),
        }
    }
}

fn push_char(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
