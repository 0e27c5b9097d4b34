//! W3, splay: the Octane benchmark. A splay tree of 8000 nodes, each with a payload tree of 127 objects; an iteration
//! inserts 80 new nodes and removes the greatest below each.
//!
//! Splaying stores into old nodes all the time, and most old nodes die old: the opposite of what a nursery likes.
//! An insertion is one region with one safepoint before it.

use super::{Bench, Outcome, RunError, seconds};
use crate::measure::Laps;
use crate::rng::{Rng, RngKind};
use tenure::prelude::*;

const NODES: u64 = 8000;
const PAYLOAD_DEPTH: u32 = 5;
const CHANGES: u64 = 80;
const KEYS: u64 = 1 << 30;

#[derive(Kind)]
struct Node {
    key: i64,
    value: Slot<Dyn<Splay>>,
    left: Slot<Opt<Node>>,
    right: Slot<Opt<Node>>,
}

#[derive(Kind)]
struct Inner {
    left: Slot<Dyn<Splay>>,
    right: Slot<Dyn<Splay>>,
}

#[derive(Kind)]
struct Leaf {
    array: Slot<Ref<Ints>>,
    string: Slot<Ref<Text>>,
}

#[derive(Kind)]
#[tail(i32)]
struct Ints {}

#[derive(Kind)]
#[tail(Frozen<u8>)]
struct Text {}

#[derive(Roots)]
struct Roots {
    tree: Root<Opt<Node>>,
    /// Splaying hangs the two halves on it, so that it allocates nothing.
    header: Root<Opt<Node>>,
}

object_model! { model Splay { roots: Roots, kinds: [Node, Inner, Leaf, Ints, Text] } }

const OUT_OF_MEMORY: RunError = RunError::OutOfMemory {
    doing: "inserting into the splay tree",
};

/// The text of a leaf, made without allocating: 15 + 10 + 13 bytes at most, since keys are below 2^30.
struct LeafText {
    bytes: [u8; 48],
    length: usize,
}

impl LeafText {
    fn new(key: i64) -> Self {
        let mut text = LeafText {
            bytes: [0; 48],
            length: 0,
        };
        text.push(b"String for key ");
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = key.unsigned_abs();
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        text.push(&digits[first..]);
        text.push(b" in leaf node");
        text
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn payload<'h>(h: &'h Heap<Splay>, depth: u32, key: i64) -> Option<Value<'h, Splay>> {
    if let Some(depth) = depth.checked_sub(1) {
        let left = payload(h, depth, key)?;
        let right = payload(h, depth, key)?;
        return Some(h.try_alloc::<Inner>(InnerInit { left, right }).ok()?.to_value());
    }
    let array = h
        .try_alloc_slice::<Ints>(IntsInit {}, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        .ok()?;
    let string = h
        .try_alloc_slice::<Text>(TextInit {}, LeafText::new(key).as_bytes())
        .ok()?;
    Some(h.try_alloc::<Leaf>(LeafInit { array, string }).ok()?.to_value())
}

/// Moves the node with the key, or the last one on the way to it, to the root; returns it.
fn splay<'h>(h: &'h Heap<Splay>, key: i64) -> Option<Gc<'h, Node>> {
    let mut t = h.roots().tree.get()?;
    let header = h.roots().header.get()?;
    let (mut l, mut r) = (header, header);
    loop {
        if key < t.key() {
            let Some(child) = t.left() else { break };
            if key < child.key() {
                t.set_left(h, child.right());
                child.set_right(h, Some(t));
                t = child;
            }
            let Some(next) = t.left() else { break };
            r.set_left(h, Some(t));
            r = t;
            t = next;
        } else if key > t.key() {
            let Some(child) = t.right() else { break };
            if key > child.key() {
                t.set_right(h, child.left());
                child.set_left(h, Some(t));
                t = child;
            }
            let Some(next) = t.right() else { break };
            l.set_right(h, Some(t));
            l = t;
            t = next;
        } else {
            break;
        }
    }
    l.set_right(h, t.left());
    r.set_left(h, t.right());
    t.set_left(h, header.right());
    t.set_right(h, header.left());
    header.set_left(h, None);
    header.set_right(h, None);
    h.roots().tree.set(Some(t));
    Some(t)
}

fn insert(h: &Heap<Splay>, key: i64) -> Option<()> {
    let value = payload(h, PAYLOAD_DEPTH, key)?;
    let fresh = h
        .try_alloc::<Node>(NodeInit {
            key,
            value,
            left: None,
            right: None,
        })
        .ok()?;
    if let Some(t) = splay(h, key) {
        if key > t.key() {
            fresh.set_left(h, Some(t));
            fresh.set_right(h, t.right());
            t.set_right(h, None);
        } else {
            fresh.set_right(h, Some(t));
            fresh.set_left(h, t.left());
            t.set_left(h, None);
        }
    }
    h.roots().tree.set(Some(fresh));
    Some(())
}

fn remove(h: &Heap<Splay>, key: i64) -> Result<(), RunError> {
    let Some(t) = splay(h, key).filter(|t| t.key() == key) else {
        return Err(RunError::Wrong(format!("key {key} is not in the splay tree")));
    };
    let right = t.right();
    if t.left().is_none() {
        h.roots().tree.set(right);
        return Ok(());
    }
    h.roots().tree.set(t.left());
    if let Some(t) = splay(h, key) {
        t.set_right(h, right);
    }
    Ok(())
}

/// The greatest key below the given one.
fn below(h: &Heap<Splay>, key: i64) -> Option<i64> {
    let t = splay(h, key)?;
    if t.key() < key {
        return Some(t.key());
    }
    let mut node = t.left()?;
    while let Some(right) = node.right() {
        node = right;
    }
    Some(node.key())
}

fn add_new(h: &mut Heap<Splay>, rng: &mut Rng) -> Result<i64, RunError> {
    h.safepoint();
    let h = &*h;
    let key = loop {
        let key = rng.index(KEYS) as i64;
        if splay(h, key).is_none_or(|t| t.key() != key) {
            break key;
        }
    };
    insert(h, key).ok_or(OUT_OF_MEMORY)?;
    Ok(key)
}

#[derive(Default)]
struct Totals {
    size: u64,
    unsorted: u64,
    next: i64,
    keys: u64,
    leaves: u64,
    ints: i64,
    chars: usize,
}

impl Totals {
    fn node(&mut self, node: Gc<'_, Node>) -> Result<(), RunError> {
        self.size += 1;
        self.keys += node.key() as u64;
        self.unsorted += u64::from(node.key() < self.next);
        self.next = node.key() + 1;
        self.payload(node.value(), node.key())
    }

    fn payload(&mut self, value: Value<'_, Splay>, key: i64) -> Result<(), RunError> {
        if let Some(inner) = value.cast::<Inner>() {
            self.payload(inner.left(), key)?;
            return self.payload(inner.right(), key);
        }
        let Some(leaf) = value.cast::<Leaf>() else {
            return Err(RunError::Wrong(format!(
                "the payload of key {key} holds neither an inner node nor a leaf"
            )));
        };
        if leaf.string().tail() != LeafText::new(key).as_bytes() {
            return Err(RunError::Wrong(format!("a leaf of key {key} has another text")));
        }
        self.leaves += 1;
        self.ints += leaf.array().tail().iter().map(|int| i64::from(int.get())).sum::<i64>();
        self.chars += leaf.string().tail_len();
        Ok(())
    }

    /// Visits the whole tree in key order.
    fn tree(&mut self, h: &Heap<Splay>) -> Result<(), RunError> {
        let mut open = Vec::new();
        let mut next = h.roots().tree.get();
        loop {
            while let Some(node) = next {
                open.push(node);
                next = node.left();
            }
            let Some(node) = open.pop() else { return Ok(()) };
            self.node(node)?;
            next = node.right();
        }
    }
}

fn check_line(iterations: u64, rng: RngKind, totals: &Totals) -> String {
    let Totals {
        size,
        unsorted,
        keys,
        leaves,
        ints,
        chars,
        ..
    } = totals;
    let sorted = u32::from(*unsorted == 0);
    format!(
        "W3 iters={iterations} rng={rng} size={size} sorted={sorted} keys={keys} leaves={leaves} ints={ints} chars={chars}"
    )
}

pub(super) fn run(sizes: &[u64], bench: &mut Bench) -> Result<Outcome, RunError> {
    let iterations = sizes[0];
    let mut rng = bench.rng();
    let mut isolate = Isolate::<Splay>::new(
        bench.config(),
        RootsInit {
            tree: None,
            header: None,
        },
    )?;
    isolate.enter(|h| {
        let watch = bench.start();
        let (region, header) = h
            .try_alloc_with::<Node, _>(|_| NodeInit {
                key: -1,
                value: Value::nil(),
                left: None,
                right: None,
            })
            .map_err(|_| OUT_OF_MEMORY)?;
        region.roots().header.set(Some(header));
        for _ in 0..NODES {
            add_new(h, &mut rng)?;
        }
        let setup_s = seconds(watch.elapsed_ns());
        let mut laps = Laps::new();
        laps.start();
        for _ in 0..iterations {
            for _ in 0..CHANGES {
                let key = add_new(h, &mut rng)?;
                let victim = below(h, key).unwrap_or(key);
                remove(h, victim)?;
            }
            laps.lap();
        }
        let span = watch.stop(h, 0);
        let mut totals = Totals::default();
        totals.tree(h)?;
        Ok(Outcome {
            check: vec![check_line(iterations, bench.rng_kind(), &totals)],
            span,
            parts: vec![("setup_s", setup_s)],
            laps: Some(laps),
            ..Outcome::default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaf_texts_are_those_of_the_peers() {
        assert_eq!(LeafText::new(7).as_bytes(), b"String for key 7 in leaf node");
        assert_eq!(
            LeafText::new(1_073_741_823).as_bytes(),
            b"String for key 1073741823 in leaf node"
        );
    }
}
