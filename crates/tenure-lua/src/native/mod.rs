//! How native functions are written.
//!
//! A native function is a plain `fn` that gets a [`Call`]: its arguments, the heap as a region, and the ways to return. In a region
//! nothing moves, so it holds values and byte slices freely and allocates as it likes, without rooting anything; the interpreter comes to
//! a safepoint after it returned. Results are given back through the call, which costs two stores for one.
//!
//! ```
//! use tenure_lua::{Call, Reply, Throw};
//!
//! fn hypotenuse(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
//!     let (a, b) = (call.check_float(1)?, call.check_float(2)?);
//!     call.reply(tenure_lua::Val::float(a.hypot(b)))
//! }
//! ```
//!
//! A function that must call back into Lua returns [`Call::call_then`] with a continuation, which makes no recursion, so that the callee
//! may yield; or it is a [`NativeFunction::Reentrant`] one, which gets the heap as a safepoint and calls Lua as Rust calls Rust, 200 levels
//! deep at most; coroutines cannot yield across it. When the region has no memory left, `?` on an allocation leaves the function; the
//! interpreter collects, and calls the function again from its beginning. So a function allocates before it changes anything.

mod arguments;
mod reentrant;
mod reply;

pub use arguments::Call;
pub(crate) use arguments::to_number;
pub use reentrant::Reentrant;
pub(crate) use reply::{Action, Thrown};
pub use reply::{Continuation, NativeFunction, Reply, Throw};
