//! What a program has made: buffers, memories and views, each beside its model.

use tenure::NativeResource;
use tenure_resource::buffer::{
    ArrayBuffer, Backing, BufferError, ByteView, DetachedBy, ElementType, Reader, View, ViewError,
};
use tenure_resource::linear_memory::{LinearMemory, PAGE_BYTES};

use super::IMPOSSIBLE_BYTES;
use super::ops::Op;
use super::values::Answer::{self, BeyondMaximum, Detached, Misaligned, NoMemory, OutOfBounds, Range};
use super::values::{of_buffer_error, of_memory_error, of_view_error};

#[derive(Debug)]
pub(super) enum RealStore {
    Buffer(ArrayBuffer),
    Memory(LinearMemory),
}

impl RealStore {
    pub(super) fn backing(&self) -> &Backing {
        match self {
            RealStore::Buffer(buffer) => buffer,
            RealStore::Memory(memory) => memory,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum RealView {
    Typed(View),
    Bytes(ByteView),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Nature {
    Fixed,
    Resizable(usize),
    Memory(u64),
}

#[derive(Debug, Clone)]
pub(super) struct ModelStore {
    pub(super) bytes: Vec<u8>,
    pub(super) nature: Nature,
    /// What ended each era, and at which operation.
    pub(super) ends: Vec<(DetachedBy, u64)>,
    pub(super) is_closed: bool,
}

impl ModelStore {
    pub(super) fn new(bytes: Vec<u8>, nature: Nature) -> ModelStore {
        ModelStore {
            bytes,
            nature,
            ends: Vec::new(),
            is_closed: false,
        }
    }

    pub(super) fn era(&self) -> usize {
        self.ends.len() - usize::from(self.is_closed)
    }

    pub(super) fn gone(&self, era: usize, made_at: Option<u64>) -> Answer {
        let (by, at) = self.ends[era];
        Detached { by, at, made_at }
    }

    pub(super) fn close(&mut self, by: DetachedBy, at: u64) -> Vec<u8> {
        self.ends.push((by, at));
        self.is_closed = true;
        std::mem::take(&mut self.bytes)
    }

    /// The answer of an operation on the whole, if it has no bytes.
    pub(super) fn closed(&self) -> Option<Answer> {
        self.is_closed.then(|| self.gone(self.era(), None))
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ModelView {
    pub(super) store: usize,
    pub(super) era: usize,
    /// `None` of byte views.
    pub(super) element_type: Option<ElementType>,
    pub(super) offset: usize,
    pub(super) len_bytes: Option<usize>,
    pub(super) at: u64,
}

impl ModelView {
    pub(super) fn size(&self) -> usize {
        self.element_type.map_or(1, ElementType::size_bytes)
    }

    /// The first byte and the length in whole elements, in bytes.
    pub(super) fn window(&self, store: &ModelStore, made_at: Option<u64>) -> Result<(usize, usize), Answer> {
        if self.era < store.ends.len() {
            return Err(store.gone(self.era, made_at));
        }
        let left = store.bytes.len().checked_sub(self.offset);
        match (left, self.len_bytes) {
            (Some(left), None) => Ok((self.offset, left - left % self.size())),
            (Some(left), Some(len)) if len <= left => Ok((self.offset, len)),
            _ => Err(OutOfBounds { made_at }),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) real_stores: Vec<RealStore>,
    pub(super) real_views: Vec<RealView>,
    pub(super) stores: Vec<ModelStore>,
    pub(super) views: Vec<ModelView>,
}

/// A range within a length, or the model's refusal.
pub(super) fn within(start: usize, end: usize, len: usize) -> Result<(), Answer> {
    if start <= end && end <= len { Ok(()) } else { Err(Range) }
}

impl World {
    pub(super) fn add(&mut self, real: RealStore, model: ModelStore) {
        self.real_stores.push(real);
        self.stores.push(model);
    }

    pub(super) fn store(&self, index: usize) -> Option<usize> {
        (!self.stores.is_empty()).then(|| index % self.stores.len())
    }

    pub(super) fn view(&self, index: usize) -> Option<(ModelView, RealView, &Backing)> {
        let index = index.checked_rem(self.views.len())?;
        let view = self.views[index];
        Some((view, self.real_views[index], self.real_stores[view.store].backing()))
    }

    pub(super) fn window(&self, view: &ModelView) -> Result<(usize, usize), Answer> {
        view.window(&self.stores[view.store], Some(view.at))
    }

    /// Adds a buffer that was made of another, if both sides made it.
    pub(super) fn add_made(&mut self, real: Result<ArrayBuffer, BufferError>, model: Result<ModelStore, Answer>) {
        match (real, model) {
            (Ok(real), Ok(model)) => self.add(RealStore::Buffer(real), model),
            (real, model) => assert_eq!(
                real.map_err(of_buffer_error)
                    .map(|_| ())
                    .expect_err("the model refuses"),
                model.expect_err("the program refuses")
            ),
        }
    }

    pub(super) fn new_view(&mut self, store: usize, real: Result<RealView, ViewError>, model: ModelView) {
        let expected = if !model.offset.is_multiple_of(model.size()) {
            Err(Misaligned)
        } else {
            model.window(&self.stores[store], None).map(|_| ())
        };
        match (real, expected) {
            (Ok(real), Ok(())) => {
                self.real_views.push(real);
                self.views.push(model);
            }
            (real, expected) => {
                let refused = real.map_err(of_view_error).map(|_| ());
                assert_eq!(refused, expected, "{model:?}");
            }
        }
    }

    pub(super) fn check(&self) {
        for (real, model) in self.real_stores.iter().zip(&self.stores) {
            let backing = real.backing();
            assert_eq!(backing.len_bytes(), model.bytes.len());
            assert_eq!(backing.closed().is_some(), model.is_closed);
            assert!(backing.held_bytes() >= backing.len_bytes());
            let bytes = match real {
                RealStore::Buffer(buffer) => buffer.bytes().unwrap_or(&[]),
                RealStore::Memory(memory) => memory.bytes(0, model.bytes.len() as u64).expect("all"),
            };
            let mut contents = Vec::new();
            std::io::Read::read_to_end(&mut Reader::new(bytes), &mut contents).expect("memory");
            assert!(contents == model.bytes, "the contents of {real:?} differ");
        }
    }

    pub(super) fn run(&mut self, op: Op, at: u64) {
        match op {
            Op::NewBuffer { len } => {
                let real = ArrayBuffer::new(len).map_err(BufferError::NoMemory);
                let model = if len >= IMPOSSIBLE_BYTES {
                    Err(NoMemory)
                } else {
                    Ok(vec![0; len])
                };
                self.add_made(real, model.map(|bytes| ModelStore::new(bytes, Nature::Fixed)));
            }
            Op::NewResizable { len, max } => {
                let model = match () {
                    () if len > max => Err(BeyondMaximum),
                    () if len >= IMPOSSIBLE_BYTES => Err(NoMemory),
                    () => Ok(ModelStore::new(vec![0; len], Nature::Resizable(max))),
                };
                self.add_made(ArrayBuffer::resizable(len, max), model);
            }
            Op::NewMemory { pages, max } => {
                let max_pages = max.unwrap_or(65_536);
                // Memories of 4 GiB are possible, but nobody can look at all of them.
                let pages = if pages > 3 && pages <= max_pages.min(65_536) {
                    pages % 4
                } else {
                    pages
                };
                match LinearMemory::new(pages, max) {
                    Ok(memory) => {
                        assert!(max_pages <= 65_536 && pages <= max_pages);
                        let bytes = vec![0; pages as usize * PAGE_BYTES];
                        self.add(
                            RealStore::Memory(memory),
                            ModelStore::new(bytes, Nature::Memory(max_pages)),
                        );
                    }
                    Err(error) => {
                        assert_eq!(of_memory_error(error), BeyondMaximum);
                        assert!(max_pages > 65_536 || pages > max_pages);
                    }
                }
            }
            Op::FromVec { bytes } => self.add(
                RealStore::Buffer(ArrayBuffer::from_vec(bytes.clone())),
                ModelStore::new(bytes, Nature::Fixed),
            ),
            Op::NewView { .. } | Op::NewByteView { .. } | Op::Subview { .. } => self.run_new_view(op, at),
            Op::Get { .. }
            | Op::Set { .. }
            | Op::GetAll { .. }
            | Op::FillAll { .. }
            | Op::CopyWithin { .. }
            | Op::CopyBetween { .. } => self.run_typed(op),
            Op::GetNumber { .. } | Op::SetNumber { .. } => self.run_bytes(op),
            Op::Slice { .. } | Op::SliceView { .. } | Op::Resize { .. } | Op::Transfer { .. } => {
                self.run_buffer(op, at);
            }
            _ => self.run_store(op, at),
        }
    }

    /// The end of all: what is not detached dies piece by piece, and what was taken out is what was in.
    pub(super) fn end(self) {
        for (i, (real, model)) in self.real_stores.into_iter().zip(self.stores).enumerate() {
            match real {
                RealStore::Buffer(buffer) if i % 2 == 0 => assert_eq!(buffer.into_vec(), model.bytes),
                RealStore::Buffer(mut buffer) => {
                    while !buffer.release_some(1) {}
                    assert_eq!((buffer.held_bytes(), buffer.closed().is_some()), (0, true));
                }
                RealStore::Memory(mut memory) => {
                    while !memory.release_some(100 << 10) {}
                    assert_eq!((memory.held_bytes(), memory.freed().is_some()), (0, true));
                }
            }
        }
    }
}
