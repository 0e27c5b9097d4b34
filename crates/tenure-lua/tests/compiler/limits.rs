//! Limits: what just fits is accepted, one more is refused with the reference implementation's message, and no nesting takes more native
//! stack than a thread has.

use super::{compiled, message};
use std::fmt::Write;
use std::thread;
use tenure_lua::bytecode::{Opcode, Proto};
use tenure_lua::chunk::verify;
use tenure_lua::compiler::{MAX_LEVELS, compile};

fn names(prefix: &str, range: std::ops::Range<usize>) -> String {
    range
        .map(|number| format!("{prefix}{number}"))
        .collect::<Vec<_>>()
        .join(",")
}

#[test]
fn local_variables() {
    compiled(format!("local {}", names("a", 0..200)).as_bytes());
    let message_of = |source: String| message(source.as_bytes());
    assert_eq!(
        message_of(format!("local {}", names("a", 0..201))),
        "s:1: too many local variables (limit is 200) in main function near <eof>"
    );
    assert_eq!(
        message_of(format!("\nfunction f()\nlocal {}\nlocal b = 1 end", names("a", 0..200))),
        "s:4: too many local variables (limit is 200) in function at line 2 near '='"
    );
}

#[test]
fn upvalues() {
    let source = |count: usize| {
        let (outer, inner, sum) = (
            names("a", 0..150),
            names("a", 150..count),
            names("a", 0..count).replace(',', "+"),
        );
        format!("local {outer}\nlocal function g() local {inner}\nfunction f() return {sum} end end")
    };
    // One of the 255 is `_ENV` in `g`, but not in the innermost function.
    compiled(source(255).as_bytes());
    assert_eq!(
        message(source(256).as_bytes()),
        "s:3: too many upvalues (limit is 255) in function at line 3 near 'end'"
    );
}

#[test]
fn registers() {
    let call = |count: usize| format!("return f({})", vec!["x"; count].join(","));
    compiled(call(253).as_bytes());
    assert_eq!(
        message(call(254).as_bytes()),
        "s:1: function or expression needs too many registers near <eof>"
    );
    let concat = |count: usize| format!("local a return {}", vec!["a"; count].join(".."));
    assert!(message(concat(200).as_bytes()).contains("C stack overflow"));
    // Ranges of nils that do not fit are reported, not wrapped around.
    let nils = format!(
        "local {} local function g() end local x = f({})",
        names("a", 0..180),
        vec!["nil"; 100].join(",")
    );
    assert!(message(nils.as_bytes()).contains("function or expression needs too many registers"));
}

/// Constructs that nest: what stands before all of them, what opens one, what is in the middle, what closes one.
const NESTED: [(&str, &str, &str, &str); 16] = [
    ("return ", "(", "x", ")"),
    ("return ", "not ", "x", ""),
    ("return ", "{", "", "}"),
    ("return ", "f(", "", ")"),
    ("return ", "a[", "1", "]"),
    ("return ", "a:f{", "", "}"),
    ("return ", "x^", "x", ""),
    ("return ", "x..", "x", ""),
    ("", "do ", "", "end "),
    ("", "if x then ", "", "end "),
    ("", "while x do ", "", "end "),
    ("", "repeat ", "", "until x "),
    ("", "for i = 1, 2 do ", "", "end "),
    ("", "for i in x do ", "", "end "),
    ("", "function f() ", "", "end "),
    ("", "return function() ", "", "end "),
];

fn nested((before, open, middle, close): (&str, &str, &str, &str), depth: usize) -> String {
    format!("{before}{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

const LIMITS: [&str; 3] = ["C stack overflow", "too many local variables", "too many registers"];

#[test]
fn nesting_is_bounded_and_so_is_the_native_stack() {
    let on_small_stack = |source: String| {
        let parse = move || compile(source.as_bytes(), b"=s").map_err(|error| error.to_string());
        thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(parse)
            .unwrap()
            .join()
            .unwrap()
    };
    for construct in NESTED {
        let mut depth = MAX_LEVELS;
        let deepest = loop {
            match on_small_stack(nested(construct, depth)) {
                Ok(proto) => break proto,
                Err(error) => assert!(
                    LIMITS.iter().any(|limit| error.contains(limit)),
                    "{construct:?} at {depth}: {error}"
                ),
            }
            depth -= 1;
            // Loops and functions take other things too, of which there are fewer.
            assert!(depth > 30, "{construct:?}");
        };
        assert_eq!(verify(&deepest), Ok(()), "{construct:?}");
        let error = on_small_stack(nested(construct, 100_000)).unwrap_err();
        assert!(
            LIMITS.iter().any(|limit| error.contains(limit)),
            "{construct:?}: {error}"
        );
    }
    let targets = |count: usize| format!("{}=1", vec!["a"; count].join(","));
    assert!(on_small_stack(targets(198)).is_ok());
    assert_eq!(on_small_stack(targets(100_000)).unwrap_err(), "C stack overflow");
}

#[test]
fn long_chains_nest_nothing() {
    for source in [
        format!("return {}", vec!["x"; 20_000].join(" or ")),
        format!("return {}", vec!["x"; 20_000].join(" and ")),
        format!("return {}", vec!["x"; 20_000].join(" + ")),
        format!("if x then {} end", "elseif x then y = 1 ".repeat(20_000)),
        format!("return x{}", ".y".repeat(20_000)),
        format!("return x{}", "()".repeat(20_000)),
        format!("goto l {} ::l::", "goto l ".repeat(20_000)),
    ] {
        assert_eq!(verify(&compiled(source.as_bytes())), Ok(()), "{}", &source[..30]);
    }
}

#[test]
fn for_loops_jump_as_far_as_an_operand_tells() {
    let source = |count: usize| format!("local a for i = 1, 2 do {} end", "a = 1 ".repeat(count));
    compiled(source(131_070).as_bytes());
    assert_eq!(
        message(source(131_072).as_bytes()),
        "s:1: control structure too long near 'end'"
    );
}

#[test]
fn labels_and_variables_of_debug_information() {
    let gotos = |count: usize| format!("x = 1 {} ::m::", "goto m ".repeat(count));
    compiled(gotos(32_767).as_bytes());
    assert_eq!(
        message(gotos(32_768).as_bytes()),
        "too many labels/gotos (limit is 32767)"
    );
    let variables = |count: usize| "do local a end ".repeat(count);
    compiled(variables(32_767).as_bytes());
    assert_eq!(
        message(variables(32_768).as_bytes()),
        "too many local variables (limit is 32767)"
    );
}

#[test]
fn functions_of_a_function() {
    let source = |count: usize| format!("return {{{}}}", "function() end,".repeat(count));
    assert_eq!(compiled(source(131_071).as_bytes()).protos.len(), 131_071);
    assert_eq!(
        message(source(131_072).as_bytes()),
        "too many functions (limit is 131071)"
    );
}

#[test]
fn constants_beyond_the_operand_take_an_extra_instruction() {
    let mut source = String::from("x = {");
    for number in 0..131_073 {
        write!(source, "{number}.5,").unwrap();
    }
    source.push_str("} y = 1e77");
    let proto = compiled(source.as_bytes());
    let position = |opcode| proto.code.iter().position(|instruction| instruction.opcode() == opcode);
    let extended = position(Opcode::LoadKX).unwrap();
    assert_eq!(proto.code[extended + 1].opcode(), Opcode::ExtraArg);
    assert_eq!(proto.code[extended + 1].ax(), 131_072);
    assert_eq!(verify(&proto), Ok(()));
}

#[test]
fn list_items_beyond_the_operand_take_an_extra_instruction() {
    let proto = compiled(format!("x = {{{}}}", "1,".repeat(300)).as_bytes());
    let stores = |proto: &Proto| {
        let code = proto.code.windows(2);
        code.filter(|pair| pair[0].opcode() == Opcode::SetList)
            .map(|pair| usize::from(pair[0].c()) + if pair[0].k() { 256 * pair[1].ax() as usize } else { 0 })
            .collect::<Vec<_>>()
    };
    assert_eq!(stores(&proto), [0, 50, 100, 150, 200, 250]);
    let proto = compiled(format!("x = {{{}}}", "1,".repeat(320)).as_bytes());
    assert_eq!(stores(&proto), [0, 50, 100, 150, 200, 250, 300]);
}
