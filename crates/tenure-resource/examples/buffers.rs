//! Measures what buffers cost: elements read and stored in loops, against a slice; memory made, grown and given back.
//!
//! `cargo run --release -p tenure-resource --example buffers` prints a table; each figure is the median of several runs.
//! The first part compares loops over a million elements with the same loop over a slice with bounds checks. The second
//! part lets 1 GiB of touched buffers die and watches what that adds to the safepoints of a program that goes on.

#![forbid(unsafe_code)]
#![allow(
    clippy::needless_range_loop,
    reason = "a bounds-checked slice read in a loop is what views are compared with"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tenure::prelude::*;
use tenure_resource::buffer::{
    ArrayBuffer, Backing, BufferHeap, Element, ElementType, Elements, Endian, TypedAccess, View, ViewObject,
};
use tenure_resource::linear_memory::LinearMemory;

#[derive(Kind)]
struct Buffer {
    bytes: Native<Js, ArrayBuffer>,
}

#[derive(Kind)]
struct Typed {
    buffer: Slot<Ref<Buffer>>,
    view: Plain<View>,
}

#[derive(Roots)]
struct Roots {
    view: Root<Opt<Typed>>,
}

object_model! { model Js { roots: Roots, kinds: [Buffer, Typed] } }

impl ViewObject for Typed {
    type View = View;
    fn view(&self) -> View {
        *self.view
    }
    fn backing<'h>(this: Gc<'h, Self>, h: &'h Heap<Js>) -> &'h Backing {
        this.buffer().bytes().get(h)
    }
}

const ELEMENTS: usize = 1 << 20;
const MIB: usize = 1 << 20;
const RUNS: usize = 15;

/// The median time of a run, in nanoseconds per element.
fn per_element(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2].as_nanos() as f64 / ELEMENTS as f64
}

fn line(what: &str, ns: f64, slice_ns: f64) {
    println!("  {what:<44} {ns:>7.3} ns {:>6.2} x", ns / slice_ns);
}

/// Numbers that a loop adds up without an order that must be kept, so that it can be vectorized; and such where it must.
trait Sum: Element {
    fn add(self, other: Self) -> Self;
}

macro_rules! sums {
    ($($type:ty: $a:ident, $b:ident => $sum:expr;)*) => {$(
        impl Sum for $type {
            fn add(self, other: Self) -> Self { let ($a, $b) = (self, other); $sum }
        }
    )*};
}
sums! {
    u8: a, b => a.wrapping_add(b);
    u16: a, b => a.wrapping_add(b);
    i32: a, b => a.wrapping_add(b);
    f64: a, b => a + b;
}

// Functions of their own: what stands in one place is compiled for that place alone. The bound comes from outside, so each index
// is tested, once or each time, as the compiler can prove.

#[inline(never)]
fn sum_slice<T: Sum>(slice: &[T], len: usize, zero: T) -> T {
    let mut sum = zero;
    for i in 0..len {
        sum = sum.add(slice[i]);
    }
    sum
}

#[inline(never)]
fn sum_cells<T: Sum>(slice: &[Cell<T>], len: usize, zero: T) -> T {
    let mut sum = zero;
    for i in 0..len {
        sum = sum.add(slice[i].get());
    }
    sum
}

#[inline(never)]
fn sum_elements<T: Sum>(elements: Elements<'_, T>, len: usize, zero: T) -> T {
    let mut sum = zero;
    for i in 0..len {
        let Some(element) = elements.get(i) else {
            panic!("{i} is beyond the view")
        };
        sum = sum.add(element);
    }
    sum
}

#[inline(never)]
fn sum_iterator<T: Sum>(elements: Elements<'_, T>, zero: T) -> T {
    elements.iter().fold(zero, Sum::add)
}

#[inline(never)]
fn sum_single<T: Sum>(h: &Heap<Js>, view: Gc<'_, Typed>, len: usize, zero: T) -> T {
    let mut sum = zero;
    for i in 0..len {
        match view.element::<T>(h, i) {
            Ok(element) => sum = sum.add(element),
            Err(error) => panic!("{error}"),
        }
    }
    sum
}

#[inline(never)]
fn sum_backing<T: Sum>(backing: &Backing, view: &View, len: usize, zero: T) -> T {
    let mut sum = zero;
    for i in 0..len {
        match view.get::<T>(backing, i) {
            Ok(element) => sum = sum.add(element),
            Err(error) => panic!("{error}"),
        }
    }
    sum
}

#[inline(never)]
fn store_slice<T: Copy>(slice: &mut [T], len: usize, value: T) {
    for i in 0..len {
        slice[i] = value;
    }
}

#[inline(never)]
fn store_elements<T: Element>(elements: Elements<'_, T>, len: usize, value: T) {
    for i in 0..len {
        if !elements.set(i, value) {
            panic!("{i} is beyond the view");
        }
    }
}

#[inline(never)]
fn store_single<T: Element>(h: &Heap<Js>, view: Gc<'_, Typed>, len: usize, value: T) {
    for i in 0..len {
        if let Err(error) = view.set_element(h, i, value) {
            panic!("{error}");
        }
    }
}

fn loops<T: Sum>(h: &mut Heap<Js>, name: &str, zero: T) {
    let buffer = ArrayBuffer::new(ELEMENTS * size_of::<T>()).expect("memory");
    let h = &*h;
    let buffer = h.alloc::<Buffer>(BufferInit {
        bytes: h.adopt_buffer(buffer),
    });
    let view = View::new(buffer.bytes().get(h), T::TYPE, 0, None, 0).expect("aligned");
    let view = h.alloc::<Typed>(TypedInit { buffer, view });
    let mut slice = vec![zero; ELEMENTS];
    let cells: Vec<Cell<T>> = slice.iter().copied().map(Cell::new).collect();
    let elements = view.elements::<T>(h).expect("its type");
    let len = black_box(ELEMENTS);

    println!("{name}: a million elements");
    let slice_ns = per_element(|| _ = black_box(sum_slice(black_box(&slice), len, zero)));
    line("read: slice[i]", slice_ns, slice_ns);
    let ns = per_element(|| _ = black_box(sum_cells(black_box(&cells), len, zero)));
    line("read: slice of cells[i]", ns, slice_ns);
    let ns = per_element(|| _ = black_box(sum_elements(black_box(elements), len, zero)));
    line("read: elements.get(i)", ns, slice_ns);
    let ns = per_element(|| _ = black_box(sum_iterator(black_box(elements), zero)));
    line("read: elements.iter()", ns, slice_ns);
    let backing = Typed::backing(view, h);
    let ns = per_element(|| _ = black_box(sum_backing(black_box(backing), &view.view(), len, zero)));
    line("read: view.get(backing, i)", ns, slice_ns);
    let ns = per_element(|| _ = black_box(sum_single(h, black_box(view), len, zero)));
    line("read: object.element(h, i)", ns, slice_ns);
    let slice_ns = per_element(|| store_slice(black_box(&mut slice), len, zero));
    line("store: slice[i]", slice_ns, slice_ns);
    let ns = per_element(|| store_elements(black_box(elements), len, zero));
    line("store: elements.set(i)", ns, slice_ns);
    let ns = per_element(|| store_single(h, black_box(view), len, zero));
    line("store: object.set_element(h, i)", ns, slice_ns);
}

fn linear_memory() {
    let memory = LinearMemory::new((ELEMENTS * 4 / (64 << 10)) as u64, None).expect("memory");
    let slice = vec![0_i32; ELEMENTS];
    let len = black_box(ELEMENTS);
    println!("linear memory: a million i32");
    let slice_ns = per_element(|| _ = black_box(sum_slice(black_box(&slice), len, 0)));
    line("read: slice[i]", slice_ns, slice_ns);
    let sum = |memory: &LinearMemory| {
        let mut sum = 0_i32;
        for i in 0..len {
            sum = sum.wrapping_add(memory.load(4 * i as u64).expect("within"));
        }
        sum
    };
    let ns = per_element(|| _ = black_box(sum(black_box(&memory))));
    line("read: memory.load(address)", ns, slice_ns);
    let view = tenure_resource::buffer::ByteView::new(&memory, 0, None, 0).expect("all");
    let sum = |memory: &LinearMemory| {
        let mut sum = 0_i32;
        for i in 0..len {
            sum = sum.wrapping_add(view.get(memory, 4 * i, Endian::Big).expect("within"));
        }
        sum
    };
    let ns = per_element(|| _ = black_box(sum(black_box(&memory))));
    line("read: byte view, big-endian", ns, slice_ns);
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Writes to each page, so that there is something to give back.
fn touch(buffer: &mut ArrayBuffer) {
    for page in buffer.bytes_mut().expect("attached").chunks_mut(4096) {
        page[0] = 1;
    }
}

fn memory() {
    println!("memory");
    let start = Instant::now();
    let mut buffer = ArrayBuffer::new(1024 * MIB).expect("1 GiB");
    println!(
        "  make 1 GiB                                  {:>8.3} ms",
        ms(start.elapsed())
    );
    let start = Instant::now();
    touch(&mut buffer);
    println!(
        "  touch its pages                             {:>8.3} ms",
        ms(start.elapsed())
    );
    let start = Instant::now();
    drop(buffer);
    println!(
        "  drop it at once                             {:>8.3} ms",
        ms(start.elapsed())
    );
    for piece in [1, 4, 8, 16] {
        let mut buffer = ArrayBuffer::new(1024 * MIB).expect("1 GiB");
        touch(&mut buffer);
        let (mut total, mut longest) = (Duration::ZERO, Duration::ZERO);
        loop {
            let start = Instant::now();
            let done = buffer.release_some(piece * MIB);
            let took = start.elapsed();
            total += took;
            longest = longest.max(took);
            if done {
                break;
            }
        }
        println!(
            "  release it in pieces of {piece:>2} MiB              {:>8.3} ms in all, {:.3} ms the longest",
            ms(total),
            ms(longest)
        );
    }
    let mut memory = LinearMemory::new(1, None).expect("a page");
    let (start, mut longest) = (Instant::now(), Duration::ZERO);
    for _ in 0..4095 {
        let start = Instant::now();
        memory.grow(1, 0).expect("256 MiB");
        longest = longest.max(start.elapsed());
    }
    println!(
        "  grow a memory to 256 MiB, page by page      {:>8.3} ms in all, {:.3} ms the longest",
        ms(start.elapsed()),
        ms(longest)
    );
    let start = Instant::now();
    memory.grow(4096, 0).expect("512 MiB");
    println!(
        "  grow it to 512 MiB at once                  {:>8.3} ms",
        ms(start.elapsed())
    );
}

/// Runs a program that allocates and polls, and returns the longest time between two polls.
fn longest_poll(h: &mut Heap<Js>, polls: usize) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..polls {
        let start = Instant::now();
        {
            let h = &*h;
            if let Some(view) = h.roots().view.get() {
                h.alloc::<Typed>(TypedInit {
                    buffer: view.buffer(),
                    view: view.view(),
                });
            }
        }
        h.safepoint();
        longest = longest.max(start.elapsed());
    }
    longest
}

fn set_small(h: &Heap<Js>) {
    let small = ArrayBuffer::new(8).expect("8 bytes");
    let buffer = h.alloc::<Buffer>(BufferInit {
        bytes: h.adopt_buffer(small),
    });
    let view = View::new(buffer.bytes().get(h), ElementType::U8, 0, None, 0).expect("within");
    h.roots().view.set(Some(h.alloc::<Typed>(TypedInit { buffer, view })));
}

fn deaths(h: &mut Heap<Js>) {
    println!("deaths: the longest turn of a loop that allocates and polls, 5 million turns");
    set_small(h);
    println!(
        "  nothing dies                                {:>8.3} ms",
        ms(longest_poll(h, 5_000_000))
    );
    for (count, each) in [(1, 1024), (64, 16), (16_384, 0)] {
        h.scope(|h| {
            let mut kept = Vec::new();
            for _ in 0..count {
                let mut bytes = ArrayBuffer::new(if each > 0 { each * MIB } else { 64 << 10 }).expect("1 GiB in all");
                touch(&mut bytes);
                let buffer = h.alloc::<Buffer>(BufferInit {
                    bytes: h.adopt_buffer(bytes),
                });
                kept.push(h.global::<Ref<Buffer>>(buffer));
            }
            longest_poll(h, 1_000_000);
        });
        h.start_marking();
        let longest = longest_poll(h, 5_000_000);
        let left_bytes = h.statistics().sizes.external_bytes;
        let size = if each > 0 {
            format!("{each} MiB")
        } else {
            "64 KiB".into()
        };
        println!(
            "  {count:>6} of {size:<8} die                      {:>8.3} ms, {left_bytes} bytes left",
            ms(longest)
        );
        h.collect();
    }
    let worst = h.pauses().max_ns().unwrap_or(0);
    println!(
        "  the longest pause of the collector itself   {:>8.3} ms",
        worst as f64 / 1e6
    );
}

fn main() -> Result<(), HeapError> {
    let config = || HeapConfig::new();
    Isolate::<Js>::new(config(), RootsInit { view: None })?.enter(|h| {
        loops::<u8>(h, "u8", 0);
        loops::<u16>(h, "u16", 0);
        loops::<i32>(h, "i32", 0);
        loops::<f64>(h, "f64", 0.0);
    });
    linear_memory();
    memory();
    Isolate::<Js>::new(config(), RootsInit { view: None })?.enter(deaths);
    Ok(())
}
