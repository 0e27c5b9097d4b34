// An interpreter's loop: registers, frames, closures with captured values, a native that calls back, strings.
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
#[tail(Slot<Dyn<Vm>>)]
struct Closure {
    function: u32,
    calls: Cell<u32>,
}
#[derive(Kind)]
struct Number {
    value: f64,
}
#[derive(Kind)]
#[tail(Frozen<u8>)]
struct Text {
    hash: u32,
}
#[derive(Roots)]
struct Roots {
    exception: Root<Dyn<Vm>>,
}
object_model! { model Vm { values: LowTag, roots: Roots, kinds: [Closure, Number, Text] } }

#[derive(Clone, Copy)]
enum Op {
    Load(u8, i64),
    Float(u8, f64),
    Text(u8, &'static str),
    Close { to: u8, function: u32, captured: u8 },
    Captured(u8, u8),
    Add(u8, u8, u8),
    Call { base: u8 },
    Return(u8),
    JumpIfZero(u8, usize),
    Native { base: u8 },
}

/// An exception is a value in a root; this says that there is one.
#[derive(Debug)]
struct Raised;

struct Machine {
    code: Vec<Vec<Op>>,
    steps: usize,
}

impl Machine {
    fn raise(h: &mut Heap<Vm>, message: &str) -> Raised {
        let (h, text) = h.alloc_slice_with::<Text>(
            |_| TextInit {
                hash: message.len() as u32,
            },
            message.as_bytes(),
        );
        h.roots().exception.set(text.into());
        Raised
    }

    fn add(h: &mut Heap<Vm>, to: u8, a: u8, b: u8) -> Result<(), Raised> {
        let (x, y) = (h.regs()[a as usize].get(), h.regs()[b as usize].get());
        if let (Some(x), Some(y)) = (x.as_int(), y.as_int()) {
            h.regs()[to as usize].set(Value::int(x + y));
            return Ok(());
        }
        let number = |v: Value<'_, Vm>| v.as_int().map(|i| i as f64).or(v.cast::<Number>().map(|n| n.value()));
        let (Some(x), Some(y)) = (number(x), number(y)) else {
            return Err(Machine::raise(h, "only numbers can be added"));
        };
        let (h, sum) = h.alloc_with::<Number>(|_| NumberInit { value: x + y });
        h.regs()[to as usize].set(sum.into());
        Ok(())
    }

    /// Calls the closure in register `base` with the argument after it; the result replaces the closure.
    fn call(&mut self, h: &mut Heap<Vm>, base: u8) -> Result<(), Raised> {
        let Some(closure) = h.regs()[base as usize].get().cast::<Closure>() else {
            return Err(Machine::raise(h, "only closures can be called"));
        };
        closure.set_calls(h, closure.calls() + 1);
        let function = closure.function() as usize;
        if h.push_frame(base as usize).is_err() {
            return Err(Machine::raise(h, "stack overflow"));
        }
        let result = self.run(h, function);
        h.pop_frame(base as usize);
        result
    }

    /// Register 0 is the closure that runs, register 1 its argument.
    fn run(&mut self, h: &mut Heap<Vm>, function: usize) -> Result<(), Raised> {
        let mut pc = 0;
        loop {
            let op = self.code[function][pc];
            self.steps += 1;
            pc += 1;
            match op {
                Op::Load(to, int) => h.regs()[to as usize].set(Value::int(int)),
                Op::Float(to, value) => {
                    let (h, number) = h.alloc_with::<Number>(|_| NumberInit { value });
                    h.regs()[to as usize].set(number.into());
                }
                Op::Text(to, text) => {
                    let (h, text) = h.alloc_slice_with::<Text>(|_| TextInit { hash: 0 }, text.as_bytes());
                    h.regs()[to as usize].set(text.into());
                }
                Op::Close { to, function, captured } => {
                    let (h, closure) = h.alloc_tail_with::<Closure>(
                        1,
                        |_| ClosureInit { function, calls: 0 },
                        |h, _| h.regs()[captured as usize].get(),
                    );
                    h.regs()[to as usize].set(closure.into());
                }
                Op::Captured(to, index) => {
                    let h = &*h;
                    let closure = h.regs()[0]
                        .get()
                        .cast::<Closure>()
                        .expect("register 0 is the closure that runs");
                    h.regs()[to as usize].set(closure.tail_get(index as usize));
                }
                Op::Add(to, a, b) => Machine::add(h, to, a, b)?,
                Op::Call { base } => self.call(h, base)?,
                Op::Return(from) => {
                    let r = h.regs();
                    r[0].set(r[from as usize].get());
                    return Ok(());
                }
                Op::JumpIfZero(test, target) => {
                    if h.regs()[test as usize].get() == Value::int(0) {
                        pc = target;
                    }
                }
                Op::Native { base } => self.native_sum(h, base)?,
            }
        }
    }

    /// A native that calls back: the sum of f(0) to f(n - 1), on the operand stack.
    fn native_sum(&mut self, h: &mut Heap<Vm>, base: u8) -> Result<(), Raised> {
        let count = h.regs()[base as usize + 1].get().as_int().unwrap_or(0);
        h.push(h.regs()[base as usize].get()).map_err(|_| Raised)?;
        h.push(Value::int(0)).map_err(|_| Raised)?;
        for i in 0..count {
            let r = h.regs();
            r[base as usize].set(h.peek(1));
            r[base as usize + 1].set(Value::int(i));
            self.call(h, base)?;
            let r = h.regs();
            r[base as usize + 1].set(h.peek(0));
            Machine::add(h, base, base, base + 1)?;
            h.poke(0, h.regs()[base as usize].get());
        }
        let sum = h.pop();
        h.pop();
        h.regs()[base as usize].set(sum);
        Ok(())
    }
}

fn main() {
    let config = HeapConfig::new().semi_space_bytes(32 << 10);
    let mut isolate = Isolate::<Vm>::new(
        config,
        RootsInit {
            exception: Value::nil(),
        },
    )
    .unwrap();
    let mut machine = Machine {
        code: vec![
            // main: 0.5 captured by function 1, which is summed over 0..10000, and called with 3
            vec![
                Op::Float(2, 0.5),
                Op::Close {
                    to: 3,
                    function: 1,
                    captured: 2,
                },
                Op::Load(4, 10_000),
                Op::Native { base: 3 },
                Op::Close {
                    to: 5,
                    function: 1,
                    captured: 2,
                },
                Op::Load(6, 3),
                Op::Call { base: 5 },
                Op::Add(3, 3, 5),
                Op::Return(3),
            ],
            // f(i) = i == 0 ? captured : i + captured
            vec![
                Op::Captured(2, 0),
                Op::JumpIfZero(1, 4),
                Op::Add(3, 1, 2),
                Op::Return(3),
                Op::Return(2),
            ],
            // adds a text to a number
            vec![Op::Text(1, "one"), Op::Load(2, 1), Op::Add(1, 1, 2), Op::Return(1)],
        ],
        steps: 0,
    };
    isolate.enter(|h| {
        machine.run(h, 0).unwrap();
        let sum = h.regs()[0].get().cast::<Number>().map(|n| n.value());
        assert_eq!(sum, Some(49_995_000.0 + 5_000.0 + 3.5));
        assert!(h.statistics().minor_collections > 0);
        assert!(machine.run(h, 2).is_err());
        let text = h.roots().exception.get().cast::<Text>().unwrap();
        assert_eq!(std::str::from_utf8(text.tail()), Ok("only numbers can be added"));
        h.verify().unwrap();
    });
    assert!(machine.steps > 30_000);
}
