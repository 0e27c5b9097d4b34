//! Coroutines: what is kept of one while it does not run.
//!
//! The running coroutine's registers and frames lie on top of those of the one that resumed it, on the interpreter's stacks. When it
//! yields, both are copied into objects, and back when it is resumed: the cost is proportional to the coroutine's own depth, which is a
//! frame or two for most. The objects are kept and used again.

use super::{Array, Objects, UpVal};
use crate::vm::{Frame, HookState};
use tenure::prelude::*;

/// A coroutine.
#[derive(Kind)]
pub(crate) struct Thread {
    /// A [`Status`].
    pub(crate) status: Cell<Status>,
    /// Saved registers; the function to call as long as the coroutine has not begun.
    pub(crate) registers: Slot<Ref<Array>>,
    pub(crate) register_count: Cell<u32>,
    /// Saved frames.
    pub(crate) frames: Slot<Opt<FrameList>>,
    pub(crate) frame_count: Cell<u32>,
    /// Open upvalues, the highest register first, while it is suspended.
    pub(crate) open_upvalues: Slot<Opt<UpVal>>,
    /// Registers from the bottom to the first one of the top frame.
    pub(crate) base: Cell<u32>,
    /// The error that ended it, undefined if none did or somebody was told.
    pub(crate) error: Slot<Dyn<Objects>>,
    /// The thread that resumed this one, while it runs.
    pub(crate) resumer: Slot<Opt<Thread>>,
    /// The events for which its hook is called.
    pub(crate) hook: Cell<HookState>,
    /// Registers of variables to be closed, from the bottom of the coroutine, while it is suspended.
    pub(crate) to_close: Slot<Opt<Array>>,
}

/// What a coroutine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// It has not begun, or waits in a yield.
    Suspended,
    /// It runs.
    Running,
    /// It resumed another one.
    Normal,
    /// It ended, or died of an error.
    Dead,
}

/// Frames of a coroutine.
#[derive(Kind)]
#[tail(Plain<Frame>)]
pub(crate) struct FrameList {}
