//! The virtual machine.
//!
//! One region holds the loop that executes instructions: code, constants and registers are borrowed slices there, objects are plain
//! pointers, and nothing need be rooted. After an instruction that allocated, the loop asks whether a safepoint is due; if so it leaves
//! the region with everything that lives in registers, the collector works, and the loop begins anew where it was. An instruction whose
//! allocation failed is executed again after the collector made room, so every instruction allocates before it changes anything.
//!
//! Calls of Lua functions, metamethods, protected calls and coroutines do not recurse in Rust: a call is a [`Frame`] pushed, and a native
//! function that waits for one leaves a continuation. What is to be done when the loop is not simply to go on stands in [`Pending`], and
//! `step` does it.
//!
//! | file | what |
//! | --- | --- |
//! | `interpreter` | the loop: one arm for each opcode that is not rare |
//! | `slow` | instructions in full, where the loop does not do them |
//! | `arithmetic`, `compare`, `concat`, `access` | the operations, with their metamethods |
//! | `functions`, `loops` | making functions, variable arguments, numeric loops |
//! | `step` | calls, returns and continuations |
//! | `finish` | completing an instruction after its metamethod |
//! | `unwind` | errors on their way to whoever catches them |
//! | `coroutine` | switching between threads |
//! | `close` | upvalues and variables that go out of scope |
//! | `collection` | weak tables, finalizers, and collections that programs ask for |
//! | `reachable` | the tables that there are |
//! | `hook` | what debug hooks see, and calling them |
//! | `interruption` | interrupting a program from outside |
//! | `driver` | safepoints between regions |
//! | `stack`, `names`, `message` | what error messages say |
//! | `load` | taking compiled chunks into the heap |

pub(crate) mod access;
pub(crate) mod arithmetic;
mod close;
pub(crate) mod collection;
pub(crate) mod compare;
mod concat;
pub(crate) mod coroutine;
mod driver;
mod execute;
mod fetched;
mod finish;
mod frame;
pub(crate) mod functions;
pub(crate) mod hook;
mod interpreter;
mod interruption;
pub(crate) mod load;
mod loops;
pub(crate) mod message;
pub(crate) mod metamethod;
pub(crate) mod names;
mod reachable;
mod slow;
pub(crate) mod stack;
mod step;
mod unwind;
mod window;

pub(crate) use frame::{ALL, Catch, Frame, FrameKind, FrameStack, Return};
pub(crate) use hook::HookState;
pub use interruption::Interrupter;

use crate::native::{Continuation, Throw};
use crate::object::Objects;
use std::fmt;
use tenure::REGISTERS;
use tenure::prelude::*;
use window::BEYOND;

/// The most registers that a program may use, as in the reference implementation.
const STACK_MAX: usize = 1_000_000;
/// Registers beyond, for handlers of the error that says so.
const STACK_RESERVE: usize = 4_000;
/// Registers that come into view at a time.
const STACK_STEP: usize = 4_096;
/// Recursions of the interpreter in Rust, coroutines inside coroutines, and protected calls inside of each other: what the reference implementation calls C levels.
pub(crate) const DEPTH_MAX: usize = 195;

/// What the interpreter does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pending {
    /// Execute instructions of the top frame.
    Run,
    /// Call the function in a register with the arguments behind it.
    Call(PendingCall),
    /// Return from the top frame with the values in registers.
    Return { at: usize, count: usize },
    /// Run the continuation of the top frame with the results in registers.
    Continue { at: usize, count: usize, caught: bool },
    /// Raise the error in the roots: call the handler, if there is one, then unwind.
    Throw,
    /// Unwind with the error in the roots.
    Unwind,
    /// Resume the coroutine in a register with the values behind it.
    Resume { at: usize, count: usize },
    /// Suspend the running coroutine with values in registers.
    Yield { at: usize, count: usize },
    /// Close the suspended coroutine in a register.
    CloseThread { at: usize },
    /// Go on joining values in registers.
    Concat { first: usize, count: usize },
}

/// A call that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingCall {
    pub(crate) at: usize,
    pub(crate) count: usize,
    pub(crate) wanted: i16,
    pub(crate) how: Return,
}

/// Why the interpreter leaves its region.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exit {
    /// The collector has something to do.
    Safepoint,
    /// So many bytes are to be made free; then the same again.
    Room(usize),
    /// The native function of the top frame runs at a safepoint.
    Reentrant,
    /// A hook is to be called.
    Hook,
    /// The call from Rust returned, with results in registers.
    Done { count: usize },
    /// An error passed the call from Rust.
    Failed,
}

/// A thread that resumed another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resumed {
    /// First register of the resumed thread.
    pub(crate) bottom: usize,
    /// Frames below those of the resumed thread.
    pub(crate) frames: usize,
    /// Variables to be closed below those of the resumed thread.
    pub(crate) to_close: usize,
    /// Recursions of the interpreter at that time.
    pub(crate) depth: usize,
    /// Protected calls at that time.
    pub(crate) protected: usize,
    /// Where the results go.
    pub(crate) at: usize,
}

/// The state of the machine beside the heap: frames, and numbers of registers.
pub struct Vm {
    pub(crate) frames: FrameStack,
    /// First register of the top frame.
    pub(crate) base: usize,
    /// End of the values whose number is not known in advance.
    pub(crate) top: usize,
    pub(crate) pending: Pending,
    /// Registers of variables to be closed, in order.
    pub(crate) to_close: Vec<u32>,
    pub(crate) resumed: Vec<Resumed>,
    /// Recursions of the interpreter.
    pub(crate) depth: usize,
    /// Frames below the function that the innermost recursion calls.
    pub(crate) entry_frames: usize,
    /// Protected calls of the running threads inside of each other.
    pub(crate) protected: usize,
    /// Calls of error handlers inside of each other.
    pub(crate) handlers: usize,
    /// The error that passed a call from Rust was shown to its handler already.
    pub(crate) is_handled: bool,
    /// Failures to make room one after the other, for the same thing.
    pub(crate) attempts: u32,
    pub(crate) finalizers: collection::Finalizers,
    /// Major collections one after the other that left next to no room below the heap's limit.
    pub(crate) vain_collections: u32,
    pub(crate) hooks: hook::Hooks,
    pub(crate) interrupter: Interrupter,
    pub(crate) services: crate::services::Services,
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vm")
            .field("frames", &self.frames.len())
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Vm {
    pub(crate) fn new(services: crate::services::Services) -> Vm {
        let bottom = Frame {
            then: None,
            delta: 1,
            dest: 1,
            pc: 0,
            wanted: 0,
            kind: FrameKind::Bottom,
            how: Return::Entry,
            catch: Catch::No,
            is_tail_call: false,
            pending_top: 0,
        };
        Vm {
            frames: FrameStack::new(bottom),
            base: 1,
            top: 1,
            pending: Pending::Run,
            to_close: Vec::new(),
            resumed: Vec::new(),
            depth: 0,
            entry_frames: 0,
            protected: 0,
            handlers: 0,
            is_handled: false,
            attempts: 0,
            finalizers: collection::Finalizers::default(),
            vain_collections: 0,
            hooks: hook::Hooks::default(),
            interrupter: Interrupter::default(),
            services,
        }
    }

    /// Brings registers into view up to `end` and a window beyond.
    ///
    /// # Errors
    ///
    /// `stack overflow`.
    #[inline(always)]
    pub(crate) fn reach(&mut self, h: &Heap<Objects>, end: usize) -> Result<(), Throw> {
        // What a handler brought into view stays there until the next collection, but is for handlers only.
        if end <= STACK_MAX && end + REGISTERS + BEYOND <= h.register_area().len() {
            return Ok(());
        }
        self.reach_slow(h, end)
    }

    #[cold]
    #[inline(never)]
    fn reach_slow(&mut self, h: &Heap<Objects>, end: usize) -> Result<(), Throw> {
        let limit = if self.handlers > 0 {
            STACK_MAX + STACK_RESERVE
        } else {
            STACK_MAX
        };
        let depth = h.frame_depth();
        // Not beyond the limit: what is in view is taken without asking again, and the rest is kept for handlers.
        let step = (end + STACK_STEP).min(limit + BEYOND).saturating_sub(depth);
        let least = (end + BEYOND).saturating_sub(depth);
        if end <= limit && (h.push_frame(step).is_ok() || h.push_frame(least).is_ok()) {
            h.pop_frame(h.frame_depth() - depth);
            return Ok(());
        }
        let in_handler = self.handlers > 0 && end > STACK_MAX + STACK_RESERVE;
        Err(message::stack_overflow(self, h, in_handler))
    }

    /// Says how many arguments the native function on top has now.
    pub(crate) fn set_native_count(&mut self, count: usize) {
        self.frames.top.pc = count as u64;
        self.top = self.base + count;
    }

    /// Returns whether another protected call would be one too many.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.depth + self.resumed.len() + self.protected >= DEPTH_MAX
    }

    /// Lets the continuation that runs stop its own errors: it is called again, and told so.
    pub(crate) fn catch_own(&mut self) {
        self.frames.top.catch = Catch::Yes;
        self.protected += 1;
    }

    /// Ends that.
    pub(crate) fn pass_own(&mut self) {
        self.frames.top.catch = Catch::No;
        self.protected = self.protected.saturating_sub(1);
    }

    /// Makes the top native frame wait for a call.
    pub(crate) fn wait(&mut self, then: Continuation, catch: Catch) {
        self.frames.top.then = Some(then);
        self.frames.top.catch = catch;
    }
}
