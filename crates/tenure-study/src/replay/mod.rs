//! Real heaps: a snapshot that V8 wrote is loaded object by object, churned, and checked against the file.
//!
//! The idea: a snapshot knows sizes, edges and, by its ids, the order of allocation, but not when objects died. So loading
//! replays the birth of what was alive at the end: in the order of ids, every object with its slots; an edge to an
//! object that is not born yet is stored when it arrives, which gives the stores from old to young objects that the
//! program made too. Churn then makes garbage of real shapes. What is not known, and so not replayed: the garbage of the
//! captured program's past, and the order in which it wrote its fields.
//!
//! While loading, nodes are found through a table in the heap, pieces of 4096 slots, which is dropped at the end of loading;
//! from then on every object lives by the edges of the snapshot alone.

mod check;
mod churn;
mod model;
mod shape;

use crate::measure::Laps;
use crate::workload::{Bench, Outcome, REGION_OBJECTS, RunError, seconds};
use check::{Found, check};
use churn::{Churn, Rebuilt};
use model::{Replay, RootsInit, Table, TableInit, TablePart, TablePartInit};
use shape::Shape;
use tenure::prelude::*;
use tenure_snapshot::dominators::RootPolicy;
use tenure_snapshot::{EdgePolicy, Snapshot, reachable};

/// Name of the bundled snapshot.
pub const BUNDLED_NAME: &str = "s-worker";

/// The snapshot that comes with the command, still packed.
pub fn bundled_bytes() -> &'static [u8] {
    tenure_snapshot::SAMPLE
}

const PART_SLOTS: usize = 4096;
const OUT_OF_MEMORY: RunError = RunError::OutOfMemory {
    doing: "loading the snapshot",
};

fn find_loaded(h: &Heap<Replay>, ordinal: u32) -> Value<'_, Replay> {
    let part = h
        .roots()
        .table
        .get()
        .and_then(|table| table.tail_get(ordinal as usize / PART_SLOTS));
    part.map_or(Value::nil(), |part| part.tail_get(ordinal as usize % PART_SLOTS))
}

fn make_table(h: &mut Heap<Replay>, nodes: usize) -> Result<(), RunError> {
    let parts = nodes.div_ceil(PART_SLOTS);
    let (region, table) = h
        .try_alloc_tail_zeroed_with::<Table, _>(parts, |_| TableInit {})
        .map_err(|_| OUT_OF_MEMORY)?;
    region.roots().table.set(Some(table));
    for index in 0..parts {
        let (region, part) = h
            .try_alloc_tail_zeroed_with::<TablePart, _>(PART_SLOTS, |_| TablePartInit {})
            .map_err(|_| OUT_OF_MEMORY)?;
        if let Some(table) = region.roots().table.get() {
            table.tail_set(region, index, Some(part));
        }
    }
    Ok(())
}

/// Allocates one node and stores the edges between it and the nodes that are there.
fn load_node(h: &Heap<Replay>, shape: &Shape<'_>, ordinal: u32) -> Option<()> {
    let targets = shape.edges(ordinal);
    let node = model::allocate(h, ordinal, shape.layout(ordinal), |edge| find_loaded(h, targets[edge]))?;
    for &(source, edge) in shape.retainers(ordinal) {
        let source = if source == ordinal {
            node
        } else {
            find_loaded(h, source)
        };
        if !source.is_nil() {
            model::set_edge(h, source, edge as usize, node);
        }
    }
    let part = h.roots().table.get()?.tail_get(ordinal as usize / PART_SLOTS)?;
    part.tail_set(h, ordinal as usize % PART_SLOTS, node);
    Some(())
}

/// Largest number of bytes that is allocated between two safepoints while loading.
const REGION_BYTES: u64 = 64 * 1024;

fn load(h: &mut Heap<Replay>, shape: &Shape<'_>) -> Result<(), RunError> {
    make_table(h, shape.snapshot.node_count() as usize)?;
    let (mut objects, mut bytes) = (0, 0);
    for &ordinal in &shape.birth_order {
        let size = shape.layout(ordinal).bytes();
        if objects == REGION_OBJECTS || bytes + size > REGION_BYTES {
            h.safepoint();
            (objects, bytes) = (0, 0);
        }
        objects += 1;
        bytes += size;
        load_node(h, shape, ordinal).ok_or(OUT_OF_MEMORY)?;
    }
    h.roots().top.set(find_loaded(h, shape.root));
    h.roots().table.set(None);
    Ok(())
}

fn check_line(name: &str, stage: &str, found: &Found) -> String {
    let Found { totals, heap_bytes } = found;
    format!(
        "{name} after={stage} nodes={} edges={} self_size={} heap_bytes={heap_bytes} edge_checksum={:016x}",
        totals.nodes, totals.edges, totals.self_size, totals.edge_checksum,
    )
}

/// Loads the snapshot, replaces `operations` parts of it, and checks the heap after loading and after that. A heap that does
/// not hold exactly the reachable graph of the file is an error; the check lines of a run that ends well are the file's.
pub fn run(name: &str, snapshot: &Snapshot, operations: u64, bench: &mut Bench) -> Result<Outcome, RunError> {
    let shape = Shape::new(snapshot);
    let mut churn = Churn::new(&shape);
    let expected = reachable(snapshot, RootPolicy::SnapshotRoot, EdgePolicy::All).totals();
    let mut rng = bench.rng();
    let mut isolate = Isolate::<Replay>::new(
        bench.config(),
        RootsInit {
            top: Value::nil(),
            table: None,
        },
    )?;
    isolate.enter(|h| {
        let watch = bench.start();
        load(h, &shape)?;
        let load_ns = watch.elapsed_ns();
        let loaded = check(h, &shape)?;
        let checking_ns = watch.elapsed_ns() - load_ns;
        let mut laps = Laps::new();
        let Rebuilt { objects, bytes } = churn.run(h, operations, &mut rng, &mut laps)?;
        let churn_ns = watch.elapsed_ns() - load_ns - checking_ns;
        let span = watch.stop(h, checking_ns);
        let churned = check(h, &shape)?;
        for found in [&loaded, &churned] {
            if found.totals != expected || found.heap_bytes != loaded.heap_bytes {
                return Err(RunError::Wrong(format!(
                    "{name}: expected {expected:?}, found {found:?}"
                )));
            }
        }
        // What is not in the graph is garbage, and a full collection leaves none.
        h.collect();
        let used_bytes = h.statistics().sizes.used_bytes() as u64;
        if used_bytes != churned.heap_bytes {
            let live_bytes = churned.heap_bytes;
            return Err(RunError::Wrong(format!(
                "{name}: {used_bytes} bytes are used after a full collection, but {live_bytes} are reachable"
            )));
        }
        Ok(Outcome {
            check: vec![
                check_line(name, "load", &loaded),
                check_line(name, "churn", &churned),
                format!("{name} after=collection used_bytes={used_bytes}"),
            ],
            span,
            objects: Some(loaded.totals.nodes + objects),
            parts: vec![
                ("load_s", seconds(load_ns)),
                ("churn_s", seconds(churn_ns)),
                ("rebuilt_mb", bytes as f64 / crate::result::MIB),
                ("candidates", churn.candidates() as f64),
            ],
            laps: Some(laps),
            ..Outcome::default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::RngKind;
    use tenure_snapshot::synthetic::{Label, SyntheticSnapshot};
    use tenure_snapshot::{EdgeType, NodeType};

    /// Root 0 holds 1 and 2, both hold 3, which holds itself; nobody holds 4.
    pub(super) fn diamond() -> Snapshot {
        let mut graph = SyntheticSnapshot::new();
        let root = graph.node_with_id(NodeType::Synthetic, "", 0, 1);
        let left = graph.node_with_id(NodeType::Object, "left", 48, 9);
        let right = graph.node_with_id(NodeType::Object, "right", 16, 5);
        let both = graph.node_with_id(NodeType::Array, "both", 4096, 7);
        let nobody = graph.node_with_id(NodeType::String, "nobody", 24, 3);
        for (from, to) in [
            (root, left),
            (root, right),
            (left, both),
            (right, both),
            (both, both),
            (nobody, both),
        ] {
            graph.edge(from, EdgeType::Element, Label::Index(0), to);
        }
        Snapshot::read(graph.to_json().as_slice()).expect("the graph is a snapshot")
    }

    fn outcome(snapshot: &Snapshot, operations: u64, config: HeapConfig) -> Outcome {
        run("test", snapshot, operations, &mut Bench::new(config, RngKind::Bits64)).expect("the run succeeds")
    }

    #[test]
    fn a_diamond_survives_every_replacement() {
        let outcome = outcome(&diamond(), 1000, HeapConfig::new());
        let expected = "nodes=4 edges=5 self_size=4160 heap_bytes=4200 edge_checksum=";
        assert!(
            outcome.check[0].starts_with(&format!("test after=load {expected}")),
            "{:?}",
            outcome.check
        );
        assert!(
            outcome.check[1].starts_with(&format!("test after=churn {expected}")),
            "{:?}",
            outcome.check
        );
        assert_eq!(outcome.check[2], "test after=collection used_bytes=4200");
    }

    #[test]
    fn random_graphs_survive_churn_under_stress() {
        for (seed, promotion) in ["v8", "all", "never", "random=7"].into_iter().enumerate() {
            let json = SyntheticSnapshot::random(seed as u64, 400, 2).to_json();
            let snapshot = Snapshot::read(json.as_slice()).expect("the graph is a snapshot");
            let mut config = HeapConfig::new()
                .semi_space_bytes(64 << 10)
                .gc_interval(7)
                .mark_stack_entries(1);
            config.set_flag("promotion", promotion).expect("the policy is known");
            let config = config.verify_heap(true);
            let stressed = outcome(&snapshot, 300, config);
            assert_eq!(stressed.check, outcome(&snapshot, 0, HeapConfig::new()).check);
            let checksum = reachable(&snapshot, RootPolicy::SnapshotRoot, EdgePolicy::All)
                .totals()
                .edge_checksum;
            assert!(
                stressed.check[1].ends_with(&format!("{checksum:016x}")),
                "{:?}",
                stressed.check
            );
            assert_eq!(stressed.laps.map(|laps| laps.count()), Some(300));
        }
    }

    /// Loads the diamond, lets `damage` do something to it, and returns what the check says.
    fn check_after(damage: impl FnOnce(&Heap<Replay>)) -> Result<Found, RunError> {
        let snapshot = diamond();
        let shape = Shape::new(&snapshot);
        let roots = RootsInit {
            top: Value::nil(),
            table: None,
        };
        let mut isolate = Isolate::<Replay>::new(HeapConfig::new(), roots).expect("the default heap can be made");
        isolate.enter(|h| {
            load(h, &shape)?;
            damage(h);
            check(h, &shape)
        })
    }

    #[test]
    fn the_check_finds_wrong_edges() {
        assert_eq!(check_after(|_| {}).expect("nothing was damaged").totals.nodes, 4);
        let message = |damage: fn(&Heap<Replay>)| check_after(damage).expect_err("damaged").to_string();
        let swapped = message(|h| {
            let top = h.roots().top.get();
            model::set_edge(h, top, 0, model::slots(top)[1].get());
        });
        assert!(
            swapped.contains("edge 0 of synthetic @1") && swapped.contains("object @5"),
            "{swapped}"
        );
        let lost = message(|h| model::set_edge(h, h.roots().top.get(), 1, Value::nil()));
        assert!(
            lost.contains("edge 1 of synthetic @1") && lost.contains("leads to no node"),
            "{lost}"
        );
        let root = message(|h| h.roots().top.set(model::slots(h.roots().top.get())[0].get()));
        assert!(root.contains("the root leads to object @9"), "{root}");
    }
}
