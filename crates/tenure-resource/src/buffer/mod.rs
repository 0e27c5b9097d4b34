//! Array buffers and their views: bytes outside of the moving heap, for interpreters that have them as objects.
//!
//! What ECMAScript has as `ArrayBuffer`, typed arrays and `DataView`: an [`ArrayBuffer`] owns bytes, a [`View`] sees them
//! as elements of one type, a [`ByteView`] as numbers at any offset and in either order. Buffers can be resized,
//! transferred, detached and freed; a view of bytes that are gone is an error that tells what took them, where and when.
//! `docs/buffers.md` is the chapter about them, with the reasons and the costs.
//!
//! An embedder puts them into kinds of its own: [`BufferHeap`] and [`ViewObject`] are the way there. Nothing here is
//! shared between threads, and nothing keeps a view from being kept too long; a [`ViewLint`] finds those.

mod array_buffer;
mod backing;
pub(crate) mod bytes;
mod element;
mod elements;
mod error;
mod heap;
mod lint;
mod unwanted;
mod view;

pub use array_buffer::ArrayBuffer;
pub use backing::Backing;
pub use bytes::Reader;
pub use element::{Clamped, Element, ElementType, Endian, Scalar};
pub use elements::Elements;
pub use error::{BufferError, DetachedBy, Detachment, NoMemory, Origin, RangeError, Resize, ViewError, When};
pub use heap::{AnyView, Backed, BufferHeap, ByteAccess, TypedAccess, ViewObject};
pub use lint::{KeptView, ViewLint};
pub use unwanted::Unwanted;
pub use view::{ByteView, View};

pub(crate) use backing::PIECE_BYTES;
pub(crate) use elements::resolve;
