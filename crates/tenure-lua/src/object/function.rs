//! Functions: closures over prototypes, native functions, and the variables that closures share.
//!
//! A variable that a closure captured stays in its register as long as the function that declared it runs: the upvalue is *open* and
//! holds the register's place. It is closed when the variable goes out of scope, and holds the value itself from then on. While the
//! coroutine of an open upvalue is suspended, the place is one in the coroutine's saved registers. So reading an upvalue is one compare
//! in the two common cases. Open upvalues of a thread form a list, the highest register first.

use super::{Objects, Proto};
use crate::native::NativeFunction;
use tenure::prelude::*;

/// A function of Lua: a prototype and its upvalues, none of which is missing once it is made.
#[derive(Kind)]
#[tail(Slot<Opt<UpVal>>)]
pub(crate) struct Closure {
    pub(crate) proto: Slot<Ref<Proto>>,
}

/// A function of Rust, with values of its own.
#[derive(Kind)]
#[tail(Slot<Dyn<Objects>>)]
pub(crate) struct Native {
    pub(crate) function: Plain<NativeFunction>,
}

/// `UpVal::place` of a closed upvalue: no register has this number.
pub(crate) const CLOSED: u32 = u32::MAX;
/// `UpVal::place` of an open upvalue of a suspended coroutine: `value` is the coroutine, `offset` the place in its registers.
pub(crate) const SUSPENDED: u32 = u32::MAX - 1;

/// A variable that closures share.
#[derive(Kind)]
pub(crate) struct UpVal {
    /// The value when closed; the coroutine while it is suspended.
    pub(crate) value: Slot<Dyn<Objects>>,
    /// The number of the register from the bottom of the register stack, [`CLOSED`] or [`SUSPENDED`].
    pub(crate) place: Cell<u32>,
    /// The number of the register from the bottom of the coroutine, while it is suspended.
    pub(crate) offset: Cell<u32>,
    /// The next open upvalue of the thread, in a lower register.
    pub(crate) next: Slot<Opt<UpVal>>,
}
