//! What reports say.

use super::super::{HolderCount, KeepAll, LoadState, Priority};
use super::{assert_balanced, cache, load, request};

fn held(holders: &[HolderCount]) -> Vec<String> {
    holders.iter().map(ToString::to_string).collect()
}

#[test]
fn a_report_says_who_holds_what_since_when() {
    let (cache, clock) = cache(KeepAll);
    clock.advance_ns(100);
    let first = load(&cache, "a", 10);
    clock.advance_ns(10);
    let second = first.hold_as("scene");
    let third = second.clone();
    clock.advance_ns(5);
    let row = |key| cache.report().rows.into_iter().find(|row| row.key == key).unwrap();
    let a = row("a");
    assert_eq!((a.count, a.bytes, a.age_ns, a.since_use_ns), (3, 10, 15, 5));
    assert_eq!((a.unused_ns, a.attempts, a.state), (None, 1, LoadState::Ready));
    assert_eq!(held(&a.holders), ["scene ×2", "test ×1"]);
    drop((first, second));
    clock.advance_ns(3);
    assert_eq!(row("a").since_use_ns, 3, "letting go is a use");
    third.touch();
    assert_eq!(row("a").since_use_ns, 0);
    clock.advance_ns(4);
    drop(third);
    clock.advance_ns(2);
    let a = row("a");
    assert_eq!((a.count, a.unused_ns, a.since_use_ns, a.age_ns), (0, Some(2), 2, 24));
    assert!(a.holders.is_empty());
    drop(cache.get("a", "test"));
    assert_eq!(row("a").unused_ns, Some(0));
    assert_balanced(&cache);
}

#[test]
fn rows_can_be_chosen_and_sorted() {
    let (cache, clock) = cache(KeepAll);
    let _small = load(&cache, "small", 1);
    clock.advance_ns(1);
    let _large = load(&cache, "large", 100).hold_as("scene");
    clock.advance_ns(1);
    drop(load(&cache, "unused", 50));
    let keys = |report: super::super::Report<&'static str, &'static str>| {
        report.rows.iter().map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(cache.report()), ["large", "small", "unused"]);
    assert_eq!(keys(cache.report().held()), ["large", "small"]);
    assert_eq!(keys(cache.report().held_by("scene")), ["large"]);
    assert_eq!(keys(cache.report().largest_first()), ["large", "unused", "small"]);
    assert_eq!(
        keys(cache.report().longest_unused_first()),
        ["small", "large", "unused"]
    );
}

#[test]
fn a_table_shows_failures_prefetches_and_totals() {
    let (cache, _) = cache(KeepAll);
    let failed = cache.request("broken", Priority::HIGH, "scene");
    cache.load_next(|_| Err("no file")).unwrap();
    cache.prefetch("later", Priority::BACKGROUND);
    let _loading = cache.request("slow", Priority::HIGH, "scene");
    let _ticket = cache.next_ticket().unwrap();
    let text = cache.report().to_string();
    let expected = "\
resource  state            count  bytes     age  last use  holders
broken    failed: no file      1    0 B  0.0 ms    0.0 ms  scene ×1
later     queued -100          0    0 B  0.0 ms    0.0 ms  (prefetch)
slow      loading              1    0 B  0.0 ms    0.0 ms  scene ×1
3 resources: 0 ready and held, 0 ready and unused, 1 queued, 1 loading, 1 failed or canceled; 0 B
";
    assert_eq!(text, expected);
    assert_eq!(failed.error().as_deref(), Some(&"no file"));
}

#[test]
fn growth_names_the_holders_that_hold_more() {
    let (cache, _) = cache(KeepAll);
    let font = load(&cache, "font", 10);
    let icon = load(&cache, "icon", 20);
    let before = cache.report();
    assert!(cache.report().growth_since(&before).is_empty());
    let _leaks = [font.hold_as("scene"), font.hold_as("scene"), font.clone()];
    // One holder lets go and another one takes over: the count is the same, the holder is not.
    let _taken_over = icon.hold_as("scene");
    drop(icon);
    let _new = cache.request("new", Priority::NORMAL, "scene");
    let growth = cache.report().largest_first().growth_since(&before);
    let rows: Vec<_> = growth
        .rows
        .iter()
        .map(|row| (row.key, row.count_before, row.count, held(&row.holders).join(", ")))
        .collect();
    assert_eq!(
        rows,
        [
            ("icon", 1, 1, "scene ×1".to_owned()),
            ("font", 1, 4, "scene ×2, test ×1".to_owned()),
            ("new", 0, 1, "scene ×1".to_owned()),
        ]
    );
    assert!(growth.to_string().contains("scene +2, test +1"));
    assert!(
        before
            .growth_since(&cache.report())
            .rows
            .iter()
            .all(|row| row.key == "icon")
    );
    drop(request(&cache, "font"));
}
