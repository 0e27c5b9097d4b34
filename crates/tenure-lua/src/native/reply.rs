//! What native functions give back: values, a call to make, or an error.

use super::{Call, Reentrant};
use crate::object::{NoRoom, SetError};
use std::fmt;

/// A native function.
#[derive(Clone, Copy)]
pub enum NativeFunction {
    /// Runs in a region: it never calls Lua itself.
    Region(fn(&mut Call<'_, '_>) -> Result<Reply, Throw>),
    /// Runs at a safepoint: it may call Lua.
    Reentrant(fn(&mut Reentrant<'_>) -> Result<Reply, Throw>),
    /// Runs in a region, and when it returns [`Reply::reentrant`], the second function runs instead.
    Both(
        fn(&mut Call<'_, '_>) -> Result<Reply, Throw>,
        fn(&mut Reentrant<'_>) -> Result<Reply, Throw>,
    ),
}

impl fmt::Debug for NativeFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NativeFunction::Region(_) => "Region",
            NativeFunction::Reentrant(_) => "Reentrant",
            NativeFunction::Both(..) => "Both",
        })
    }
}

/// How a native function goes on after a call that it asked for: the call that it is handed has the results.
pub type Continuation = fn(&mut Call<'_, '_>) -> Result<Reply, Throw>;

/// What a native function returned; made by the methods of [`Call`].
#[derive(Debug)]
#[must_use]
pub struct Reply(pub(crate) Action);

impl Reply {
    /// Asks for the second function of [`NativeFunction::Both`], with the same arguments.
    pub fn reentrant() -> Reply {
        Reply(Action::Reentrant)
    }

    /// Returns so many values that stand from the function's place on already.
    pub(crate) fn values(count: usize) -> Reply {
        Reply(Action::Return(count))
    }
}

/// What the interpreter is to do after a native function returned. Registers are counted from the bottom of the register stack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Return so many results, which stand from the function's place on.
    Return(usize),
    /// Return so many results, which stand from this register on.
    ReturnFrom(usize, usize),
    /// Call the function in a register, with so many arguments behind it, then continue. All results are wanted.
    Call {
        at: usize,
        count: usize,
        then: Continuation,
    },
    /// As `Call`, and errors stop here: the continuation learns of them by [`Call::caught`].
    ProtectedCall {
        at: usize,
        count: usize,
        then: Continuation,
        handler: bool,
    },
    /// Suspend the coroutine with so many values from a register on.
    Yield(usize, usize),
    /// Resume the coroutine in a register with so many values behind it; continue when it yields, returns or fails.
    Resume {
        at: usize,
        count: usize,
        then: Continuation,
    },
    /// Close the variables of the suspended coroutine in a register, and continue.
    CloseThread { at: usize, then: Continuation },
    /// Go on with the continuation at once: what it cannot make for want of room is an error that it can stop.
    GoOn(Continuation),
    /// Call the reentrant form.
    Reentrant,
}

/// An error that leaves a native function by `?`.
///
/// The value of the error stands in a root of the heap.
#[derive(Debug)]
#[must_use]
pub struct Throw(pub(crate) Thrown);

/// Why a native function or an instruction was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thrown {
    /// An error of Lua, with a value in the roots.
    Error,
    /// So many bytes are to be made free, and the same is to be tried again.
    Room(usize),
}

impl From<NoRoom> for Throw {
    #[cold]
    fn from(no_room: NoRoom) -> Throw {
        Throw(Thrown::Room(no_room.bytes))
    }
}

impl Throw {
    pub(crate) const ERROR: Throw = Throw(Thrown::Error);

    /// The error of a table's `set`, where keys are known to be neither nil nor NaN.
    pub(crate) fn of_set(error: SetError) -> Throw {
        match error {
            SetError::NoRoom(no_room) => no_room.into(),
            // No heap has so much room, so this becomes "not enough memory".
            _ => Throw(Thrown::Room(usize::MAX / 4)),
        }
    }
}
