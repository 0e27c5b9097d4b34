//! What C's `printf` prints, in the locale "C" and on Linux.
//!
//! One conversion at a time: [`Conversion`] has the flags, the width and the precision, and appends a converted value to bytes. Floats
//! are exact at any precision, rounded to nearest with ties to even. Linear in the length of the result. It does not read format
//! strings: the module of `string.format` does, which knows what Lua accepts.

mod float;
mod hex_float;

/// Flags, width and precision of a conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// `-`: padded on the right.
    pub left: bool,
    /// `+`: a sign even for what is not negative.
    pub plus: bool,
    /// A space in place of a sign.
    pub space: bool,
    /// `#`: the alternative form.
    pub alternative: bool,
    /// `0`: padded with zeros after the sign.
    pub zeros: bool,
    /// The least length of the result in bytes.
    pub width: usize,
    /// What follows the point.
    pub precision: Option<usize>,
}

/// The bases of unsigned conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// `%o`.
    Octal,
    /// `%u`.
    Decimal,
    /// `%x`.
    Hexadecimal,
    /// `%X`.
    UpperHexadecimal,
}

/// The notations of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `%f`.
    Fixed,
    /// `%e`.
    Scientific,
    /// `%g`: whichever of the two is shorter, without zeros at the end.
    Shorter,
    /// `%a`: hexadecimal.
    Hexadecimal,
}

impl Conversion {
    /// `%d`: an integer with its sign.
    ///
    /// ```
    /// use tenure_lua::pure::printf::Conversion;
    /// let mut out = Vec::new();
    /// Conversion { plus: true, width: 6, precision: Some(3), ..Conversion::default() }.integer(7, &mut out);
    /// assert_eq!(out, b"  +007");
    /// ```
    pub fn integer(&self, value: i64, out: &mut Vec<u8>) {
        let digits = self.digits(value.unsigned_abs(), 10, false);
        self.pad(
            self.sign(value < 0),
            &digits,
            self.zeros && self.precision.is_none(),
            out,
        );
    }

    /// `%u`, `%o`, `%x`, `%X`.
    pub fn unsigned(&self, value: u64, base: Base, out: &mut Vec<u8>) {
        let (radix, upper) = match base {
            Base::Octal => (8, false),
            Base::Decimal => (10, false),
            Base::Hexadecimal => (16, false),
            Base::UpperHexadecimal => (16, true),
        };
        let mut digits = self.digits(value, radix, upper);
        let prefix: &[u8] = match base {
            Base::Hexadecimal if self.alternative && value != 0 => b"0x",
            Base::UpperHexadecimal if self.alternative && value != 0 => b"0X",
            _ => b"",
        };
        if base == Base::Octal && self.alternative && digits.first() != Some(&b'0') {
            digits.insert(0, b'0');
        }
        self.pad(prefix, &digits, self.zeros && self.precision.is_none(), out);
    }

    /// `%c`: one byte.
    pub fn byte(&self, value: u8, out: &mut Vec<u8>) {
        self.pad(b"", &[value], false, out);
    }

    /// `%s`: the bytes, or as many of them as the precision says.
    pub fn bytes(&self, value: &[u8], out: &mut Vec<u8>) {
        let length = self
            .precision
            .map_or(value.len(), |precision| precision.min(value.len()));
        self.pad(b"", &value[..length], false, out);
    }

    /// `%p`: an address.
    pub fn address(&self, value: u64, out: &mut Vec<u8>) {
        match value {
            0 => self.bytes(b"(null)", out),
            _ => Self {
                alternative: true,
                ..*self
            }
            .unsigned(value, Base::Hexadecimal, out),
        }
    }

    /// `%e`, `%f`, `%g`, `%a`, and with `upper` their upper-case forms.
    ///
    /// ```
    /// use tenure_lua::pure::printf::{Conversion, Notation};
    /// let mut out = Vec::new();
    /// let conversion = Conversion { precision: Some(20), ..Conversion::default() };
    /// conversion.float(0.1, Notation::Fixed, false, &mut out);
    /// assert_eq!(out, b"0.10000000000000000555");
    /// ```
    pub fn float(&self, value: f64, notation: Notation, upper: bool, out: &mut Vec<u8>) {
        let start = out.len();
        let sign = self.sign(value.is_sign_negative());
        let magnitude = value.abs();
        if !magnitude.is_finite() {
            let name: &[u8] = if value.is_nan() { b"nan" } else { b"inf" };
            self.pad(sign, name, false, out);
        } else if notation == Notation::Hexadecimal {
            let prefix = [sign, b"0x"].concat();
            self.pad(&prefix, &hex_float::hexadecimal(magnitude, self), self.zeros, out);
        } else {
            self.pad(sign, &float::decimal(magnitude, notation, self), self.zeros, out);
        }
        if upper {
            out[start..].make_ascii_uppercase();
        }
    }

    const fn sign(&self, negative: bool) -> &'static [u8] {
        if negative {
            b"-"
        } else if self.plus {
            b"+"
        } else if self.space {
            b" "
        } else {
            b""
        }
    }

    /// Digits, at least as many as the precision says; none of a zero if it says zero.
    fn digits(&self, mut value: u64, radix: u64, upper: bool) -> Vec<u8> {
        let digit_set: &[u8; 16] = if upper {
            b"0123456789ABCDEF"
        } else {
            b"0123456789abcdef"
        };
        let mut digits = Vec::new();
        while value != 0 {
            digits.push(digit_set[(value % radix) as usize]);
            value /= radix;
        }
        digits.resize(digits.len().max(self.precision.unwrap_or(1)), b'0');
        digits.reverse();
        digits
    }

    /// Appends prefix and body at the width: spaces before or behind, or zeros between.
    fn pad(&self, prefix: &[u8], body: &[u8], zeros: bool, out: &mut Vec<u8>) {
        let padding = self.width.saturating_sub(prefix.len() + body.len());
        if !self.left && !zeros {
            out.resize(out.len() + padding, b' ');
        }
        out.extend_from_slice(prefix);
        if !self.left && zeros {
            out.resize(out.len() + padding, b'0');
        }
        out.extend_from_slice(body);
        if self.left {
            out.resize(out.len() + padding, b' ');
        }
    }
}

#[cfg(test)]
mod tests;
