use super::*;
#[test]
fn dbg_cycle() {
    let l = tenure::events::RecordingListener::new();
    let c = with(small(), "stress-incremental-marking", "true")
        .mark_step_bytes(8)
        .listener(l.clone());
    isolate(c).enter(|h| {
        for i in 0..20 {
            put_node(h, 20 + i, 0, 201);
        }
        put_array(h, 0, 0, 40);
        for i in 0..40 {
            put_node(h, 200, i as u64, 201);
            array(h, 0).tail_set(h, i, reg(h, 200));
        }
        h.collect();
        println!("before start {}", l.records().len());
        let (h2, pinned) = h.alloc_with::<Pinned>(|_| PinnedInit {
            id: 0,
            any: Value::nil(),
        });
        h2.regs()[202].set(pinned.to_value());
        println!("before large {}", l.records().len());
        put_array(h, 1, 1, 17000);
        array(h, 0).tail_set(h, 0, reg(h, 1));
        clear(h, 1);
        println!("before slices {}", l.records().len());
        for id in 0..30 {
            put_node(h, 200, id as u64, 201);
        }
        println!("before minor {}", l.records().len());
        array(h, 0).tail_set(h, 0, Value::nil());
        h.collect_minor();
        println!("after minor {}", l.records().len());
        for id in 0..100 {
            put_node(h, 200, id as u64, 201);
        }
    });
    for (i, r) in l.records().iter().enumerate() {
        println!(
            "{i} {:?} {:?} marked {} over {}",
            r.kind, r.cause, r.marked_objects, r.mark_stack_overflows
        );
    }
}
