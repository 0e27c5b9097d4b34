//! Texts of numbers, numerals, conversions, arithmetic, and random numbers.

use super::*;
use tenure_lua::pure::number::*;

fn number_value(number: Option<Number>) -> Result<Vec<Value>, LibraryError> {
    Ok(vec![number.map_or(Value::Nil, Value::Number)])
}

#[test]
fn texts_of_floats() {
    let (mut generator, mut questions) = (Generator::new(1), Questions::default());
    for _ in 0..5000 {
        let value = generator.float();
        let text = Value::from(&*float_text(value));
        questions.ask(
            "tostring",
            format!("tostring, {}", float_expression(value)),
            Ok(vec![text]),
        );
    }
    questions.compare(&[]);
}

#[test]
fn numerals() {
    let (mut generator, mut questions) = (Generator::new(2), Questions::default());
    let decimal = [
        "0",
        "1",
        "9",
        "12",
        "000",
        "922337203685477580",
        "7",
        "8",
        ".",
        "e",
        "E-",
        "e+3",
        "-",
        "+",
        " ",
        "\t",
        "5",
        "n",
        "x",
    ];
    let hexadecimal = [
        "0", "1", "f", "8", "7f", "00000000", "ffffffff", "80000000", ".", "p", "P-", "p+1", "p-10", "74", "9", "c",
        " ",
    ];
    for _ in 0..5000 {
        let text = match generator.below(3) {
            0 => generator.pieces(&decimal, 6),
            1 => format!(
                "{}0x{}",
                generator.pick(&["", "-", " "]),
                generator.pieces(&hexadecimal, 7)
            ),
            _ => format!("{:e}", generator.float()),
        };
        let answer = number_value(parse_number(text.as_bytes()));
        questions.ask("tonumber", format!("tonumber, {}", literal(text.as_bytes())), answer);
    }
    questions.compare(&[]);
}

#[test]
fn conversions_and_library_functions() {
    let (mut generator, mut questions) = (Generator::new(3), Questions::default());
    for _ in 0..1000 {
        let (a, b) = (generator.float(), generator.float());
        let expression = float_expression(a);
        let pair = format!("{expression}, {}", float_expression(b));
        let number = Value::Number;
        let (integral, fraction) = split_float(a);
        let answers = [
            (
                "math.tointeger",
                &expression,
                vec![float_to_integer(a).map_or(Value::Nil, Value::from)],
            ),
            ("math.floor", &expression, vec![number(integral_to_number(a.floor()))]),
            ("math.ceil", &expression, vec![number(integral_to_number(a.ceil()))]),
            (
                "math.modf",
                &expression,
                vec![number(integral), number(Number::Float(fraction))],
            ),
            ("math.fmod", &pair, vec![number(Number::Float(a % b))]),
            ("math.deg", &expression, vec![number(Number::Float(to_degrees(a)))]),
            ("math.rad", &expression, vec![number(Number::Float(to_radians(a)))]),
            (
                "function(a, b) return a % b end",
                &pair,
                vec![number(Number::Float(float_modulo(a, b)))],
            ),
            (
                "function(a, b) return a // b end",
                &pair,
                vec![number(Number::Float(float_floor_division(a, b)))],
            ),
            (
                "function(a, b) return a ^ b end",
                &pair,
                vec![number(Number::Float(power(a, b)))],
            ),
        ];
        for (function, arguments, answer) in answers {
            questions.ask(function, format!("{function}, {arguments}"), Ok(answer));
        }
    }
    questions.compare(&[]);
}

#[test]
fn integer_arithmetic() {
    let (mut generator, mut questions) = (Generator::new(4), Questions::default());
    for _ in 0..1000 {
        let (a, b) = (generator.integer(), generator.integer());
        let arguments = format!("{}, {}", integer_expression(a), integer_expression(b));
        let division = || Ok(vec![integer_floor_division(a, b)?.into(), integer_modulo(a, b)?.into()]);
        questions.ask(
            "",
            format!("function(a, b) return a // b, a % b end, {arguments}"),
            division(),
        );
        let modulo = integer_modulo(a, b).map(|remainder| vec![remainder.into()]);
        questions.ask("", format!("function(a, b) return a % b end, {arguments}"), modulo);
        let shifts = Ok(vec![shift_left(a, b).into(), shift_right(a, b).into()]);
        questions.ask(
            "",
            format!("function(a, b) return a << b, a >> b end, {arguments}"),
            shifts,
        );
        let remainder = integer_remainder(a, b).map(|remainder| vec![remainder.into()]);
        questions.ask("math.fmod", format!("math.fmod, {arguments}"), remainder);
        let float = generator.float();
        let order = compare_numbers(Number::Integer(a), Number::Float(float));
        let answer = vec![
            i64::from(order.is_some_and(|order| order.is_lt())).into(),
            i64::from(order.is_some_and(|order| order.is_eq())).into(),
        ];
        let question = format!(
            "function(a, b) return a < b and 1 or 0, a == b and 1 or 0 end, {}, {}",
            integer_expression(a),
            float_expression(float)
        );
        questions.ask("", question, Ok(answer));
    }
    questions.compare(&[]);
}

#[test]
fn random_numbers() {
    let (mut generator, mut questions) = (Generator::new(5), Questions::default());
    for _ in 0..200 {
        let (n1, n2) = (generator.integer(), generator.integer());
        let (a, b) = (generator.integer(), generator.integer());
        let (low, up) = (a.min(b), a.max(b));
        let mut random = Random::new(n1, n2);
        let mut answer = vec![
            Value::Number(Number::Float(random.next_float())),
            random.next_integer().into(),
        ];
        answer.extend((0..5).map(|_| Value::from(random.next_in(low, up).expect("an interval"))));
        let [n1, n2, low, up] = [n1, n2, low, up].map(integer_expression);
        let draw = format!("math.random({low}, {up})");
        let body = format!(
            "math.randomseed({n1}, {n2}) return math.random(), math.random(0), {draw}, {draw}, {draw}, {draw}, {draw}"
        );
        questions.ask("", format!("function() {body} end"), Ok(answer));
    }
    questions.compare(&[]);
}
