//! Values of both schemes round trip, and none passes for an object.

use proptest::prelude::*;
use tenure::prelude::*;

use super::*;

#[test]
fn low_tag_values_round_trip() {
    let values: [Value<'_, Lox>; 9] = [
        Value::nil(),
        Value::undefined(),
        Value::bool(false),
        Value::bool(true),
        Value::char('\0'),
        Value::char('ß'),
        Value::symbol(0),
        Value::symbol(u32::MAX),
        Value::int(0),
    ];
    for (i, a) in values.iter().enumerate() {
        assert!(!a.is_object());
        assert_eq!(values.iter().filter(|b| a == *b).count(), 1, "value {i}");
        let readings = [
            a.is_nil(),
            a.is_undefined(),
            a.as_bool().is_some(),
            a.as_char().is_some(),
            a.as_symbol().is_some(),
            a.as_int().is_some(),
        ];
        assert_eq!(readings.iter().filter(|x| **x).count(), 1, "{a:?}");
    }
    assert_eq!(
        (values[5].as_char(), values[7].as_symbol()),
        (Some('ß'), Some(u32::MAX))
    );
    for int in [0, 1, -1, (1 << 62) - 1, -(1 << 62)] {
        assert_eq!(Value::<Lox>::int(int).as_int(), Some(int));
    }
    for int in [1 << 62, -(1 << 62) - 1, i64::MAX, i64::MIN] {
        assert_eq!(Value::<Lox>::try_int(int), None);
    }
    let text = panics(|| _ = Value::<Lox>::int(i64::MAX));
    assert!(text.contains("63 bits"), "{text}");
}

#[test]
fn debug_names_what_a_value_is() {
    isolate().enter(|h| {
        let show = |v: Value<'_, Lox>| format!("{v:?}");
        assert_eq!(show(Value::int(-3)), "-3");
        assert_eq!(show(Value::bool(true)), "true");
        assert_eq!(show(Value::nil()), "nil");
        assert!(show(pair(h).into()).starts_with("Pair@0x"));
    });
}

/// Objects among numbers: what is told apart by bits must not be confused in a collection.
#[test]
fn nan_boxes_hold_every_float_and_no_address_is_forged() {
    let mut js = Isolate::<Js>::new(config(), NoRootsInit {}).unwrap();
    js.enter(|h| {
        let inner = h.alloc::<Boxed>(BoxedInit { value: Value::int(-5) });
        let address = std::ptr::from_ref(inner.get()).addr() as u64;
        h.push(inner.into()).unwrap();
        // Payloads of NaNs and denormals that contain the address of an object.
        let forged = [
            address,
            address | 0x7ff0 << 48,
            address | 0xfff0 << 48,
            address | 0xfff8 << 48,
            !0,
            0,
        ];
        for bits in forged {
            let value = Value::<Js>::float(f64::from_bits(bits));
            assert!(!value.is_object() && value.as_int().is_none(), "{bits:#x}");
            h.push(value).unwrap();
        }
        h.collect_minor();
        h.collect();
        for bits in forged.into_iter().rev() {
            let read = h.pop().as_float().expect("a float");
            let given = f64::from_bits(bits);
            assert!(read.to_bits() == bits || (given.is_nan() && read.is_nan()), "{bits:#x}");
        }
        assert_eq!(h.pop().cast::<Boxed>().and_then(|b| b.value().as_int()), Some(-5));
    });
}

/// The same under the scheme with integers of 50 bits, whose words are nearer to those of floats.
#[test]
fn wide_integers_beside_floats_forge_no_address() {
    let mut isolate = Isolate::<Wide50>::new(config(), NoRootsInit {}).unwrap();
    isolate.enter(|h| {
        let inner = h.alloc::<Wrapped>(WrappedInit { value: Value::int(-5) });
        let address = std::ptr::from_ref(inner.get()).addr() as i64;
        h.push(inner.into()).unwrap();
        let ints = [address, !address, 0, -1, (1 << 49) - 1, -(1 << 49)];
        for int in ints {
            let value = Value::<Wide50>::int(int);
            assert!(!value.is_object() && value.as_float().is_none(), "{int:#x}");
            h.push(value).unwrap();
        }
        let floats = [
            address as u64,
            0xfff8 << 48,
            0x7ff8 << 48,
            !0,
            0xfff0 << 48,
            0xfffc << 48,
        ];
        for bits in floats {
            let value = Value::<Wide50>::float(f64::from_bits(bits));
            assert!(!value.is_object() && value.as_int().is_none(), "{bits:#x}");
            h.push(value).unwrap();
        }
        h.collect_minor();
        h.collect();
        for bits in floats.into_iter().rev() {
            let (read, given) = (h.pop().as_float().expect("a float"), f64::from_bits(bits));
            assert!(read.to_bits() == bits || (given.is_nan() && read.is_nan()), "{bits:#x}");
            assert_eq!(read.is_sign_negative(), given.is_sign_negative(), "{bits:#x}");
        }
        for int in ints.into_iter().rev() {
            assert_eq!(h.pop().as_int(), Some(int));
        }
        assert_eq!(h.pop().cast::<Wrapped>().and_then(|w| w.value().as_int()), Some(-5));
    });
    for int in [1 << 49, -(1 << 49) - 1, i64::MAX, i64::MIN] {
        assert_eq!(Value::<Wide50>::try_int(int), None);
    }
}

proptest! {
    #[test]
    fn wide_nan_boxes_round_trip(bits in any::<u64>(), int in any::<i64>(), shift in 0..64) {
        let float = f64::from_bits(bits);
        let value = Value::<Wide50>::float(float);
        let read = value.as_float().expect("a float");
        prop_assert!(read.to_bits() == bits || (float.is_nan() && read.is_nan()));
        prop_assert!(!value.is_object() && !value.is_nil() && !value.is_undefined());
        prop_assert_eq!((value.as_int(), value.as_bool(), value.as_char(), value.as_symbol()), (None, None, None, None));
        let int = int >> shift;
        let value = Value::<Wide50>::try_int(int);
        prop_assert_eq!(value.is_some(), (-(1 << 49)..1 << 49).contains(&int));
        if let Some(value) = value {
            prop_assert_eq!((value.as_int(), value.as_float(), value.as_number()), (Some(int), None, Some(int as f64)));
            prop_assert!(!value.is_object() && value.as_bool().is_none());
        }
    }

    #[test]
    fn nan_boxes_round_trip(bits in any::<u64>(), int in any::<i32>(), symbol in any::<u32>(), c in any::<char>()) {
        let float = f64::from_bits(bits);
        let value = Value::<Js>::float(float);
        let read = value.as_float().expect("a float");
        prop_assert!(read.to_bits() == bits || (float.is_nan() && read.is_nan()));
        prop_assert!(!value.is_object() && !value.is_nil() && !value.is_undefined());
        prop_assert_eq!((value.as_int(), value.as_bool(), value.as_char(), value.as_symbol()), (None, None, None, None));
        let value = Value::<Js>::int(int);
        prop_assert_eq!((value.as_int(), value.as_float(), value.as_number()), (Some(int), None, Some(f64::from(int))));
        prop_assert!(!value.is_object());
        let (symbol_value, char_value) = (Value::<Js>::symbol(symbol), Value::<Js>::char(c));
        prop_assert_eq!((symbol_value.as_symbol(), symbol_value.as_char(), symbol_value.as_float()), (Some(symbol), None, None));
        prop_assert_eq!((char_value.as_char(), char_value.as_symbol(), char_value.as_float()), (Some(c), None, None));
        prop_assert!(!symbol_value.is_object() && !char_value.is_object());
    }

    #[test]
    fn low_tag_integers_round_trip(int in any::<i64>()) {
        let fits = (-(1 << 62)..1 << 62).contains(&int);
        let value = Value::<Lox>::try_int(int);
        prop_assert_eq!(value.is_some(), fits);
        prop_assert_eq!(value.and_then(|v| v.as_int()), fits.then_some(int));
        prop_assert!(value.is_none_or(|v| !v.is_object() && v.as_bool().is_none() && v.as_char().is_none()));
    }

    #[test]
    fn sums_of_words_are_those_of_integers(x in any::<i64>(), y in any::<i64>(), shifts in (0..64, 0..64)) {
        let (x, y) = (x >> shifts.0, y >> shifts.1);
        if let (Some(a), Some(b)) = (Value::<Wide50>::try_int(x), Value::<Wide50>::try_int(y)) {
            prop_assert_eq!(a.add_ints(b), Value::try_int(x + y));
            prop_assert_eq!(a.subtract_ints(b), Value::try_int(x - y));
            prop_assert_eq!(a.add_int(y as i32), Value::try_int(x + i64::from(y as i32)));
            prop_assert_eq!(a.add_ints_wrapping(b).and_then(Value::as_int), Some((x + y) << 14 >> 14));
            prop_assert_eq!(a.count_down(), (x > 0).then(|| Value::int(x - 1)));
        }
        if let (Some(a), Some(b)) = (Value::<Lox>::try_int(x), Value::<Lox>::try_int(y)) {
            prop_assert_eq!(a.add_ints(b), Value::try_int(x + y));
            prop_assert_eq!(a.subtract_ints(b), Value::try_int(x - y));
            prop_assert_eq!(a.add_int(y as i32), Value::try_int(x + i64::from(y as i32)));
            prop_assert_eq!(a.add_ints_wrapping(b).and_then(Value::as_int), Some((x + y) << 1 >> 1));
            prop_assert_eq!(a.count_down(), (x > 0).then(|| Value::int(x - 1)));
        }
        let (x, y) = (x as i32, y as i32);
        let (a, b) = (Value::<Js>::int(x), Value::<Js>::int(y));
        prop_assert_eq!(a.add_ints(b), x.checked_add(y).map(Value::int));
        prop_assert_eq!(a.subtract_ints(b), x.checked_sub(y).map(Value::int));
        prop_assert_eq!(a.add_int(y), x.checked_add(y).map(Value::int));
        prop_assert_eq!(a.add_ints_wrapping(b), Some(Value::int(x.wrapping_add(y))));
        prop_assert_eq!(a.count_down(), (x > 0).then(|| Value::int(x - 1)));
    }
}

/// Integers at both ends of a scheme's, and values that are none.
#[test]
fn sums_at_the_ends_and_of_other_values_are_none() {
    let most = Value::<Wide50>::int((1 << 49) - 1);
    let least = Value::<Wide50>::int(-(1 << 49));
    let one = Value::<Wide50>::int(1);
    assert_eq!(most.add_ints(one), None);
    assert_eq!(least.subtract_ints(one), None);
    assert_eq!(least.add_ints(most), Some(Value::int(-1)));
    assert_eq!((most.add_int(1), least.add_int(-1)), (None, None));
    assert_eq!(most.add_ints_wrapping(one), Some(least));
    assert_eq!((Value::<Wide50>::int(0).count_down(), least.count_down()), (None, None));
    for other in [
        Value::nil(),
        Value::bool(true),
        Value::float(-0.0),
        Value::float(f64::NAN),
        Value::float(f64::NEG_INFINITY),
    ] {
        assert_eq!((one.add_ints(other), other.add_ints(one)), (None, None));
        assert_eq!((one.subtract_ints(other), other.subtract_ints(one)), (None, None));
        assert_eq!(
            (one.add_ints_wrapping(other), other.add_ints_wrapping(one)),
            (None, None)
        );
        assert_eq!((other.add_int(1), other.count_down()), (None, None));
    }
    let (low, other) = (Value::<Lox>::int(7), Value::<Lox>::bool(true));
    assert_eq!((low.add_ints(other), other.subtract_ints(low)), (None, None));
    assert_eq!(
        (low.add_ints_wrapping(other), other.add_int(1), other.count_down()),
        (None, None, None)
    );
    assert_eq!(Value::<Lox>::int((1 << 62) - 1).add_ints(Value::int(1)), None);
    assert_eq!(Value::<Js>::int(7).add_ints(Value::float(1.0)), None);
}
