//! The objects of a small embedder: linear memories, buffers that own bytes or show those of a memory, and views.

use tenure::prelude::*;
use tenure_resource::buffer::{
    ArrayBuffer, Backing, BufferError, BufferHeap, ByteView, ElementType, Origin, View, ViewError, ViewObject,
};
use tenure_resource::linear_memory::{LinearMemory, MemoryBuffer};

/// A linear memory.
#[derive(Kind)]
pub(crate) struct Memory {
    pub(crate) bytes: Native<Vm, LinearMemory>,
}

/// A buffer: of its own bytes, or of a memory's until that grows.
#[derive(Kind)]
pub(crate) struct Buffer {
    pub(crate) bytes: Native<Vm, ArrayBuffer>,
    pub(crate) memory: Slot<Opt<Memory>>,
    pub(crate) era: Plain<Option<MemoryBuffer>>,
}

/// A typed view of a buffer.
#[derive(Kind)]
pub(crate) struct Typed {
    pub(crate) buffer: Slot<Ref<Buffer>>,
    pub(crate) view: Plain<View>,
}

/// A byte view of a buffer.
#[derive(Kind)]
pub(crate) struct Data {
    pub(crate) buffer: Slot<Ref<Buffer>>,
    pub(crate) view: Plain<ByteView>,
}

/// What is returned for several images.
#[derive(Kind)]
#[tail(Slot<Opt<Typed>>)]
pub(crate) struct Views {}

#[derive(Roots)]
pub(crate) struct Roots {
    pub(crate) memory: Root<Opt<Memory>>,
    pub(crate) views: Root<Opt<Views>>,
    pub(crate) buffer: Root<Opt<Buffer>>,
}

object_model! { pub(crate) model Vm { roots: Roots, kinds: [Memory, Buffer, Typed, Data, Views] } }

fn backing_of<'h>(buffer: Gc<'h, Buffer>, h: &'h Heap<Vm>) -> &'h Backing {
    match buffer.memory() {
        Some(memory) => memory.bytes().get(h),
        None => buffer.bytes().get(h),
    }
}

impl ViewObject for Typed {
    type View = View;
    fn view(&self) -> View {
        *self.view
    }
    fn backing<'h>(this: Gc<'h, Self>, h: &'h Heap<Vm>) -> &'h Backing {
        backing_of(this.buffer(), h)
    }
}

impl ViewObject for Data {
    type View = ByteView;
    fn view(&self) -> ByteView {
        *self.view
    }
    fn backing<'h>(this: Gc<'h, Self>, h: &'h Heap<Vm>) -> &'h Backing {
        backing_of(this.buffer(), h)
    }
}

pub(crate) fn isolate() -> Isolate<Vm> {
    let roots = RootsInit {
        memory: None,
        views: None,
        buffer: None,
    };
    Isolate::new(HeapConfig::new(), roots).expect("a heap")
}

/// The memory of the program.
pub(crate) fn memory(h: &Heap<Vm>) -> Gc<'_, Memory> {
    h.roots().memory.get().expect("a memory was made")
}

pub(crate) fn set_memory(h: &Heap<Vm>, memory: LinearMemory) {
    h.roots().memory.set(Some(h.alloc::<Memory>(MemoryInit {
        bytes: h.adopt_buffer(memory),
    })));
}

#[track_caller]
pub(crate) fn grow(h: &mut Heap<Vm>, pages: u64) -> u64 {
    let now = Origin::here(h.now_ns());
    h.change_buffer(|h| memory(h).bytes(), |memory| memory.grow(pages, now))
        .expect("within the maximum")
}

/// A buffer with bytes of its own.
pub(crate) fn own_buffer(h: &Heap<Vm>, bytes: ArrayBuffer) -> Gc<'_, Buffer> {
    h.alloc::<Buffer>(BufferInit {
        bytes: h.adopt_buffer(bytes),
        memory: None,
        era: None,
    })
}

/// The buffer that the memory is, until it grows.
#[track_caller]
pub(crate) fn memory_buffer(h: &Heap<Vm>) -> Result<Gc<'_, Buffer>, BufferError> {
    let memory = memory(h);
    let era = memory.bytes().get(h).buffer(h.now_ns())?;
    let none = ArrayBuffer::new(0)?;
    Ok(h.alloc::<Buffer>(BufferInit {
        bytes: h.adopt_buffer(none),
        memory: Some(memory),
        era: Some(era),
    }))
}

/// A typed view of a buffer of either sort.
#[track_caller]
pub(crate) fn typed<'h>(
    h: &'h Heap<Vm>,
    buffer: Gc<'h, Buffer>,
    element_type: ElementType,
    offset_bytes: usize,
    len: Option<usize>,
) -> Result<Gc<'h, Typed>, ViewError> {
    let at = Origin::here(h.now_ns());
    let view = match (buffer.memory(), *buffer.era) {
        (Some(memory), Some(era)) => era.view(memory.bytes().get(h), element_type, offset_bytes, len, at)?,
        _ => View::new(buffer.bytes().get(h), element_type, offset_bytes, len, at)?,
    };
    Ok(h.alloc::<Typed>(TypedInit { buffer, view }))
}
