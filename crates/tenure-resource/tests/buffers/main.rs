//! Array buffers, views and linear memories: programs against a model, attacks, and what they do on the heap.

#![forbid(unsafe_code)]

mod archive;
mod attacks;
mod model;
mod on_heap;
mod vm;
