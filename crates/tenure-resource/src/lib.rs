//! What lives outside the heap and dies with it: buffers, object pools, counted caches, image caches.
//!
//! Built on the facade alone, without unsafe code.
#![forbid(unsafe_code)]

pub mod buffer;
pub mod counted_cache;
pub mod deferred;
pub mod image_cache;
pub mod linear_memory;
pub mod pool;
pub mod pressure;
pub mod simulation;
