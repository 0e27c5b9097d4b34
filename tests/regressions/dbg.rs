use super::*;
#[test]
fn dbg_cycle() {
    let l = tenure::events::RecordingListener::new();
    let c = with(small(), "stress-incremental-marking", "true").mark_step_bytes(8).listener(l.clone());
    isolate(c).enter(|h| {
        let (h2, pinned) = h.alloc_with::<Pinned>(|_| PinnedInit { id: 0, any: Value::nil() });
        h2.regs()[202].set(pinned.to_value());
        for id in 0..30 { put_node(h, 200, id as u64, 201); }
    });
    for r in l.records() { println!("{}", format!("{r:?}").chars().take(120).collect::<String>()); }
}
