//! Small functions whose machine code is checked: `cargo rustc --release -p tenure --example asm -- --emit asm`.
//!
//! Each function is one fast path and nothing else. Run as a program, it calls them all.

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names say it")]

use std::hint::black_box;
use tenure::prelude::*;

#[derive(Kind, Debug)]
pub struct Pair {
    pub car: Slot<Dyn<Lox>>,
    pub cdr: Slot<Dyn<Lox>>,
}
#[derive(Kind, Debug)]
pub struct Node {
    pub left: Slot<Opt<Node>>,
    pub right: Slot<Opt<Node>>,
}
#[derive(Kind, Debug)]
#[tail(Slot<Dyn<Lox>>)]
pub struct Array {}

#[derive(Roots, Debug)]
pub struct Roots {
    pub value: Root<Dyn<Lox>>,
    pub node: Root<Opt<Node>>,
}
object_model! { pub model Lox { roots: Roots, kinds: [Pair, Node, Array] } }

#[inline(never)]
pub fn asm_alloc_pair(h: &mut Heap<Lox>) -> Gc<'_, Pair> {
    h.alloc_with::<Pair>(|_| PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    })
    .1
}

#[inline(never)]
pub fn asm_alloc_values<'h>(h: &'h mut Heap<Lox>, car: Value<'static, Lox>, cdr: Value<'static, Lox>) -> Gc<'h, Pair> {
    h.alloc_with::<Pair>(|_| PairInit { car, cdr }).1
}

#[inline(never)]
pub fn asm_alloc_node_from_roots(h: &mut Heap<Lox>) {
    let (h, node) = h.alloc_with::<Node>(|h| NodeInit {
        left: h.roots().node.get(),
        right: None,
    });
    h.roots().node.set(Some(node));
}

#[inline(never)]
pub fn asm_alloc_loop(h: &mut Heap<Lox>, count: usize) {
    for _ in 0..count {
        let (h, node) = h.alloc_with::<Node>(|_| NodeInit {
            left: None,
            right: None,
        });
        h.roots().node.set(Some(node));
    }
}

#[inline(never)]
pub fn asm_alloc_region<'h>(h: &'h Heap<Lox>, left: Gc<'h, Node>) -> Gc<'h, Node> {
    h.alloc::<Node>(NodeInit {
        left: Some(left),
        right: None,
    })
}

#[inline(never)]
pub fn asm_get_field<'h>(p: Gc<'h, Pair>) -> Value<'h, Lox> {
    p.cdr()
}

#[inline(never)]
pub fn asm_set_field<'h>(h: &'h Heap<Lox>, p: Gc<'h, Pair>, v: Value<'h, Lox>) {
    p.set_cdr(h, v);
}

#[inline(never)]
pub fn asm_set_slot<'h>(h: &'h Heap<Lox>, p: Gc<'h, Pair>, v: Value<'h, Lox>) {
    p.get().cdr.set(h, v);
}

#[inline(never)]
pub fn asm_tail_set<'h>(h: &'h Heap<Lox>, p: Gc<'h, Array>, i: usize, v: Value<'h, Lox>) {
    p.tail_set(h, i, v);
}

#[inline(never)]
pub fn asm_cast<'h>(v: Value<'h, Lox>) -> Option<Gc<'h, Pair>> {
    v.cast::<Pair>()
}

#[inline(never)]
pub fn asm_move_register(h: &Heap<Lox>, to: u8, from: u8) {
    let r = h.regs();
    r[to as usize].set(r[from as usize].get());
}

#[inline(never)]
pub fn asm_safepoint(h: &mut Heap<Lox>) {
    h.safepoint();
}

fn main() {
    let roots = RootsInit {
        value: Value::nil(),
        node: None,
    };
    let mut isolate = Isolate::<Lox>::new(HeapConfig::new(), roots).expect("the default heap can be made");
    isolate.enter(|h| {
        asm_alloc_loop(h, black_box(1_000_000));
        asm_alloc_node_from_roots(h);
        asm_safepoint(h);
        let pair = asm_alloc_values(h, black_box(Value::nil()), black_box(Value::int(4)));
        assert_eq!(pair.cdr(), Value::int(4));
        let pair = black_box(asm_alloc_pair(h)).to_value();
        assert!(asm_cast(pair).is_some());
        let h = &*h;
        let pair = h.alloc::<Pair>(PairInit {
            car: Value::nil(),
            cdr: Value::int(1),
        });
        asm_set_field(h, black_box(pair), black_box(Value::int(2)));
        assert_eq!(asm_get_field(pair), Value::int(2));
        asm_set_slot(h, pair, black_box(Value::int(3)));
        h.regs()[1].set(asm_get_field(pair));
        asm_move_register(h, black_box(2), black_box(1));
        assert_eq!(h.regs()[2].get(), Value::int(3));
        let array = h.alloc_tail_zeroed::<Array>(8, ArrayInit {});
        asm_tail_set(h, array, black_box(7), pair.to_value());
        assert_eq!(array.tail_get(7), pair.to_value());
        let node = h.alloc::<Node>(NodeInit {
            left: None,
            right: None,
        });
        assert_eq!(asm_alloc_region(h, node).left(), Some(node));
    });
}
