//! Call frames: what the interpreter remembers of each call in progress.
//!
//! Frames are plain data that hold distances and no addresses or values, so those of a coroutine can be copied into the heap and back to
//! another place. What a frame refers to stands in registers: the function one below the frame's first register.

use crate::native::Continuation;

/// What runs in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// A function of Lua.
    Lua,
    /// A native function.
    Native,
    /// Nothing: the bottom of a thread.
    Bottom,
}

/// What happens with the results of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Return {
    /// The caller is a function of Lua, which goes on behind its call.
    Plain,
    /// The caller is a function of Lua whose instruction the result completes: the call was one of a metamethod.
    Finish,
    /// The caller is a native function, which goes on with its continuation.
    Continue,
    /// The caller is the interpreter's own caller.
    Entry,
    /// The same, and the call is one of a hook.
    Hook,
    /// There is no caller: the coroutine ends.
    Thread,
    /// The call was one of an error handler: the result is the error.
    Handled,
    /// The call was one of a `__close` metamethod while an error passes: closing goes on.
    Unwind,
}

/// A call in progress.
///
/// Of 40 bytes, which are copied 16, 16 and 8 at a time: what is written last before a call, `pc`, is a whole word at the end, so the copy
/// gets it from where the store left it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Frame {
    /// What a native function does with the results of a call that it asked for.
    pub(crate) then: Option<Continuation>,
    /// Registers from the caller's first one to this frame's.
    pub(crate) delta: u32,
    /// Registers from the place of the function, where the results go, to this frame's first one: 1, and more behind variable arguments.
    pub(crate) dest: u32,
    /// Where results that wait for variables to be closed end, in registers of the frame.
    pub(crate) pending_top: u32,
    /// Number of results that the caller wants, or [`ALL`].
    pub(crate) wanted: i16,
    pub(crate) kind: FrameKind,
    pub(crate) how: Return,
    /// Whether errors stop here, and what is called with them.
    pub(crate) catch: Catch,
    /// Whether the frame replaced its caller's.
    pub(crate) is_tail_call: bool,
    /// In a function of Lua the next instruction, otherwise the number of arguments.
    pub(crate) pc: u64,
}

const _: () = assert!(size_of::<Frame>() == 40, "copies of frames end with the word of `pc`");

/// All results are wanted, however many there are.
pub(crate) const ALL: i16 = -1;

/// What errors do at a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Catch {
    /// They pass.
    No,
    /// They stop.
    Yes,
    /// They stop after the handler in the frame's second argument was called.
    Handler,
}

/// The frames of all threads that run or resumed one another.
///
/// The top frame lies beside the others, at a fixed place, so that saying where the running function is takes one store. There is always
/// one frame: the bottom. Places of frames that were dropped are kept, so that pushing one is a compare and a copy.
#[derive(Debug)]
pub(crate) struct FrameStack {
    pub(crate) top: Frame,
    places: Vec<Frame>,
    /// Number of frames below the top one; the places behind are free.
    depth: usize,
}

impl FrameStack {
    pub(crate) fn new(bottom: Frame) -> FrameStack {
        FrameStack {
            top: bottom,
            places: Vec::new(),
            depth: 0,
        }
    }

    /// Returns the number of frames.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.depth + 1
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, frame: Frame) {
        match self.places.get_mut(self.depth) {
            Some(place) => *place = self.top,
            None => self.push_slow(),
        }
        self.depth += 1;
        self.top = frame;
    }

    #[cold]
    #[inline(never)]
    fn push_slow(&mut self) {
        self.places.push(self.top);
    }

    /// Drops the top frame. The bottom stays.
    #[inline(always)]
    pub(crate) fn drop_top(&mut self) {
        let below = self.depth.wrapping_sub(1);
        if let Some(frame) = self.places.get(below) {
            self.top = *frame;
            self.depth = below;
        }
    }

    /// Drops the top frame and returns it. The bottom stays.
    #[inline]
    pub(crate) fn pop(&mut self) -> Frame {
        let top = self.top;
        self.drop_top();
        top
    }

    /// Drops all frames but the first `length`, which is at least 1.
    pub(crate) fn truncate(&mut self, length: usize) {
        let depth = length.max(1) - 1;
        if depth < self.depth
            && let Some(&top) = self.places.get(depth)
        {
            self.top = top;
            self.depth = depth;
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Frame> {
        if index == self.depth {
            return Some(self.top);
        }
        self.below().get(index).copied()
    }

    /// The frames below the top one.
    fn below(&self) -> &[Frame] {
        self.places.get(..self.depth).unwrap_or(&[])
    }

    /// Returns the frames from the top down.
    pub(crate) fn iter_down(&self) -> impl Iterator<Item = Frame> + '_ {
        std::iter::once(self.top).chain(self.below().iter().rev().copied())
    }

    /// Calls `f` with the frames from `first` on, as a slice.
    pub(crate) fn with_slice<R>(&mut self, first: usize, f: impl FnOnce(&[Frame]) -> R) -> R {
        match self.places.get_mut(self.depth) {
            Some(place) => *place = self.top,
            None => self.push_slow(),
        }
        f(self.places.get(first..=self.depth).unwrap_or(&[]))
    }
}
