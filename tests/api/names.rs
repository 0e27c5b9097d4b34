//! Models and kinds with names that the macros might use themselves.

use tenure::prelude::*;

mod short {
    use super::*;

    #[derive(Kind)]
    #[tail(Slot<Dyn<T>>)]
    struct R {
        first: Slot<Opt<F>>,
    }
    #[derive(Field)]
    struct Part {
        value: Slot<Dyn<T>>,
    }
    #[derive(Kind)]
    struct F {
        value: Slot<Dyn<T>>,
        part: Part,
    }
    #[derive(Roots)]
    struct Roots {
        list: Root<Dyn<T>>,
    }
    object_model! { model T { roots: Roots, kinds: [R, F] } }

    #[test]
    fn a_model_can_be_called_t() {
        let mut isolate = Isolate::<T>::new(HeapConfig::new(), RootsInit { list: Value::nil() }).unwrap();
        isolate.enter(|h| {
            let f = h.alloc::<F>(FInit {
                value: Value::nil(),
                part: PartInit { value: Value::int(2) },
            });
            f.set_value(h, Value::int(1));
            let r = h.alloc_tail::<R>(1, RInit { first: None }, |_| f.into());
            r.set_first(h, Some(f));
            h.roots().list.set(r.into());
            h.collect();
            let r = h.roots().list.get().cast::<R>().unwrap();
            let f = r.first().unwrap();
            assert_eq!(r.tail_get(0).cast::<F>(), Some(f));
            assert_eq!((f.value().as_int(), f.part().value.get().as_int()), (Some(1), Some(2)));
        });
    }
}

mod hidden {
    use super::*;

    #[derive(Kind)]
    #[tail(Slot<Dyn<__M>>)]
    struct Pair {
        car: Slot<Dyn<__M>>,
    }
    #[derive(Kind)]
    struct __ModelOfPair {
        pair: Slot<Opt<Pair>>,
    }
    #[derive(Roots)]
    struct Roots {
        list: Root<Dyn<__M>>,
    }
    object_model! { model __M { roots: Roots, kinds: [Pair, __ModelOfPair] } }

    #[test]
    fn a_model_can_be_called_like_a_parameter() {
        let mut isolate = Isolate::<__M>::new(HeapConfig::new(), RootsInit { list: Value::nil() }).unwrap();
        isolate.enter(|h| {
            let pair = h.alloc_tail::<Pair>(1, PairInit { car: Value::nil() }, |_| Value::int(2));
            pair.set_car(h, Value::int(1));
            let owner = h.alloc::<__ModelOfPair>(__ModelOfPairInit { pair: None });
            owner.set_pair(h, Some(pair));
            h.roots().list.set(owner.into());
            h.collect();
            let pair = h
                .roots()
                .list
                .get()
                .cast::<__ModelOfPair>()
                .and_then(|owner| owner.pair())
                .unwrap();
            assert_eq!((pair.car().as_int(), pair.tail_get(0).as_int()), (Some(1), Some(2)));
        });
    }
}

mod unused {
    macro_rules! kind {
        ($name:ident) => {
            #[derive(tenure::Kind)]
            pub(super) struct $name {
                pub(super) number: u32,
            }
        };
    }

    /// The accessors of a kind are no reason for a warning, even if a macro of the user's made the kind and they are not
    /// used.
    #[deny(dead_code)]
    mod made {
        kind!(Data);
        tenure::object_model! { pub(super) model DataModel { kinds: [Data] } }
    }

    #[test]
    fn accessors_need_not_be_used() {
        use tenure::prelude::*;
        let mut isolate = Isolate::<made::DataModel>::new(HeapConfig::new(), NoRootsInit {}).unwrap();
        let number = isolate.enter(|h| h.alloc::<made::Data>(made::DataInit { number: 3 }).get().number);
        assert_eq!(number, 3);
    }
}
