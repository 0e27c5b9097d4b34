//! Attacks on the facade at run time: what the type system leaves to a check, a panic or the order of steps.
//!
//! Every test runs with the verifier after each collection.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use tenure::policy::promotion::PromotionChoice;
use tenure::prelude::*;

#[path = "api/isolates.rs"]
mod isolates;
#[path = "api/limits.rs"]
mod limits;
#[path = "api/names.rs"]
mod names;
#[path = "api/objects.rs"]
mod objects;
#[path = "api/regions.rs"]
mod regions;
#[path = "api/stores.rs"]
mod stores;
#[path = "api/values.rs"]
mod values;

#[derive(Kind)]
struct Pair {
    car: Slot<Dyn<Lox>>,
    cdr: Slot<Dyn<Lox>>,
}
#[derive(Kind)]
struct Node {
    id: u64,
    next: Slot<Opt<Node>>,
}
#[derive(Kind)]
#[tail(Slot<Dyn<Lox>>)]
struct Array {
    id: u32,
}
#[derive(Kind)]
#[tail(u16)]
struct Shorts {}
#[derive(Kind)]
#[tail(Frozen<u8>)]
struct Text {
    hash: u32,
}
#[derive(Kind)]
#[tail(Plain<(u8, u32)>)]
struct Records {}
#[derive(Kind)]
#[kind(pinned)]
struct Code {
    entry: u64,
    constants: Slot<Opt<Array>>,
}
#[derive(Field)]
struct Point {
    flag: bool,
    owner: Slot<Dyn<Lox>>,
    weight: f64,
}
#[derive(Kind)]
struct Shape {
    kind: u8,
    corners: [Point; 3],
    hits: Cell<u32>,
    names: [Slot<Opt<Node>>; 2],
    extra: Plain<Option<u16>>,
}
#[derive(Kind)]
struct Wide {
    first: Slot<Dyn<Lox>>,
    gap: [u64; 40],
    middle: [Slot<Opt<Node>>; 200],
    last: Slot<Dyn<Lox>>,
}
/// A kind whose prefix has a slot and whose tail is plain.
#[derive(Kind)]
#[tail(u8)]
struct Blob {
    owner: Slot<Opt<Node>>,
}
#[derive(Kind)]
struct Unit;

#[derive(Roots)]
struct Roots {
    value: Root<Dyn<Lox>>,
    counter: Cell<u64>,
    node: Root<Opt<Node>>,
    spare: [Root<Dyn<Lox>>; 3],
}
object_model! {
    /// The model of these tests.
    model Lox {
        values: LowTag,
        roots: Roots,
        kinds: [Pair, Node, Array, Shorts, Text, Records, Code, Shape, Wide, Blob, Unit],
    }
}

#[derive(Kind)]
struct Boxed {
    value: Slot<Dyn<Js>>,
}
object_model! { model Js { values: NanBox, kinds: [Boxed] } }

#[derive(Kind)]
struct Wrapped {
    value: Slot<Dyn<Wide50>>,
}
object_model! { model Wide50 { values: NanBox50, kinds: [Wrapped] } }

fn config() -> HeapConfig {
    HeapConfig::new()
        .semi_space_bytes(256 << 10)
        .verify_heap(true)
        .poison(true)
}

fn isolate_with(config: HeapConfig) -> Isolate<Lox> {
    let roots = RootsInit {
        value: Value::nil(),
        counter: 0,
        node: None,
        spare: [Value::nil(); 3],
    };
    Isolate::new(config, roots).unwrap()
}

fn isolate() -> Isolate<Lox> {
    isolate_with(config())
}

fn panics(f: impl FnOnce()) -> String {
    let error = catch_unwind(AssertUnwindSafe(f)).expect_err("this panics");
    match error.downcast::<String>() {
        Ok(text) => *text,
        Err(error) => error
            .downcast::<&'static str>()
            .expect("a panic with a text")
            .to_string(),
    }
}

/// Two minor collections promote whatever survives, under the default policy.
fn promote(h: &mut Heap<Lox>) {
    h.collect_minor();
    h.collect_minor();
}

fn pair(h: &Heap<Lox>) -> Gc<'_, Pair> {
    h.alloc::<Pair>(PairInit {
        car: Value::nil(),
        cdr: Value::nil(),
    })
}

fn shape(h: &Heap<Lox>) -> Gc<'_, Shape> {
    let corner = |weight| PointInit {
        flag: true,
        owner: Value::int(weight as i64),
        weight,
    };
    h.alloc::<Shape>(ShapeInit {
        kind: 3,
        corners: [corner(1.0), corner(2.0), corner(3.0)],
        hits: 0,
        names: [None, None],
        extra: Some(7),
    })
}

#[test]
fn a_program_runs_the_same_under_stress_and_every_policy() {
    let policies = [
        PromotionChoice::default(),
        PromotionChoice::AgeMark,
        PromotionChoice::All,
        PromotionChoice::Never,
        PromotionChoice::Adaptive,
    ];
    for (policy, interval) in policies.into_iter().flat_map(|p| [(p, 0), (p, 1), (p, 7)]) {
        let config = config()
            .semi_space_bytes(32 << 10)
            .promotion(policy)
            .gc_interval(interval)
            .mark_stack_entries(1);
        isolate_with(config).enter(|h| {
            for id in 0..300_u64 {
                let (region, node) = h.alloc_with::<Node>(|h| NodeInit {
                    id,
                    next: h.roots().node.get(),
                });
                region.roots().node.set(Some(node));
                if id % 10 == 0 {
                    let (region, array) = h.alloc_tail_with::<Array>(
                        20,
                        |_| ArrayInit { id: id as u32 },
                        |h, i| {
                            if i % 2 == 0 {
                                h.roots().value.get()
                            } else {
                                h.roots().node.get().into()
                            }
                        },
                    );
                    region.roots().value.set(array.into());
                }
                h.safepoint();
            }
            let (mut next, mut id) = (h.roots().node.get(), 300);
            while let Some(node) = next {
                id -= 1;
                assert_eq!(node.id(), id);
                next = node.next();
            }
            assert_eq!(id, 0);
            let (mut value, mut arrays) = (h.roots().value.get(), 0);
            while let Some(array) = value.cast::<Array>() {
                arrays += 1;
                assert_eq!(array.id(), 300 - arrays * 10);
                assert_eq!(
                    array.tail_get(19).cast::<Node>().map(|n| n.id()),
                    Some(u64::from(array.id()))
                );
                value = array.tail_get(18);
            }
            assert_eq!(arrays, 30);
        });
    }
}
