//! One directive: what it accepts, and what it appends.
//!
//! Flags, width and precision are two digits each at most; each conversion has flags of its own that it accepts. The spelling is kept
//! for messages.

use crate::pure::LibraryError;
use crate::pure::error::reserve;
use crate::pure::printf::{Base, Conversion, Notation};

/// The bytes that can stand between the percent sign and the conversion.
const MODIFIERS: &[u8] = b"-+#0 123456789.";

/// The first length of modifiers and conversion that is refused as too long.
const TOO_LONG: usize = 22;

/// From this length on, `%s` without precision takes the string as it is.
const LONG_STRING: usize = 100;

/// What a directive converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `%c`: an integer, for [`Directive::character`].
    Character,
    /// `%d`, `%i`, `%u`, `%o`, `%x`, `%X`: an integer, for [`Directive::integer`].
    Integer,
    /// `%a`, `%A`, `%e`, `%E`, `%f`, `%g`, `%G`: a number, for [`Directive::float`].
    Float,
    /// `%p`: any value that has an address, for [`Directive::address`].
    Address,
    /// `%q`: a value that has a literal, for [`quote_string`](super::quote_string) and the like.
    Quoted,
    /// `%s`: any value, as `tostring` makes it, for [`Directive::string`].
    String,
}

/// A directive of a format, and the argument that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Directive {
    kind: Kind,
    conversion: u8,
    modifiers: [u8; TOO_LONG],
    modifiers_length: usize,
    argument: usize,
}

impl Directive {
    /// Reads a directive behind its percent sign, and says how long it is.
    pub(super) fn read(text: &[u8], argument: usize) -> Result<(Self, usize), LibraryError> {
        let modifiers_length = text
            .iter()
            .position(|byte| !MODIFIERS.contains(byte))
            .unwrap_or(text.len());
        if modifiers_length + 1 >= TOO_LONG {
            return Err(LibraryError::new("invalid format (too long)"));
        }
        // A format that ends here has a zero byte as its conversion, as C sees it.
        let conversion = text.get(modifiers_length).copied().unwrap_or(0);
        let mut modifiers = [0; TOO_LONG];
        modifiers[..modifiers_length].copy_from_slice(&text[..modifiers_length]);
        let kind = Self::kind_of(conversion);
        let directive = Self {
            kind: kind.unwrap_or(Kind::String),
            conversion,
            modifiers,
            modifiers_length,
            argument,
        };
        match kind {
            None => return Err(directive.refuse("invalid conversion", "to 'format'")),
            Some(Kind::Quoted) if modifiers_length > 0 => {
                return Err(LibraryError::new("specifier '%q' cannot have modifiers"));
            }
            // Checked before the argument is.
            Some(Kind::Character | Kind::Address) => drop(directive.conversion()?),
            Some(Kind::Float) if matches!(conversion, b'a' | b'A') => drop(directive.conversion()?),
            Some(_) => {}
        }
        Ok((directive, modifiers_length + 1))
    }

    const fn kind_of(conversion: u8) -> Option<Kind> {
        Some(match conversion {
            b'c' => Kind::Character,
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => Kind::Integer,
            b'a' | b'A' | b'e' | b'E' | b'f' | b'g' | b'G' => Kind::Float,
            b'p' => Kind::Address,
            b'q' => Kind::Quoted,
            b's' => Kind::String,
            _ => return None,
        })
    }

    /// What it converts.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of its argument; the format is argument 1.
    #[must_use]
    pub const fn argument(&self) -> usize {
        self.argument
    }

    fn modifiers(&self) -> &[u8] {
        &self.modifiers[..self.modifiers_length]
    }

    /// An error that quotes the directive. A zero byte ends the quotation, as it is a C string in the reference.
    fn refuse(&self, before: &str, after: &str) -> LibraryError {
        let mut message = format!("{before} '%").into_bytes();
        message.extend_from_slice(self.modifiers());
        if self.conversion != 0 {
            message.push(self.conversion);
        }
        message.push(b'\'');
        if !after.is_empty() {
            message.push(b' ');
            message.extend_from_slice(after.as_bytes());
        }
        LibraryError::owned(message)
    }

    /// Reads the modifiers, if the conversion accepts them.
    fn conversion(&self) -> Result<Conversion, LibraryError> {
        let (flags, accepts_precision): (&[u8], _) = match self.conversion {
            b'c' | b'p' => (b"-", false),
            b's' => (b"-", true),
            b'd' | b'i' => (b"-+0 ", true),
            b'u' => (b"-0", true),
            b'o' | b'x' | b'X' => (b"-#0", true),
            _ => (b"-+#0 ", true),
        };
        let mut conversion = Conversion::default();
        let mut rest = self.modifiers();
        while let [flag, after @ ..] = rest
            && flags.contains(flag)
        {
            match flag {
                b'-' => conversion.left = true,
                b'+' => conversion.plus = true,
                b' ' => conversion.space = true,
                b'#' => conversion.alternative = true,
                _ => conversion.zeros = true,
            }
            rest = after;
        }
        if rest.first() != Some(&b'0') {
            conversion.width = two_digits(&mut rest);
            if let [b'.', after @ ..] = rest
                && accepts_precision
            {
                rest = after;
                conversion.precision = Some(two_digits(&mut rest));
            }
        }
        if rest.is_empty() {
            Ok(conversion)
        } else {
            Err(self.refuse("invalid conversion specification:", ""))
        }
    }

    /// Appends the byte that `%c` means.
    ///
    /// # Errors
    /// The modifiers are not accepted; here as in the methods below.
    pub fn character(&self, value: i64, out: &mut Vec<u8>) -> Result<(), LibraryError> {
        self.conversion()?.byte(value as u8, out);
        Ok(())
    }

    /// Appends an integer as `%d` and its kind do.
    ///
    /// # Errors
    /// See [`Directive::character`].
    pub fn integer(&self, value: i64, out: &mut Vec<u8>) -> Result<(), LibraryError> {
        let conversion = self.conversion()?;
        let base = match self.conversion {
            b'u' => Base::Decimal,
            b'o' => Base::Octal,
            b'x' => Base::Hexadecimal,
            b'X' => Base::UpperHexadecimal,
            _ => {
                conversion.integer(value, out);
                return Ok(());
            }
        };
        conversion.unsigned(value as u64, base, out);
        Ok(())
    }

    /// Appends a float as `%f` and its kind do.
    ///
    /// # Errors
    /// See [`Directive::character`].
    pub fn float(&self, value: f64, out: &mut Vec<u8>) -> Result<(), LibraryError> {
        let notation = match self.conversion.to_ascii_lowercase() {
            b'a' => Notation::Hexadecimal,
            b'e' => Notation::Scientific,
            b'g' => Notation::Shorter,
            _ => Notation::Fixed,
        };
        self.conversion()?
            .float(value, notation, self.conversion.is_ascii_uppercase(), out);
        Ok(())
    }

    /// Appends an address as `%p` does; `(null)` for 0, which is the address of a value that has none.
    ///
    /// # Errors
    /// See [`Directive::character`].
    pub fn address(&self, value: u64, out: &mut Vec<u8>) -> Result<(), LibraryError> {
        self.conversion()?.address(value, out);
        Ok(())
    }

    /// Appends a string as `%s` does.
    ///
    /// # Errors
    /// See [`Directive::character`]; also if the string has zero bytes and the directive has modifiers, or memory does not suffice.
    pub fn string(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), LibraryError> {
        reserve(out, value.len())?;
        if self.modifiers().is_empty() {
            out.extend_from_slice(value);
            return Ok(());
        }
        if value.contains(&0) {
            return Err(LibraryError::argument(self.argument, "string contains zeros"));
        }
        let conversion = self.conversion()?;
        if conversion.precision.is_none() && value.len() >= LONG_STRING {
            out.extend_from_slice(value);
        } else {
            conversion.bytes(value, out);
        }
        Ok(())
    }
}

/// Takes up to two digits from the front.
fn two_digits(text: &mut &[u8]) -> usize {
    let count = text.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    *text = rest;
    digits
        .iter()
        .fold(0, |value, digit| value * 10 + usize::from(digit - b'0'))
}
