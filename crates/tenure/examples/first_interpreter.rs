//! A Lisp in one file: integers, texts, lists and closures on a moving heap, in safe Rust.
//!
//! The tokens of the source are walked as they stand. Values in use stand on the operand stack; variables are objects, a chain that is
//! searched by name. There are no tail calls: endless recursion is an error, when the stack is full.
#![forbid(unsafe_code)]
use std::error::Error;
use tenure::prelude::*;

#[derive(Kind)]
struct Pair {
    head: Slot<Dyn<Lisp>>,
    rest: Slot<Dyn<Lisp>>,
}
#[derive(Kind)]
#[tail(Frozen<u8>)]
struct Text {}
#[derive(Kind)]
struct Variable {
    name: usize,
    value: Slot<Dyn<Lisp>>,
    outer: Slot<Opt<Variable>>,
}
#[derive(Kind)]
struct Closure {
    lambda: usize,
    variables: Slot<Opt<Variable>>,
}
#[derive(Roots)]
struct Roots {
    variables: Root<Opt<Variable>>,
}
object_model! { model Lisp { roots: Roots, kinds: [Pair, Text, Variable, Closure] } }
struct Program<'a>(Vec<&'a str>);
type Outcome<T> = Result<T, Box<dyn Error>>;

impl Program<'_> {
    /// The places of the forms from `at` to the closing parenthesis.
    fn forms(&self, mut at: usize) -> Vec<usize> {
        let (mut forms, mut depth) = (vec![], 0);
        while let Some(&token) = self.0.get(at).filter(|token| depth > 0 || **token != ")") {
            forms.extend((depth == 0).then_some(at));
            depth += i32::from(token == "(") - i32::from(token == ")");
            at += 1;
        }
        forms
    }
    /// Pushes the value of a form. A safepoint: what outlives a call of it stands on the operand stack or hangs on the roots.
    fn eval(&self, h: &mut Heap<Lisp>, at: usize) -> Outcome<()> {
        h.safepoint();
        let (word, bottom) = (self.0[at], h.stack_len());
        let forms = if word == "(" { self.forms(at + 1) } else { vec![] };
        match (forms.first().map_or(word, |&first| self.0[first]), &forms[..]) {
            ("(", []) => h.push(Value::nil())?,
            (word, []) => h.push(match (word.parse(), self.find(h, word)) {
                (Ok(int), _) => Value::try_int(int).ok_or("too large")?,
                (_, Some(variable)) => variable.value(),
                _ => h.alloc_slice::<Text>(TextInit {}, word.as_bytes()).into(),
            })?,
            ("lambda", &[_, lambda, _, ..]) => {
                let variables = h.roots().variables.get();
                let closure = h.alloc::<Closure>(ClosureInit { lambda, variables });
                h.push(closure.into())?;
            }
            ("define", &[_, name, value]) => {
                bind(h, name, Value::nil());
                self.eval(h, value)?;
                let variable = self.find(h, self.0[name]).ok_or("nothing was defined")?;
                variable.set_value(h, h.peek(0));
            }
            ("if", &[_, condition, yes, no]) => {
                self.eval(h, condition)?;
                let form = if h.peek(0).is_nil() { no } else { yes };
                self.eval(h, form)?;
            }
            _ => {
                forms.iter().try_for_each(|&form| self.eval(h, form))?;
                self.call(h, forms.len() - 1)?;
            }
        }
        let value = h.pop();
        h.truncate(bottom);
        Ok(h.push(value)?)
    }
    /// Pushes the result of a function that stands below `count` arguments: a closure, or the name of a primitive.
    fn call(&self, h: &mut Heap<Lisp>, count: usize) -> Outcome<()> {
        let Some(closure) = h.peek(count).cast::<Closure>() else {
            return Ok(h.push(primitive(h, count)?)?);
        };
        let lambda = closure.lambda();
        h.push(h.roots().variables.get().map_or(Value::nil(), Gc::to_value))?;
        h.roots().variables.set(closure.variables());
        for (index, &name) in self.forms(lambda + 1).iter().enumerate().take(count) {
            bind(h, name, h.peek(count - index));
        }
        let body = &self.forms(lambda)[1..];
        body.iter().try_for_each(|&form| self.eval(h, form))?;
        h.roots().variables.set(h.peek(body.len()).cast::<Variable>());
        Ok(())
    }
    fn find<'h>(&self, h: &'h Heap<Lisp>, name: &str) -> Option<Gc<'h, Variable>> {
        std::iter::successors(h.roots().variables.get(), |inner| inner.outer()).find(|v| self.0[v.name()] == name)
    }
}

fn bind(h: &Heap<Lisp>, name: usize, value: Value<'_, Lisp>) {
    let outer = h.roots().variables.get();
    let variable = h.alloc::<Variable>(VariableInit { name, value, outer });
    h.roots().variables.set(Some(variable));
}

fn primitive(h: &Heap<Lisp>, count: usize) -> Outcome<Value<'_, Lisp>> {
    let (name, a, b) = (show(h.peek(count)), h.peek(count.max(1) - 1), h.peek(0));
    Ok(match (&name[..], a.as_int().zip(b.as_int()), a.cast::<Pair>()) {
        ("+", Some((a, b)), _) => Value::try_int(a + b).ok_or("too large")?,
        ("<", Some((a, b)), _) if a < b => Value::int(1),
        ("<", Some(_), _) => Value::nil(),
        ("cons", ..) => h.alloc::<Pair>(PairInit { head: a, rest: b }).into(),
        ("head", _, Some(pair)) => pair.head(),
        ("rest", _, Some(pair)) => pair.rest(),
        ("join", ..) => h
            .alloc_slice::<Text>(TextInit {}, (show(a) + &show(b)).as_bytes())
            .into(),
        _ => Err(format!("{name} is no function of these arguments"))?,
    })
}

fn show(value: Value<'_, Lisp>) -> String {
    match (value.cast::<Pair>(), value.cast::<Text>(), value.as_int()) {
        (Some(pair), ..) => format!("({} . {})", show(pair.head()), show(pair.rest())),
        (_, Some(text), _) => String::from_utf8_lossy(text.tail()).into(),
        (.., Some(int)) => int.to_string(),
        _ => "()".into(),
    }
}

pub(crate) fn run(source: &str, config: HeapConfig) -> Outcome<String> {
    let spaced = source.replace('(', " ( ").replace(')', " ) ");
    let program = Program(spaced.split_whitespace().collect());
    let mut isolate = Isolate::<Lisp>::new(config.operand_words(2_000), RootsInit { variables: None })?;
    isolate.enter(|h| {
        program.forms(0).iter().try_for_each(|&form| program.eval(h, form))?;
        Ok(h.try_pop().map_or(String::new(), show))
    })
}

fn main() -> Outcome<()> {
    let source = std::env::args().nth(1).ok_or("a program is expected")?;
    println!("{}", run(&source, HeapConfig::new())?);
    Ok(())
}
