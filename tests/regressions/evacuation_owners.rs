//! Slots of owners that die before they are corrected, and of young large objects, in a model whose objects begin with
//! slots.

use super::evacuation::{BARRIERS, TICK_NS, evacuating, moved};
use super::with;
use tenure::prelude::*;

/// A model with slots first in its objects, numbers after them, and roots of its own.
mod ward {
    use tenure::prelude::*;

    #[derive(Kind)]
    pub(super) struct Cons {
        pub(super) first: Slot<Dyn<Ward>>,
        pub(super) rest: Slot<Dyn<Ward>>,
    }
    #[derive(Kind)]
    #[kind(pinned)]
    pub(super) struct Stone {
        pub(super) any: Slot<Dyn<Ward>>,
        pub(super) next: Slot<Dyn<Ward>>,
    }
    #[derive(Kind)]
    #[tail(u64)]
    pub(super) struct Numbers {
        pub(super) any: Slot<Dyn<Ward>>,
    }
    #[derive(Kind)]
    #[tail(Slot<Dyn<Ward>>)]
    pub(super) struct Table {
        pub(super) any: Slot<Dyn<Ward>>,
    }
    #[derive(Roots)]
    pub(super) struct Roots {
        pub(super) count: u64,
        pub(super) first: Root<Dyn<Ward>>,
        pub(super) second: Root<Opt<Cons>>,
    }
    object_model! { pub(super) model Ward { roots: Roots, kinds: [Cons, Stone, Numbers, Table] } }
}

use ward::{
    Cons, ConsFields, ConsInit, Numbers, NumbersFields, NumbersInit, Stone, StoneFields, StoneInit, Table, TableFields,
    TableInit, Ward,
};

fn ward(config: HeapConfig) -> Isolate<Ward> {
    let roots = ward::RootsInit {
        count: 0,
        first: Value::nil(),
        second: None,
    };
    Isolate::new(config, roots).expect("a heap")
}

fn ward_slice(h: &mut Heap<Ward>) {
    let now_ns = h.now_ns();
    h.step(now_ns + 2 * TICK_NS);
}

/// Marks until only evacuation and sweeping are left.
fn ward_mark(h: &mut Heap<Ward>) {
    let majors = h.statistics().major_collections;
    h.start_marking();
    for _ in 0..10_000 {
        if h.statistics().major_collections > majors {
            return;
        }
        ward_slice(h);
    }
    panic!("marking does not end");
}

/// Makes a list of `count` conses and promotes it: it is in the root `first` then.
fn ward_list(h: &mut Heap<Ward>, count: i64) {
    for i in 0..count {
        let (h, cons) = h.alloc_with::<Cons>(|h| ConsInit {
            first: Value::int(i),
            rest: h.roots().first.get(),
        });
        h.roots().first.set(cons.to_value());
    }
    h.collect();
}

fn cons(value: Value<'_, Ward>) -> Gc<'_, Cons> {
    value.cast::<Cons>().expect("a cons")
}

/// What an object's word would be.
fn address(value: Value<'_, Ward>) -> u64 {
    let text = format!("{value:?}");
    let (_, digits) = text.split_once("@0x").expect("an address");
    u64::from_str_radix(digits, 16).expect("a hexadecimal number")
}

#[test]
fn numbers_where_a_dead_owner_was_are_not_taken_for_references() {
    for barrier in BARRIERS {
        let (config, listener) = evacuating(barrier);
        ward(with(config, "promotion", "all")).enter(|h| {
            let region = &*h;
            for _ in 0..9000 {
                let (any, next) = (Value::nil(), region.regs()[0].get());
                let stone = region.alloc::<Stone>(StoneInit { any, next });
                region.regs()[0].set(stone.to_value());
            }
            ward_list(h, 40_000);
            let region = &*h;
            let mut words = Vec::new();
            let (mut stone, mut list) = (region.regs()[0].get(), region.roots().first.get());
            while let Some(here) = stone.cast::<Stone>() {
                here.set_any(region, list);
                words.push(address(list));
                stone = here.next();
                list = cons(cons(list).rest()).rest();
            }
            h.regs()[0].set(Value::nil());
            let before = moved(&listener);
            h.start_marking();
            h.collect_minor();
            ward_mark(h);
            h.verify().expect("a sound heap");
            // Where the stones were. Each number is the address of something that moves.
            for i in 0..1200 {
                let (h, numbers) = h.alloc_tail_with::<Numbers>(
                    30,
                    |h| NumbersInit { any: h.regs()[0].get() },
                    |_, k| words[(i * 30 + k) % words.len()],
                );
                h.regs()[0].set(numbers.to_value());
            }
            h.collect_minor();
            while h.step(u64::MAX) == tenure::Progress::More {}
            assert!(moved(&listener) > before + 10_000);
            h.verify().expect("a sound heap");
            let mut next = h.regs()[0].get();
            for i in (0..1200).rev() {
                let numbers = next.cast::<Numbers>().expect("numbers");
                for (k, word) in numbers.tail().iter().enumerate() {
                    assert_eq!(
                        word.get(),
                        words[(i * 30 + k) % words.len()],
                        "{barrier}: number {k} of {i}"
                    );
                }
                next = numbers.any();
            }
        });
    }
}

#[test]
fn a_young_large_object_with_few_slots_is_corrected() {
    for barrier in BARRIERS {
        for minor in [false, true] {
            for dies in [false, true] {
                let (config, listener) = evacuating(barrier);
                ward(config).enter(|h| {
                    ward_list(h, 40_000);
                    let before = moved(&listener);
                    ward_mark(h);
                    let region = &*h;
                    let numbers = region.alloc_tail::<Numbers>(20_000, NumbersInit { any: Value::nil() }, |i| i as u64);
                    numbers.set_any(region, region.roots().first.get());
                    region.roots().second.set(region.roots().first.get().cast());
                    if !dies {
                        region.regs()[0].set(numbers.to_value());
                    }
                    // In the old generation, and so is what it refers to.
                    let stone = region.alloc::<Stone>(StoneInit {
                        any: cons(region.roots().first.get()).rest(),
                        next: numbers.to_value(),
                    });
                    region.regs()[1].set(if dies { Value::nil() } else { stone.to_value() });
                    h.verify().expect("a sound heap");
                    if minor {
                        h.collect_minor();
                        h.verify().expect("a sound heap");
                    }
                    while h.step(h.now_ns() + 2 * TICK_NS) == tenure::Progress::More {
                        h.verify().expect("a sound heap");
                    }
                    assert!(moved(&listener) > before + 10_000);
                    let list = h.roots().first.get();
                    assert_eq!(cons(list).first().as_int(), Some(39_999));
                    assert_eq!(h.roots().second.get().map(Gc::to_value), Some(list));
                    if !dies {
                        let numbers = h.regs()[0].get().cast::<Numbers>().expect("numbers");
                        assert_eq!(numbers.any(), list);
                        let stone = h.regs()[1].get().cast::<Stone>().expect("a stone");
                        assert_eq!((stone.any(), stone.next()), (cons(list).rest(), numbers.to_value()));
                    }
                    h.collect();
                    h.verify().expect("a sound heap");
                });
            }
        }
    }
}

#[test]
fn pages_of_a_dead_owner_are_not_looked_at() {
    // Without incremental marking, what is dead and large is given back by the next minor collection.
    for barrier in BARRIERS {
        let (config, listener) = evacuating(barrier);
        ward(config.incremental_marking(false)).enter(|h| {
            ward_list(h, 40_000);
            let region = &*h;
            let table = region.alloc_tail_zeroed::<Table>(30_000, TableInit { any: Value::nil() });
            region.regs()[0].set(table.to_value());
            h.collect_minor();
            let before = moved(&listener);
            let region = &*h;
            let table = region.regs()[0].get().cast::<Table>().expect("a table");
            let mut list = region.roots().first.get();
            // Not so many for each block that it is given up.
            for i in 0..10_000 {
                table.tail_set(region, i * 3, list);
                list = cons(cons(cons(list).rest()).rest()).rest();
            }
            region.regs()[0].set(Value::nil());
            h.start_marking();
            h.collect_minor();
            let majors = h.statistics().major_collections;
            while h.statistics().major_collections == majors {
                h.idle_step(u64::MAX);
            }
            h.collect_minor();
            assert_eq!(h.statistics().sizes.large_committed_bytes, 0, "{barrier}");
            h.collect();
            assert!(moved(&listener) > before + 10_000);
            h.verify().expect("a sound heap");
        });
    }
}

#[test]
fn what_a_large_object_is_filled_with_at_birth_is_found() {
    // By the next minor collection; by a cycle and an evacuation that come before it.
    for barrier in BARRIERS {
        for (young, filled, minor) in [
            (true, true, true),
            (true, false, true),
            (false, true, false),
            (false, false, false),
        ] {
            let (config, _) = evacuating(barrier);
            ward(config).enter(|h| {
                ward_list(h, 2000);
                let region = &*h;
                // Leaves a list of two: nothing but the new object refers to the others.
                let list = region.roots().first.get();
                let others = cons(cons(list).rest()).rest();
                cons(cons(list).rest()).set_rest(region, Value::nil());
                let made = |i: usize| {
                    if young {
                        let first = Value::int(i as i64);
                        region
                            .alloc::<Cons>(ConsInit {
                                first,
                                rest: Value::nil(),
                            })
                            .to_value()
                    } else {
                        others
                    }
                };
                let init = TableInit { any: made(7) };
                let table = if filled {
                    region.alloc_tail::<Table>(20_000, init, |i| if i % 5000 == 4999 { made(i) } else { Value::nil() })
                } else {
                    region.alloc_tail_zeroed::<Table>(20_000, init)
                };
                region.regs()[0].set(table.to_value());
                for _ in 0..2 {
                    if minor {
                        h.collect_minor();
                    } else {
                        h.start_marking();
                        while h.step(u64::MAX) == tenure::Progress::More {}
                    }
                    h.verify().expect("a sound heap");
                    let table = h.regs()[0].get().cast::<Table>().expect("a table");
                    let number = |i: i64| Some(if young { i } else { 1997 });
                    assert_eq!(cons(table.any()).first().as_int(), number(7), "{barrier}");
                    for i in (4999..20_000).step_by(5000).filter(|_| filled) {
                        assert_eq!(cons(table.tail_get(i)).first().as_int(), number(i as i64), "{barrier}");
                    }
                }
            });
        }
    }
}
