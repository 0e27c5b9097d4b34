//! Many heaps, and handles that outlive regions.

use std::sync::{Arc, Barrier};

use super::*;

#[test]
fn two_heaps_on_two_threads_do_not_see_each_other() {
    let turn = Arc::new(Barrier::new(2));
    let run = |seed: u64, turn: Arc<Barrier>| {
        move || {
            isolate(small().max_old_bytes(4 << 20)).enter(|h| {
                for round in 0..200 {
                    turn.wait();
                    put_node(h, 0, seed + round, 0);
                    put_bytes(h, 1, seed, 3000);
                    if round % 7 == 0 {
                        h.collect_minor()
                    }
                    if round % 31 == 0 {
                        h.collect()
                    }
                }
                check(h);
                check_bytes(reg(h, 1), seed, 3000);
                let mut at = reg(h, 0);
                for round in (0..200).rev() {
                    assert_eq!(node(at).id(), seed + round);
                    at = node(at).any();
                }
                h.statistics().minor_collections
            })
        }
    };
    let other = std::thread::spawn(run(1_000_000, Arc::clone(&turn)));
    let here = run(1, turn)();
    assert_eq!(here, other.join().expect("the other heap"));
}

#[test]
fn globals_are_roots_until_they_are_dropped() {
    isolate(retaining()).enter(|h| {
        let mut globals = Vec::new();
        for id in 0..300 {
            put_node(h, 0, id, 9);
            globals.push((id, h.global::<Dyn<Lab>>(reg(h, 0))));
        }
        clear(h, 0);
        for round in 0..6 {
            if round == 3 {
                h.collect()
            } else {
                h.collect_minor()
            }
            check(h);
            churn(h);
            for (id, global) in &globals {
                assert_eq!(node(global.get(h)).id(), *id);
            }
            // Every second one is dropped; its place is used again.
            let mut index = 0;
            globals.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            put_node(h, 0, 1000 + round, 9);
            globals.push((1000 + round, h.global::<Dyn<Lab>>(reg(h, 0))));
            let (id, global) = &mut globals[0];
            *id = 1000 + round;
            global.set(h, reg(h, 0));
            clear(h, 0);
        }
        globals.clear();
        h.collect();
        check(h);
        assert_eq!(
            h.statistics().sizes.old_used_bytes,
            0,
            "a dropped handle keeps its object"
        );
    });
}

/// The address space of this process, in bytes.
#[cfg(target_os = "linux")]
fn address_space_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("statm");
    text.split(' ')
        .next()
        .and_then(|pages| pages.parse::<usize>().ok())
        .expect("a number of pages")
        * 4096
}

#[cfg(target_os = "linux")]
#[test]
fn dropped_heaps_give_their_address_space_back() {
    // Each heap reserves several GiB: a hundred that leaked would stand out from whatever the other tests do.
    let before = address_space_bytes();
    let mut while_one_lives = 0;
    for i in 0..100 {
        let mut isolate = isolate(HeapConfig::new().max_old_bytes(4 << 30));
        isolate.enter(|h| {
            put_node(h, 0, i, 9);
            put_bytes(h, 1, i, 1_000_000);
            h.collect();
            check_bytes(reg(h, 1), i, 1_000_000);
        });
        while_one_lives = address_space_bytes();
    }
    let one = 3 * (16usize << 30);
    assert!(while_one_lives > one, "the heap reserves {while_one_lives} bytes only");
    let after = address_space_bytes();
    assert!(
        after < before + 3 * one,
        "{before} bytes before, {after} bytes after a hundred heaps"
    );
}
