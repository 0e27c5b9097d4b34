// A list program: build, reverse in place, map, sum, over real collections.
#![forbid(unsafe_code)]
use tenure::prelude::*;

#[derive(Kind)]
struct Cons {
    head: Slot<Dyn<Lists>>,
    rest: Slot<Opt<Cons>>,
}
#[derive(Roots)]
struct Roots {
    list: Root<Opt<Cons>>,
    made: Root<Opt<Cons>>,
}
object_model! { model Lists { roots: Roots, kinds: [Cons] } }

fn build(h: &mut Heap<Lists>, count: i64) {
    for i in 0..count {
        let (h, cons) = h.alloc_with::<Cons>(|h| ConsInit {
            head: Value::int(i),
            rest: h.roots().list.get(),
        });
        h.roots().list.set(Some(cons));
    }
}

fn sum(h: &Heap<Lists>) -> i64 {
    let (mut next, mut total) = (h.roots().list.get(), 0);
    while let Some(cons) = next {
        total += cons.head().as_int().unwrap_or(0);
        next = cons.rest();
    }
    total
}

fn reverse(h: &Heap<Lists>) {
    let (mut done, mut next) = (None, h.roots().list.get());
    while let Some(cons) = next {
        next = cons.rest();
        cons.set_rest(h, done);
        done = Some(cons);
    }
    h.roots().list.set(done);
}

/// Each step may collect, so the two cursors are locals.
fn map(h: &mut Heap<Lists>, f: impl Fn(i64) -> i64) {
    h.scope(|s| {
        let source = s.local_of::<Opt<Cons>>(s.roots().list.get());
        let last = s.empty::<Opt<Cons>>();
        while let Some(head) = source.get(s).map(|cons| cons.head().as_int().unwrap_or(0)) {
            let (h, made) = s.alloc_with::<Cons>(|_| ConsInit {
                head: Value::int(f(head)),
                rest: None,
            });
            match last.get(h) {
                Some(last) => last.set_rest(h, Some(made)),
                None => h.roots().made.set(Some(made)),
            }
            last.set(h, Some(made));
            source.set(h, source.get(h).and_then(|cons| cons.rest()));
        }
        s.roots().list.set(s.roots().made.get());
        s.roots().made.set(None);
    });
}

fn main() {
    let config = HeapConfig::new().semi_space_bytes(64 << 10);
    let mut isolate = Isolate::<Lists>::new(config, RootsInit { list: None, made: None }).unwrap();
    isolate.enter(|h| {
        build(h, 20_000);
        assert_eq!(sum(h), 199_990_000);
        reverse(h);
        map(h, |i| i * 2);
        h.collect();
        assert_eq!(sum(h), 399_980_000);
        assert_eq!(h.roots().list.get().and_then(|cons| cons.head().as_int()), Some(0));
        h.verify().unwrap();
        assert!(h.statistics().minor_collections > 0);
    });
}
