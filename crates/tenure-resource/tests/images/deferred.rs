//! Deferred loading: what waits, what is served, what ends with its holder, and callbacks that do everything at once.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use proptest::prelude::*;
use tenure_resource::deferred::{DeferredLoader, DisposableContext, Outcome, RequestId, ScrollPosition, Viewport};
use tenure_resource::image_cache::{CacheLimits, ImageCache, LoadError};

use crate::{Loads, image, load};

const FAST: f64 = 1001.0;
const FRAME_NS: u64 = 16_000_000;

fn scroll() -> ScrollPosition {
    ScrollPosition::new(Viewport {
        width_px: 1000.0,
        height_px: 500.0,
    })
}

/// A cache with loads that the test ends, a loader, and a view that scrolls fast.
struct Stage {
    cache: ImageCache<u32>,
    loads: Loads,
    loader: DeferredLoader<u32>,
    scroll: ScrollPosition,
    now_ns: Cell<u64>,
    heard: Rc<RefCell<Vec<(u32, bool)>>>,
}

impl Stage {
    fn new() -> Stage {
        let cache = ImageCache::new();
        let stage = Stage {
            loader: DeferredLoader::new(&cache),
            cache,
            loads: Loads::default(),
            scroll: scroll(),
            now_ns: Cell::new(0),
            heard: Rc::default(),
        };
        stage.frame(FAST);
        stage
    }

    fn frame(&self, velocity_px_s: f64) -> usize {
        self.now_ns.set(self.now_ns.get() + FRAME_NS);
        self.scroll.moving_at(velocity_px_s, self.now_ns.get());
        self.loader.on_frame(self.now_ns.get())
    }

    fn request(&self, context: &DisposableContext, key: u32) -> (RequestId, Outcome) {
        let heard = Rc::clone(&self.heard);
        self.loader
            .request(context.weak(), key, self.loads.loader(key), move |result| {
                heard.borrow_mut().push((key, result.is_ok()));
            })
    }

    fn inside(&self) -> DisposableContext {
        DisposableContext::inside(&self.scroll)
    }

    fn complete(&self, key: u32) {
        self.loads.take(key).complete(image(4, self.cache.ledger()));
    }
}

#[test]
fn a_load_waits_until_the_scroll_slows_down() {
    let stage = Stage::new();
    let item = stage.inside();
    assert_eq!(stage.request(&item, 1).1, Outcome::Deferred);
    assert_eq!((stage.frame(FAST), stage.loads.started(1)), (0, 0));
    assert_eq!((stage.frame(-FAST), stage.loader.waiting_count()), (0, 1));
    assert_eq!((stage.frame(1000.0), stage.loads.started(1)), (1, 1));
    assert_eq!(stage.loader.waiting_count(), 0);
    stage.complete(1);
    assert_eq!(stage.heard.take(), [(1, true)]);
    assert_eq!(stage.frame(0.0), 0);
}

#[test]
fn what_does_not_scroll_or_scrolls_slowly_loads_at_once() {
    let stage = Stage::new();
    let outside = DisposableContext::new();
    assert_eq!(stage.request(&outside, 1).1, Outcome::Loading);
    stage.frame(0.0);
    let item = stage.inside();
    assert_eq!(stage.request(&item, 2).1, Outcome::Loading);
    assert_eq!((stage.loads.started(1), stage.loads.started(2)), (1, 1));
}

#[test]
fn what_the_cache_has_or_loads_or_somebody_holds_is_served_however_fast() {
    let stage = Stage::new();
    let item = stage.inside();
    load(&stage.cache, 1, 4);
    assert_eq!(stage.request(&item, 1).1, Outcome::Served);
    let _pending = stage.loads.request(&stage.cache, 2);
    assert_eq!(stage.request(&item, 2).1, Outcome::Loading);
    let held = stage.loads.request(&stage.cache, 3);
    stage.complete(3);
    stage.cache.evict(&3, false);
    assert_eq!(stage.request(&item, 3).1, Outcome::Served);
    drop(held);
    assert_eq!(
        (stage.loads.started(2), stage.heard.take()),
        (1, vec![(1, true), (3, true)])
    );
    assert_eq!(stage.loader.statistics().found, 3);
}

#[test]
fn what_appears_in_the_cache_meanwhile_is_served_at_the_next_frame() {
    let stage = Stage::new();
    let item = stage.inside();
    stage.request(&item, 1);
    load(&stage.cache, 1, 4);
    assert_eq!((stage.frame(FAST), stage.heard.take()), (1, vec![(1, true)]));
}

#[test]
fn equal_keys_share_one_load() {
    let stage = Stage::new();
    let (first, second, slow) = (stage.inside(), stage.inside(), DisposableContext::new());
    stage.request(&first, 1);
    stage.request(&second, 1);
    assert_eq!(stage.frame(0.0), 2);
    assert_eq!(stage.loads.started(1), 1);
    stage.frame(FAST);
    stage.request(&first, 2);
    assert_eq!(stage.request(&slow, 2).1, Outcome::Loading);
    assert_eq!(
        (stage.frame(FAST), stage.loads.started(2)),
        (1, 1),
        "joined though it is fast"
    );
}

#[test]
fn the_second_of_equal_keys_loads_when_the_first_is_gone() {
    let stage = Stage::new();
    let (first, second) = (stage.inside(), stage.inside());
    stage.request(&first, 1);
    stage.request(&second, 1);
    drop(first);
    assert_eq!((stage.frame(0.0), stage.loads.started(1)), (1, 1));
    stage.complete(1);
    assert_eq!(stage.heard.take(), [(1, true)]);
    assert_eq!(stage.loader.statistics().dropped, 1);
}

#[test]
fn a_request_ends_with_its_holder() {
    for dispose in [DisposableContext::dispose, |_: &DisposableContext| ()] {
        let stage = Stage::new();
        let item = stage.inside();
        stage.request(&item, 1);
        dispose(&item);
        drop(item);
        assert_eq!((stage.loader.waiting_count(), stage.frame(0.0)), (0, 0));
        assert_eq!(stage.loads.started(1), 0);
    }
}

#[test]
fn a_disposed_context_requests_nothing() {
    let stage = Stage::new();
    let item = stage.inside();
    item.dispose();
    assert_eq!(stage.request(&item, 1).1, Outcome::Disposed);
    let weak = stage.inside().weak().clone();
    assert_eq!(
        stage.loader.request(&weak, 1, |_| unreachable!(), |_| unreachable!()).1,
        Outcome::Disposed
    );
    assert_eq!((stage.frame(0.0), stage.loader.statistics().requested), (0, 0));
}

#[test]
fn a_context_holds_its_images_until_it_is_gone() {
    let stage = Stage::new();
    stage.frame(0.0);
    let item = stage.inside();
    let (id, _) = stage.request(&item, 1);
    assert!(item.image(id).is_none());
    stage.complete(1);
    assert_eq!(item.image(id).map(|image| image.size_bytes()), Some(4));
    stage.cache.clear();
    assert!(stage.cache.status(&1).is_live);
    item.dispose();
    assert!(!stage.cache.status(&1).is_live && item.image(id).is_none());
    assert_eq!(stage.cache.ledger().held_bytes(), 0);
}

#[test]
fn requests_can_be_cancelled_one_by_one() {
    let stage = Stage::new();
    let item = stage.inside();
    let (first, _) = stage.request(&item, 1);
    let (second, _) = stage.request(&item, 2);
    assert!(item.cancel(first) && !item.cancel(first));
    assert_eq!((item.request_count(), stage.frame(0.0)), (1, 1));
    assert!(item.cancel(second));
    stage.complete(2);
    assert_eq!(stage.heard.take(), [], "cancelled while it was loading");
    assert!(stage.cache.contains(&2), "the load goes on: others may want it");
}

#[test]
fn a_failed_load_reaches_the_listener_and_can_be_requested_again() {
    let stage = Stage::new();
    stage.frame(0.0);
    let item = stage.inside();
    stage.request(&item, 1);
    stage.loads.take(1).fail(LoadError::UnsupportedFormat);
    stage.request(&item, 1);
    stage.complete(1);
    assert_eq!(stage.heard.take(), [(1, false), (1, true)]);
}

#[test]
fn nothing_waits_longer_than_it_may() {
    let stage = Stage::new();
    stage.loader.set_max_wait_ns(Some(3 * FRAME_NS));
    let (early, late) = (stage.inside(), stage.inside());
    stage.request(&early, 1);
    stage.frame(FAST);
    stage.request(&late, 2);
    assert_eq!((stage.frame(FAST), stage.frame(FAST), stage.frame(FAST)), (0, 1, 1));
}

#[test]
fn without_a_cache_equal_keys_are_shared_while_held() {
    let stage = Stage::new();
    stage.cache.set_limits(CacheLimits::DISABLED);
    let (first, second) = (stage.inside(), stage.inside());
    stage.request(&first, 1);
    stage.request(&second, 1);
    assert_eq!((stage.frame(0.0), stage.loads.started(1)), (2, 1));
    stage.complete(1);
    drop((first, second));
    assert_eq!(stage.cache.ledger().held_bytes(), 0);
}

/// What a closure owns, seen from outside.
fn witness() -> (Rc<()>, Weak<()>) {
    let own = Rc::new(());
    let seen = Rc::downgrade(&own);
    (own, seen)
}

#[test]
fn what_waits_is_freed_at_once_with_the_context_without_a_frame() {
    let stage = Stage::new();
    let item = stage.inside();
    let (in_load, load_seen) = witness();
    let (in_listener, listener_seen) = witness();
    stage
        .loader
        .request(item.weak(), 1, move |_| drop(in_load), move |_| drop(in_listener));
    assert_eq!((load_seen.strong_count(), listener_seen.strong_count()), (1, 1));
    item.dispose();
    assert_eq!((load_seen.strong_count(), listener_seen.strong_count()), (0, 0));
}

#[test]
fn what_loads_lets_go_of_its_listener_with_the_context() {
    let stage = Stage::new();
    stage.frame(0.0);
    let item = stage.inside();
    let (in_listener, seen) = witness();
    stage
        .loader
        .request(item.weak(), 1, stage.loads.loader(1), move |_| drop(in_listener));
    drop(item);
    assert_eq!(seen.strong_count(), 0);
    stage.complete(1);
}

#[test]
fn a_loader_that_is_gone_frees_what_waits() {
    let stage = Stage::new();
    let item = stage.inside();
    let (in_load, seen) = witness();
    stage.loader.request(item.weak(), 1, move |_| drop(in_load), |_| ());
    let (id, _) = stage.request(&item, 2);
    let Stage { loader, .. } = stage;
    drop(loader);
    assert_eq!((seen.strong_count(), item.request_count()), (0, 0));
    assert!(!item.cancel(id));
}

#[test]
fn what_is_gone_does_not_pile_up_without_frames() {
    let stage = Stage::new();
    for key in 0..10_000 {
        drop(stage.inside());
        let item = stage.inside();
        stage.request(&item, key);
    }
    let statistics = stage.loader.statistics();
    assert!(
        statistics.peak_waiting <= 64 && statistics.dropped >= 9_900,
        "{statistics:?}"
    );
}

#[test]
fn a_listener_may_dispose_of_its_context() {
    for appears in [false, true] {
        let stage = Stage::new();
        let item = Rc::new(RefCell::new(Some(stage.inside())));
        let (weak, own) = (item.borrow().as_ref().unwrap().weak().clone(), Rc::downgrade(&item));
        stage.loader.request(&weak, 1, stage.loads.loader(1), move |_| {
            drop(own.upgrade().unwrap().borrow_mut().take());
        });
        if appears {
            load(&stage.cache, 1, 4);
            assert_eq!(stage.frame(FAST), 1);
        } else {
            stage.frame(0.0);
            stage.complete(1);
        }
        assert!(item.borrow().is_none() && weak.is_disposed());
        stage.cache.clear();
        assert_eq!(stage.cache.ledger().held_bytes(), 0);
    }
}

#[test]
fn a_load_function_may_dispose_of_its_context() {
    let stage = Stage::new();
    let item = Rc::new(RefCell::new(Some(stage.inside())));
    let (weak, own, loads) = (
        item.borrow().as_ref().unwrap().weak().clone(),
        Rc::downgrade(&item),
        stage.loads.clone(),
    );
    let start = move |completer| {
        drop(own.upgrade().unwrap().borrow_mut().take());
        loads.loader(1)(completer);
    };
    stage
        .loader
        .request(&weak, 1, start, |_| unreachable!("its context is gone"));
    assert_eq!(stage.frame(0.0), 0);
    stage.complete(1);
    assert!(stage.cache.contains(&1));
}

#[test]
fn callbacks_may_request_and_run_frames() {
    let stage = Stage::new();
    let item = Rc::new(stage.inside());
    let others = Rc::new(stage.inside());
    for key in 2..5 {
        stage.request(&others, key);
    }
    let (loader, scroll, inner, heard) = (
        stage.loader.clone(),
        stage.scroll.clone(),
        Rc::clone(&others),
        Rc::clone(&stage.heard),
    );
    let loads = stage.loads.clone();
    load(&stage.cache, 1, 4);
    stage.loader.request(
        item.weak(),
        1,
        |_| unreachable!("kept"),
        move |_| {
            heard.borrow_mut().push((1, true));
            scroll.moving_at(0.0, 2 * FRAME_NS);
            assert_eq!(loader.on_frame(2 * FRAME_NS), 3);
            let log = Rc::clone(&heard);
            loader.request(inner.weak(), 5, loads.loader(5), move |_| {
                log.borrow_mut().push((5, true))
            });
        },
    );
    assert_eq!((2..=5).map(|key| stage.loads.started(key)).collect::<Vec<_>>(), [1; 4]);
    stage.complete(5);
    assert_eq!(stage.heard.take(), [(1, true), (5, true)]);
}

#[test]
fn what_is_requested_during_a_frame_waits_behind_what_waited() {
    let stage = Stage::new();
    let (item, other) = (stage.inside(), Rc::new(stage.inside()));
    stage.request(&item, 1);
    let (loader, loads, inner) = (stage.loader.clone(), stage.loads.clone(), Rc::clone(&other));
    let requests_another = move |_| {
        assert_eq!(
            loader.request(inner.weak(), 3, loads.loader(3), |_| ()).1,
            Outcome::Deferred
        );
    };
    stage
        .loader
        .request(item.weak(), 2, |_| unreachable!("kept meanwhile"), requests_another);
    load(&stage.cache, 2, 4);
    assert_eq!((stage.frame(FAST), stage.loader.waiting_count()), (1, 2));
    assert_eq!(stage.frame(0.0), 2);
    assert_eq!((stage.loads.started(1), stage.loads.started(3)), (1, 1));
}

#[test]
fn a_frame_within_a_frame_serves_each_request_once() {
    let stage = Stage::new();
    let item = stage.inside();
    let loader = stage.loader.clone();
    let loads = stage.loads.clone();
    let start = move |completer| {
        assert_eq!(loader.on_frame(100 * FRAME_NS), 0, "the rest is the outer frame's");
        loads.loader(1)(completer);
    };
    stage.loader.request(item.weak(), 1, start, |_| ());
    for key in 2..5 {
        stage.request(&item, key);
    }
    assert_eq!(stage.frame(0.0), 4);
    assert_eq!((1..5).map(|key| stage.loads.started(key)).collect::<Vec<_>>(), [1; 4]);
}

#[test]
fn a_panic_takes_one_request_and_leaves_the_others_waiting_in_order() {
    let stage = Stage::new();
    let item = stage.inside();
    stage.loader.request(item.weak(), 1, |_| panic!("load"), |_| ());
    for key in 2..5 {
        stage.request(&item, key);
    }
    assert!(catch_unwind(AssertUnwindSafe(|| stage.frame(0.0))).is_err());
    assert_eq!((stage.loader.waiting_count(), item.request_count()), (3, 3));
    assert!(!stage.cache.status(&1).is_tracked());
    assert_eq!(stage.frame(0.0), 3);
    // Of a listener.
    stage.frame(0.0);
    load(&stage.cache, 9, 4);
    let panics = || stage.loader.request(item.weak(), 9, |_| (), |_| panic!("listener"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(item.request_count(), 3);
}

#[derive(Debug, Clone)]
enum Op {
    Open { fast_view: bool },
    Close(usize),
    Request { context: usize, key: u32 },
    Cancel(usize),
    Frame { is_fast: bool },
    Complete(u32),
    Fail(u32),
    Evict(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => any::<bool>().prop_map(|fast_view| Op::Open { fast_view }),
        2 => any::<usize>().prop_map(Op::Close),
        6 => (any::<usize>(), 0u32..5).prop_map(|(context, key)| Op::Request { context, key }),
        1 => any::<usize>().prop_map(Op::Cancel),
        3 => any::<bool>().prop_map(|is_fast| Op::Frame { is_fast }),
        3 => (0u32..5).prop_map(Op::Complete),
        1 => (0u32..5).prop_map(Op::Fail),
        1 => (0u32..5).prop_map(Op::Evict),
    ]
}

/// A request as the model sees it.
#[derive(Debug, Clone)]
struct Asked {
    context: usize,
    id: RequestId,
    key: u32,
    waits: bool,
    /// How often its listener was, and should have been, called.
    heard: Rc<Cell<usize>>,
    should_hear: usize,
    is_gone: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// No listener is called twice, or after its context has ended; whoever still waits is served by a slow frame; no load
    /// starts in a fast view unless somebody outside wants it; and nothing is left when all is closed.
    #[test]
    fn requests_are_served_once_or_gone(program in prop::collection::vec(op(), 1..80)) {
        let stage = Stage::new();
        let mut contexts: Vec<Option<(DisposableContext, bool)>> = Vec::new();
        let mut asked: Vec<Asked> = Vec::new();
        let mut is_fast = true;
        for op in program {
            match op {
                Op::Open { fast_view } => {
                    let context = if fast_view { stage.inside() } else { DisposableContext::new() };
                    contexts.push(Some((context, fast_view)));
                }
                Op::Close(at) if !contexts.is_empty() => {
                    let at = at % contexts.len();
                    contexts[at] = None;
                    asked.iter_mut().filter(|asked| asked.context == at).for_each(|asked| asked.is_gone = true);
                }
                Op::Request { context, key } if !contexts.is_empty() => {
                    let at = context % contexts.len();
                    let Some((context, fast_view)) = &contexts[at] else { continue };
                    let found = stage.cache.status(&key).is_tracked();
                    let heard = Rc::new(Cell::new(0));
                    let count = Rc::clone(&heard);
                    let (id, outcome) = stage.loader.request(
                        context.weak(),
                        key,
                        stage.loads.loader(key),
                        move |_| count.set(count.get() + 1),
                    );
                    let waits = is_fast && *fast_view && !found;
                    prop_assert_eq!(outcome == Outcome::Deferred, waits);
                    prop_assert_eq!(heard.get(), usize::from(outcome == Outcome::Served));
                    let should_hear = heard.get();
                    asked.push(Asked { context: at, id, key, waits, heard, should_hear, is_gone: false });
                }
                Op::Cancel(at) if !asked.is_empty() => {
                    let at = at % asked.len();
                    let asked = &mut asked[at];
                    if let Some((context, _)) = &contexts[asked.context] {
                        prop_assert_eq!(context.cancel(asked.id), !asked.is_gone);
                        asked.is_gone = true;
                    }
                }
                Op::Frame { is_fast: fast } => {
                    is_fast = fast;
                    let waiting = asked.iter().filter(|asked| asked.waits && !asked.is_gone).count();
                    prop_assert_eq!(stage.loader.waiting_count(), waiting);
                    let tracked: Vec<u32> = (0..5).filter(|key| stage.cache.status(key).is_tracked()).collect();
                    let before: Vec<bool> = (0..5).map(|key| stage.cache.get(&key).is_some_and(|stream| !stream.is_loading())).collect();
                    let served = stage.frame(if fast { FAST } else { 0.0 });
                    let mut expected = 0;
                    for asked in asked.iter_mut().filter(|asked| asked.waits && !asked.is_gone) {
                        if !fast || tracked.contains(&asked.key) {
                            asked.waits = false;
                            asked.should_hear = usize::from(before[asked.key as usize]);
                            expected += 1;
                        }
                    }
                    prop_assert_eq!(served, expected);
                }
                Op::Complete(key) | Op::Fail(key) => {
                    let was_fail = matches!(op, Op::Fail(_));
                    let Some(completer) = stage.loads.try_take(key) else { continue };
                    let joined: Vec<usize> = asked.iter().map(|asked| asked.heard.get()).collect();
                    if was_fail {
                        completer.fail(LoadError::UnsupportedFormat);
                    } else {
                        completer.complete(image(4, stage.cache.ledger()));
                    }
                    for (asked, before) in asked.iter_mut().zip(joined) {
                        if asked.heard.get() > before {
                            prop_assert!(asked.key == key && !asked.waits && !asked.is_gone);
                            asked.should_hear += 1;
                        }
                    }
                }
                Op::Evict(key) => {
                    stage.cache.evict(&key, true);
                }
                Op::Close(_) | Op::Request { .. } | Op::Cancel(_) => {}
            }
            for asked in &asked {
                prop_assert_eq!(asked.heard.get(), asked.should_hear);
                prop_assert!(asked.heard.get() <= 1);
            }
        }
        // Slow down, and end all loads: everybody who is still there hears once.
        stage.frame(0.0);
        for key in 0..5 {
            while let Some(completer) = stage.loads.try_take(key) {
                completer.complete(image(4, stage.cache.ledger()));
            }
        }
        for asked in &asked {
            prop_assert!(asked.is_gone || asked.heard.get() == 1, "{:?}", asked);
        }
        drop(contexts);
        stage.cache.clear();
        prop_assert_eq!(stage.cache.ledger().held_bytes(), 0);
        prop_assert!(asked.iter().all(|asked| Rc::strong_count(&asked.heard) == 1), "closures are freed");
    }
}
