//! The library algorithms against the reference implementation: random inputs, the same results and messages, byte for byte.
//!
//! The interpreter is what `TENURE_LUA_REFERENCE` names, or `lua5.4` on the path; without either, the tests say that they are skipped.
//! Inputs come from a seeded generator; one run of the interpreter answers a few thousand of them.
#![forbid(unsafe_code)]

mod dates;
mod formats;
mod numbers;
mod packs;
mod patterns;
mod utf8;

use std::io::Write;
use std::process::{Command, Stdio};
use tenure_lua::pure::LibraryError;
use tenure_lua::pure::format::{quote_float, quote_integer, quote_string};
use tenure_lua::pure::number::{Number, Random};

/// Prints what a function returns: literals, or the message without its position.
const PRELUDE: &str = r#"
local function show(ok, ...)
  if not ok then return print("error " .. string.format("%q", ((...):gsub("^stdin:%d+: ", "")))) end
  local values = table.pack(...)
  for i = 1, values.n do values[i] = string.format("%q", values[i]) end
  print((table.concat(values, " "):gsub("\\\n", "\\n")))
end
local function try(f, ...) show(pcall(f, ...)) end
"#;

/// A value as Lua prints it.
#[derive(Clone, Debug)]
enum Value {
    Nil,
    Number(Number),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Integer(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A string as a literal of a program.
fn literal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::from("\""), |text, byte| text + &format!("\\x{byte:02x}"))
        + "\""
}

/// What `show` prints.
fn shown(function: &str, result: Result<Vec<Value>, LibraryError>) -> Vec<u8> {
    let mut out = Vec::new();
    match result {
        Ok(values) => {
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                match value {
                    Value::Nil => out.extend_from_slice(b"nil"),
                    Value::Number(Number::Integer(value)) => quote_integer(*value, &mut out),
                    Value::Number(Number::Float(value)) => quote_float(*value, &mut out),
                    Value::Bytes(bytes) => quote_string(bytes, &mut out),
                }
            }
        }
        Err(error) => {
            out.extend_from_slice(b"error ");
            quote_string(&error.describe(function.as_bytes(), false), &mut out);
        }
    }
    let mut line = Vec::new();
    let mut rest = &out[..];
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\\\n") {
        line.extend_from_slice(&rest[..at]);
        line.extend_from_slice(b"\\n");
        rest = &rest[at + 2..];
    }
    line.extend_from_slice(rest);
    line
}

/// Questions to the reference, with our answers.
#[derive(Default)]
struct Questions {
    program: String,
    answers: Vec<(String, Vec<u8>)>,
}

impl Questions {
    /// Asks for `try(question)`, of which the first argument is the function that errors name.
    fn ask(&mut self, function: &str, question: String, answer: Result<Vec<Value>, LibraryError>) {
        self.program += &format!("try({question})\n");
        self.answers.push((question, shown(function, answer)));
    }

    /// Runs the reference with variables of its environment, and compares.
    fn compare(self, environment: &[(&str, &str)]) {
        let Some(lua) = reference() else {
            return eprintln!("skipped: no lua5.4 on the path, and TENURE_LUA_REFERENCE names none");
        };
        let mut command = Command::new(lua);
        command
            .arg("-")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the reference starts");
        let program = format!("{PRELUDE}{}", self.program);
        let mut stdin = child.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || stdin.write_all(program.as_bytes()));
        let output = child.wait_with_output().expect("the reference ends");
        writer
            .join()
            .expect("no panic")
            .expect("the reference reads its program");
        assert!(output.status.success(), "{}", output.status);
        let mut lines = output.stdout.split(|&byte| byte == b'\n');
        for (question, answer) in &self.answers {
            let expected = lines.next().unwrap_or_default();
            assert!(
                expected == answer,
                "{question}\n  reference {}\n  here      {}",
                String::from_utf8_lossy(expected),
                String::from_utf8_lossy(answer)
            );
        }
    }
}

/// The command of the reference, if there is one.
fn reference() -> Option<String> {
    let named = std::env::var("TENURE_LUA_REFERENCE").ok();
    let command = named.unwrap_or_else(|| "lua5.4".into());
    let version = Command::new(&command).arg("-v").stdin(Stdio::null()).output().ok()?;
    version.status.success().then_some(command)
}

/// Inputs that look like a program's.
struct Generator(Random);

impl Generator {
    fn new(seed: i64) -> Self {
        Self(Random::new(seed, 0))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0.next_in(0, limit as i64 - 1).expect("a limit above 0") as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Pieces from a list, up to a number of them.
    fn pieces(&mut self, choices: &[&str], limit: usize) -> String {
        let count = self.below(limit + 1);
        (0..count).map(|_| self.pick(choices)).collect()
    }

    /// A float: of all sizes, or of a few digits, or integral.
    fn float(&mut self) -> f64 {
        match self.below(5) {
            0 => f64::from_bits(self.0.next_integer() as u64),
            1 => (self.below(2_000_001) as f64 - 1e6) / 10f64.powi(self.below(8) as i32),
            2 => self.below(1000) as f64 / 8.0,
            3 => self.0.next_integer() as f64,
            _ => self.0.next_float() * 10f64.powi(self.below(40) as i32 - 20),
        }
    }

    /// An integer: of all sizes, or small.
    fn integer(&mut self) -> i64 {
        match self.below(3) {
            0 => self.0.next_integer(),
            1 => self.0.next_integer() >> self.below(63),
            _ => self.below(21) as i64 - 10,
        }
    }
}

/// A float as an expression that gives exactly it.
fn float_expression(value: f64) -> String {
    format!(
        "(string.unpack('<d', string.pack('<j', {})))",
        integer_expression(value.to_bits() as i64)
    )
}

/// An integer as an expression; the least one has no decimal numeral.
fn integer_expression(value: i64) -> String {
    format!("0x{value:x}")
}
