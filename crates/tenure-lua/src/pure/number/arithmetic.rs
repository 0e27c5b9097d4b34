//! The operations whose results differ from Rust's operators: floor division, modulo, shifts, powers, and comparisons of an integer with
//! a float.
//!
//! Integers wrap around; division and modulo round towards minus infinity. The operations whose results are Rust's (`wrapping_add` and
//! so on) are not here.

use super::{Number, float_to_integer_ceil, float_to_integer_floor, integral_to_number};
use crate::pure::LibraryError;
use std::cmp::Ordering;

/// `m // n` of integers.
///
/// # Errors
/// `attempt to divide by zero`, if `n` is 0.
pub const fn integer_floor_division(m: i64, n: i64) -> Result<i64, LibraryError> {
    if n == 0 {
        return Err(LibraryError::new("attempt to divide by zero"));
    }
    let quotient = m.wrapping_div(n);
    Ok(if (m ^ n) < 0 && m.wrapping_rem(n) != 0 {
        quotient - 1
    } else {
        quotient
    })
}

/// `m % n` of integers: the result has the sign of `n`.
///
/// # Errors
/// `attempt to perform 'n%0'`, if `n` is 0.
pub const fn integer_modulo(m: i64, n: i64) -> Result<i64, LibraryError> {
    if n == 0 {
        return Err(LibraryError::new("attempt to perform 'n%0'"));
    }
    let remainder = m.wrapping_rem(n);
    Ok(if remainder != 0 && (remainder ^ n) < 0 {
        remainder + n
    } else {
        remainder
    })
}

/// `m // n` of floats.
#[must_use]
pub fn float_floor_division(m: f64, n: f64) -> f64 {
    (m / n).floor()
}

/// `m % n` of floats: the result has the sign of `n`, unless it is NaN.
///
/// `m - floor(m / n) * n` would lose what the division rounds away, so the exact remainder is corrected instead.
#[must_use]
pub fn float_modulo(m: f64, n: f64) -> f64 {
    let remainder = m % n;
    let differs = if remainder > 0.0 {
        n < 0.0
    } else {
        remainder < 0.0 && n > 0.0
    };
    if differs { remainder + n } else { remainder }
}

/// `base ^ exponent`.
#[must_use]
pub fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 2.0 {
        base * base
    } else {
        base.powf(exponent)
    }
}

/// `x << y`; a negative `y` shifts to the right, and bits that leave are lost. No shift keeps the sign.
///
/// ```
/// use tenure_lua::pure::number::shift_left;
/// assert_eq!(shift_left(1, 63), i64::MIN);
/// assert_eq!(shift_left(-1, -63), 1);
/// assert_eq!(shift_left(-1, 64), 0);
/// ```
#[must_use]
pub const fn shift_left(x: i64, y: i64) -> i64 {
    match y {
        0..64 => ((x as u64) << y) as i64,
        -63..0 => ((x as u64) >> -y) as i64,
        _ => 0,
    }
}

/// `x >> y`.
#[must_use]
pub const fn shift_right(x: i64, y: i64) -> i64 {
    // The negation of the least integer wraps around to itself, which is out of range in either direction.
    shift_left(x, y.wrapping_neg())
}

/// How two numbers compare mathematically, or nothing if one is NaN. An integer is never rounded to a float for it.
///
/// ```
/// use std::cmp::Ordering;
/// use tenure_lua::pure::number::{Number, compare_numbers};
/// let (i, f) = (Number::Integer(i64::MAX), Number::Float(9223372036854775808.0));
/// assert_eq!(compare_numbers(i, f), Some(Ordering::Less));
/// ```
#[must_use]
pub fn compare_numbers(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Integer(a), Number::Integer(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Integer(a), Number::Float(b)) => compare_integer_to_float(a, b),
        (Number::Float(a), Number::Integer(b)) => compare_integer_to_float(b, a).map(Ordering::reverse),
    }
}

fn compare_integer_to_float(integer: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    match (float_to_integer_floor(float), float_to_integer_ceil(float)) {
        (Some(floor), Some(ceil)) if floor == ceil => Some(integer.cmp(&floor)),
        (Some(floor), _) if integer <= floor => Some(Ordering::Less),
        (_, Some(ceil)) if integer >= ceil => Some(Ordering::Greater),
        // The float is beyond all integers, or it is -2^63 less a fraction, which no double is.
        _ => Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater }),
    }
}

/// `math.ult`: whether `a < b` as unsigned numbers.
#[must_use]
pub const fn unsigned_less_than(a: i64, b: i64) -> bool {
    (a as u64) < (b as u64)
}

/// `math.fmod` of integers: the remainder has the sign of `m`.
///
/// # Errors
/// Argument 2 is `zero`.
pub const fn integer_remainder(m: i64, n: i64) -> Result<i64, LibraryError> {
    if n == 0 {
        Err(LibraryError::argument(2, "zero"))
    } else {
        Ok(m.wrapping_rem(n))
    }
}

/// `math.modf` of a float: the integral part, rounded towards zero, and the fraction.
#[must_use]
pub fn split_float(value: f64) -> (Number, f64) {
    // Not `trunc`: the integral part of -0.5 must be the float -0.0 before it becomes the integer 0, as in the reference.
    let integral = if value < 0.0 { value.ceil() } else { value.floor() };
    let fraction = if value == integral { 0.0 } else { value - integral };
    (integral_to_number(integral), fraction)
}

/// `math.log` with an optional base; bases 2 and 10 are exact where the logarithm is.
#[must_use]
pub fn logarithm(x: f64, base: Option<f64>) -> f64 {
    match base {
        None => x.ln(),
        Some(2.0) => x.log2(),
        Some(10.0) => x.log10(),
        Some(base) => x.ln() / base.ln(),
    }
}

/// `math.deg`.
#[must_use]
pub fn to_degrees(radians: f64) -> f64 {
    radians * (180.0 / std::f64::consts::PI)
}

/// `math.rad`.
#[must_use]
pub fn to_radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integer_division_and_modulo_round_down() {
        for (m, n, quotient, remainder) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
            (6, -2, -3, 0),
            (0, -5, 0, 0),
        ] {
            assert_eq!(integer_floor_division(m, n), Ok(quotient));
            assert_eq!(integer_modulo(m, n), Ok(remainder));
        }
        assert_eq!(integer_floor_division(i64::MIN, -1), Ok(i64::MIN));
        assert_eq!(integer_modulo(i64::MIN, -1), Ok(0));
        assert_eq!(integer_remainder(i64::MIN, -1), Ok(0));
        assert_eq!(integer_remainder(-7, 2), Ok(-1));
    }

    #[test]
    fn zero_divisors_have_the_messages_of_the_reference() {
        assert_eq!(
            integer_floor_division(1, 0).unwrap_err().message(),
            b"attempt to divide by zero"
        );
        assert_eq!(integer_modulo(1, 0).unwrap_err().message(), b"attempt to perform 'n%0'");
        assert_eq!(
            integer_remainder(1, 0).unwrap_err().describe(b"fmod", false),
            b"bad argument #2 to 'fmod' (zero)"
        );
    }

    #[test]
    fn float_modulo_keeps_the_sign_of_the_divisor() {
        assert_eq!(float_modulo(5.5, -2.0), -0.5);
        assert_eq!(float_modulo(-5.5, 2.0), 0.5);
        assert_eq!(float_modulo(5.0, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(float_modulo(-5.0, f64::INFINITY), f64::INFINITY);
        assert_eq!(float_modulo(5.0, f64::INFINITY), 5.0);
        assert!(float_modulo(1.0, 0.0).is_nan());
        assert!(float_modulo(-0.0, 2.0).is_sign_negative());
    }

    #[test]
    fn shifts_beyond_the_width_lose_all_bits() {
        for y in [64, 65, i64::MAX, -64, -65, i64::MIN] {
            assert_eq!(shift_left(-1, y), 0);
            assert_eq!(shift_right(-1, y), 0);
        }
        assert_eq!(shift_right(-1, 1), i64::MAX);
        assert_eq!(shift_right(1, -1), 2);
        assert_eq!(shift_left(-1, 0), -1);
    }

    #[test]
    fn modf_of_the_edges() {
        assert_eq!(split_float(f64::INFINITY), (Number::Float(f64::INFINITY), 0.0));
        assert_eq!(split_float(-3.75), (Number::Integer(-3), -0.75));
        assert_eq!(split_float(1e300), (Number::Float(1e300), 0.0));
        let (integral, fraction) = split_float(f64::NAN);
        assert!(integral.to_float().is_nan() && fraction.is_nan());
    }

    #[test]
    fn comparisons_do_not_round() {
        let compare = |i, f| compare_numbers(Number::Integer(i), Number::Float(f));
        assert_eq!(compare((1 << 53) + 1, 9007199254740992.0), Some(Ordering::Greater));
        assert_eq!(compare(i64::MIN, -9223372036854775808.0), Some(Ordering::Equal));
        assert_eq!(compare(i64::MIN, f64::NEG_INFINITY), Some(Ordering::Greater));
        assert_eq!(compare(i64::MAX, f64::INFINITY), Some(Ordering::Less));
        assert_eq!(compare(1, 1.5), Some(Ordering::Less));
        assert_eq!(compare(2, 1.5), Some(Ordering::Greater));
        assert_eq!(compare(0, -0.5), Some(Ordering::Greater));
        assert_eq!(compare(0, f64::NAN), None);
    }

    proptest! {
        #[test]
        fn quotient_and_remainder_give_back_the_dividend(m: i64, n: i64) {
            if n != 0 {
                let quotient = integer_floor_division(m, n).unwrap();
                let remainder = integer_modulo(m, n).unwrap();
                prop_assert_eq!(quotient.wrapping_mul(n).wrapping_add(remainder), m);
                prop_assert!(remainder == 0 || (remainder < 0) == (n < 0));
            }
        }

        #[test]
        fn mixed_comparison_agrees_with_wide_integers(i: i64, scale in -3i64..3, fraction in -2.0f64..2.0) {
            let float = (i as f64) * scale as f64 + fraction;
            // All floats of this range that have a fraction are below 2^53, where halves are exact.
            let wide = (float * 2.0) as i128;
            prop_assume!(wide as f64 == float * 2.0);
            prop_assert_eq!(
                compare_numbers(Number::Integer(i), Number::Float(float)),
                Some((i128::from(i) * 2).cmp(&wide))
            );
        }
    }
}
