//! Examples of every conversion, as glibc prints them.

use super::*;

fn float(conversion: Conversion, value: f64, notation: Notation) -> String {
    let mut out = Vec::new();
    conversion.float(value, notation, false, &mut out);
    String::from_utf8(out).unwrap()
}

fn with_precision(precision: usize) -> Conversion {
    Conversion {
        precision: Some(precision),
        ..Conversion::default()
    }
}

const PLAIN: Conversion = Conversion {
    left: false,
    plus: false,
    space: false,
    alternative: false,
    zeros: false,
    width: 0,
    precision: None,
};

#[test]
fn integers() {
    let print = |conversion: Conversion, value| {
        let mut out = Vec::new();
        conversion.integer(value, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(print(PLAIN, i64::MIN), "-9223372036854775808");
    assert_eq!(print(PLAIN, 0), "0");
    assert_eq!(print(with_precision(0), 0), "");
    assert_eq!(
        print(
            Conversion {
                plus: true,
                ..with_precision(0)
            },
            0
        ),
        "+"
    );
    assert_eq!(
        print(
            Conversion {
                width: 5,
                zeros: true,
                ..PLAIN
            },
            -3
        ),
        "-0003"
    );
    assert_eq!(
        print(
            Conversion {
                width: 5,
                zeros: true,
                ..with_precision(2)
            },
            -3
        ),
        "  -03"
    );
    assert_eq!(
        print(
            Conversion {
                width: 5,
                left: true,
                zeros: true,
                ..PLAIN
            },
            3
        ),
        "3    "
    );
    assert_eq!(print(Conversion { space: true, ..PLAIN }, 3), " 3");
    assert_eq!(
        print(
            Conversion {
                space: true,
                plus: true,
                ..PLAIN
            },
            3
        ),
        "+3"
    );
}

#[test]
fn unsigned_in_all_bases() {
    let print = |conversion: Conversion, value, base| {
        let mut out = Vec::new();
        conversion.unsigned(value, base, &mut out);
        String::from_utf8(out).unwrap()
    };
    let alternative = Conversion {
        alternative: true,
        ..PLAIN
    };
    assert_eq!(print(PLAIN, u64::MAX, Base::Decimal), "18446744073709551615");
    assert_eq!(print(alternative, 255, Base::Hexadecimal), "0xff");
    assert_eq!(print(alternative, 255, Base::UpperHexadecimal), "0XFF");
    assert_eq!(print(alternative, 0, Base::Hexadecimal), "0");
    assert_eq!(print(alternative, 8, Base::Octal), "010");
    assert_eq!(print(alternative, 0, Base::Octal), "0");
    assert_eq!(
        print(
            Conversion {
                precision: Some(0),
                ..alternative
            },
            0,
            Base::Octal
        ),
        "0"
    );
    assert_eq!(
        print(
            Conversion {
                precision: Some(3),
                ..alternative
            },
            8,
            Base::Octal
        ),
        "010"
    );
    assert_eq!(
        print(
            Conversion {
                zeros: true,
                width: 8,
                ..alternative
            },
            255,
            Base::Hexadecimal
        ),
        "0x0000ff"
    );
}

#[test]
fn bytes_and_addresses() {
    let mut out = Vec::new();
    Conversion { width: 3, ..PLAIN }.byte(b'x', &mut out);
    Conversion {
        width: 4,
        left: true,
        ..with_precision(2)
    }
    .bytes(b"abc", &mut out);
    Conversion { width: 8, ..PLAIN }.address(0, &mut out);
    Conversion { width: 8, ..PLAIN }.address(0xbeef, &mut out);
    assert_eq!(out, b"  xab    (null)  0xbeef");
}

#[test]
fn fixed() {
    assert_eq!(float(PLAIN, 1.5, Notation::Fixed), "1.500000");
    for (value, expected) in [
        (0.5, "0"),
        (1.5, "2"),
        (2.5, "2"),
        (3.5, "4"),
        (1e22, "10000000000000000000000"),
    ] {
        assert_eq!(float(with_precision(0), value, Notation::Fixed), expected);
    }
    assert_eq!(float(with_precision(1), 0.25, Notation::Fixed), "0.2");
    assert_eq!(float(with_precision(1), 0.35, Notation::Fixed), "0.3");
    assert_eq!(
        float(
            Conversion {
                alternative: true,
                ..with_precision(0)
            },
            1.0,
            Notation::Fixed
        ),
        "1."
    );
    let longest = float(with_precision(99), -f64::MAX, Notation::Fixed);
    assert_eq!(longest.len(), 1 + 309 + 1 + 99);
    let least = float(with_precision(99), 5e-324, Notation::Fixed);
    assert_eq!(least, format!("0.{}", "0".repeat(99)));
    assert_eq!(float(with_precision(3), -0.0, Notation::Fixed), "-0.000");
}

#[test]
fn scientific() {
    assert_eq!(float(PLAIN, 0.0, Notation::Scientific), "0.000000e+00");
    assert_eq!(float(with_precision(2), 123456.0, Notation::Scientific), "1.23e+05");
    assert_eq!(float(with_precision(0), 9.5, Notation::Scientific), "1e+01");
    assert_eq!(float(with_precision(0), 8.5, Notation::Scientific), "8e+00");
    assert_eq!(float(with_precision(3), 1e-300, Notation::Scientific), "1.000e-300");
    assert_eq!(
        float(
            Conversion {
                alternative: true,
                ..with_precision(0)
            },
            1.0,
            Notation::Scientific
        ),
        "1.e+00"
    );
}

#[test]
fn shorter() {
    for (value, expected) in [
        (0.0, "0"),
        (1e15, "1e+15"),
        (1e-5, "1e-05"),
        (0.0001, "0.0001"),
        (123456.0, "123456"),
        (1234567.0, "1.23457e+06"),
        (999999.5, "1e+06"),
        (0.00009999995, "0.0001"),
        (100000.0, "100000"),
    ] {
        assert_eq!(float(PLAIN, value, Notation::Shorter), expected);
    }
    assert_eq!(float(with_precision(0), 123.0, Notation::Shorter), "1e+02");
    assert_eq!(float(with_precision(17), 0.1, Notation::Shorter), "0.10000000000000001");
    assert_eq!(
        float(
            Conversion {
                alternative: true,
                ..PLAIN
            },
            1.0,
            Notation::Shorter
        ),
        "1.00000"
    );
    assert_eq!(
        float(
            Conversion {
                alternative: true,
                ..with_precision(3)
            },
            1e10,
            Notation::Shorter
        ),
        "1.00e+10"
    );
    assert_eq!(
        float(
            Conversion {
                alternative: true,
                ..PLAIN
            },
            0.0,
            Notation::Shorter
        ),
        "0.00000"
    );
    assert_eq!(
        float(with_precision(99), 1e-4, Notation::Shorter),
        float(with_precision(102), 1e-4, Notation::Fixed).trim_end_matches('0')
    );
}

#[test]
fn hexadecimal() {
    for (value, expected) in [
        (0.0, "0x0p+0"),
        (-0.0, "-0x0p+0"),
        (1.0, "0x1p+0"),
        (0.1, "0x1.999999999999ap-4"),
        (5e-324, "0x0.0000000000001p-1022"),
        (f64::MAX, "0x1.fffffffffffffp+1023"),
        (-255.5, "-0x1.ffp+7"),
    ] {
        assert_eq!(float(PLAIN, value, Notation::Hexadecimal), expected);
    }
    assert_eq!(float(with_precision(0), 1.99999, Notation::Hexadecimal), "0x2p+0");
    assert_eq!(float(with_precision(1), 1.97, Notation::Hexadecimal), "0x2.0p+0");
    assert_eq!(float(with_precision(0), 1.5, Notation::Hexadecimal), "0x2p+0");
    assert_eq!(float(with_precision(0), 1.25, Notation::Hexadecimal), "0x1p+0");
    assert_eq!(float(with_precision(3), 5e-324, Notation::Hexadecimal), "0x0.000p-1022");
    assert_eq!(
        float(with_precision(15), 1.5, Notation::Hexadecimal),
        "0x1.800000000000000p+0"
    );
    assert_eq!(
        float(
            Conversion {
                alternative: true,
                ..with_precision(0)
            },
            1.0,
            Notation::Hexadecimal
        ),
        "0x1.p+0"
    );
    assert_eq!(
        float(
            Conversion {
                zeros: true,
                width: 12,
                ..PLAIN
            },
            -1.5,
            Notation::Hexadecimal
        ),
        "-0x0001.8p+0"
    );
}

#[test]
fn what_is_not_finite() {
    let zeros = Conversion {
        zeros: true,
        width: 6,
        ..PLAIN
    };
    assert_eq!(float(zeros, f64::NEG_INFINITY, Notation::Fixed), "  -inf");
    assert_eq!(
        float(Conversion { left: true, ..zeros }, f64::NAN, Notation::Hexadecimal),
        "nan   "
    );
    assert_eq!(
        float(Conversion { plus: true, ..PLAIN }, f64::INFINITY, Notation::Scientific),
        "+inf"
    );
    let mut out = Vec::new();
    PLAIN.float(-f64::NAN, Notation::Shorter, true, &mut out);
    assert_eq!(out, b"-NAN");
}
