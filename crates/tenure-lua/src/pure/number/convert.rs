//! From floats to integers: exactly, or rounded in a direction.
//!
//! A float has an integer's value if it is integral and in `-2^63 .. 2^63`; both bounds are floats, so the check is two comparisons.
//! Strings are not converted here: see [`parse_number`](super::parse_number).

use super::Number;

const MIN_AS_FLOAT: f64 = i64::MIN as f64;

/// The integer that a float is, if it is one.
///
/// ```
/// use tenure_lua::pure::number::float_to_integer;
/// assert_eq!(float_to_integer(3.0), Some(3));
/// assert_eq!(float_to_integer(-0.0), Some(0));
/// assert_eq!(float_to_integer(3.5), None);
/// assert_eq!(float_to_integer(9223372036854775808.0), None);
/// ```
#[must_use]
pub fn float_to_integer(value: f64) -> Option<i64> {
    if value.floor() == value {
        integral_to_integer(value)
    } else {
        None
    }
}

/// The greatest integer that is not above a float, if there is one.
#[must_use]
pub fn float_to_integer_floor(value: f64) -> Option<i64> {
    integral_to_integer(value.floor())
}

/// The least integer that is not below a float, if there is one.
#[must_use]
pub fn float_to_integer_ceil(value: f64) -> Option<i64> {
    integral_to_integer(value.ceil())
}

/// An integral float as an integer, if it is in range.
fn integral_to_integer(value: f64) -> Option<i64> {
    (MIN_AS_FLOAT..-MIN_AS_FLOAT).contains(&value).then_some(value as i64)
}

/// An integral float as an integer if it is in range, and as a float otherwise: what `math.floor` and its kind return.
#[must_use]
pub fn integral_to_number(value: f64) -> Number {
    integral_to_integer(value).map_or(Number::Float(value), Number::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_the_integers() {
        assert_eq!(float_to_integer(-9223372036854775808.0), Some(i64::MIN));
        assert_eq!(float_to_integer(9223372036854774784.0), Some(9223372036854774784));
        assert_eq!(float_to_integer(9223372036854775808.0), None);
        for out in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300, -1e300] {
            assert_eq!(float_to_integer(out), None);
            assert_eq!(float_to_integer_floor(out), None);
            assert_eq!(float_to_integer_ceil(out), None);
        }
    }

    #[test]
    fn directions() {
        assert_eq!(float_to_integer_floor(-0.5), Some(-1));
        assert_eq!(float_to_integer_ceil(-0.5), Some(0));
        assert_eq!(float_to_integer_ceil(0.5), Some(1));
        assert_eq!(integral_to_number(2.0), Number::Integer(2));
        assert_eq!(integral_to_number(1e20), Number::Float(1e20));
    }
}
