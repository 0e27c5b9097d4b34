//! Random blocks of objects, slid and compared with a model that places them one by one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tenure_memory::{BLOCK_BYTES, BLOCK_WORDS, CageLayout, SystemPages};
use tenure_object::{FLAG_PINNED, HashState, Header, KindLayout, KindTable, ObjectRef, TailLayout, header_with_length};

use super::*;
use crate::{BlockSpace, Budget, Pages};

static LAYOUTS: [KindLayout; 4] = [
    kind("pair", 2, &[0b11], TailLayout::None),
    kind("mixed", 3, &[0b101], TailLayout::None),
    kind("array", 1, &[], TailLayout::Slots),
    kind("bytes", 0, &[], TailLayout::Plain { element_bytes: 1 }),
];

const fn kind(name: &'static str, prefix_words: u16, slot_map: &'static [u64], tail: TailLayout) -> KindLayout {
    KindLayout {
        name,
        prefix_words,
        slot_map,
        tail,
        ..KindLayout::EMPTY
    }
}

/// What an object is to be.
#[derive(Clone, Copy, Debug)]
struct Wish {
    kind: u8,
    length: u32,
    live: bool,
    hashed: bool,
    pinned: bool,
    links: u32,
}

/// An object as the model knows it.
#[derive(Clone, Debug)]
struct Known {
    address: usize,
    words: usize,
    header: Header,
    /// What each slot holds: an object by its number, or nothing.
    slots: Vec<(usize, Option<usize>)>,
    hash: Option<u64>,
    live: bool,
}

struct World {
    cage: Cage,
    budget: Budget,
    spaces: [BlockSpace; 2],
    kinds: KindTable,
    objects: BTreeMap<usize, Known>,
    made: usize,
}

impl World {
    fn new() -> World {
        let bytes = 16 << 20;
        let layout = CageLayout {
            nursery_half_bytes: 1 << 20,
            large_bytes: 1 << 20,
            data_bytes: bytes,
            pointer_bytes: bytes,
        };
        let cage = Cage::reserve(Box::new(SystemPages), &layout).expect("a few MiB of address space");
        World {
            spaces: [
                BlockSpace::new(cage.data(), false),
                BlockSpace::new(cage.pointer(), true),
            ],
            budget: Budget {
                committed_bytes: 0,
                max_bytes: 1 << 30,
            },
            cage,
            kinds: KindTable::new(&LAYOUTS, &[]),
            objects: BTreeMap::new(),
            made: 0,
        }
    }

    fn words_of(&self, header: Header) -> usize {
        // SAFETY: KIND-LAYOUT, headers come from the table.
        unsafe { ObjectRef::words(header, &self.kinds) }
    }

    fn read(address: usize) -> u64 {
        // SAFETY: MEM-OWNED, the model reads words of blocks only.
        unsafe { *(address as *const u64) }
    }

    fn write(address: usize, word: u64) {
        // SAFETY: MEM-OWNED, as above.
        unsafe { *(address as *mut u64) = word }
    }

    /// The word that stands at index `i` of the object numbered `number`, if it is no slot: an odd one.
    fn pattern(number: usize, i: usize) -> u64 {
        ((number as u64) << 20 | i as u64) << 1 | 1
    }

    fn allocate(&mut self, wish: &Wish) {
        let layout = self.kinds.get(wish.kind);
        let template = layout.header(wish.kind);
        let mut header = Header::from_bits(if layout.tail == TailLayout::None {
            template
        } else {
            header_with_length(template, wish.length)
        });
        if wish.pinned {
            header = header.with(FLAG_PINNED);
        }
        let words = self.words_of(header);
        let space = &mut self.spaces[usize::from(layout.has_slots())];
        let mut pages = Pages {
            cage: &mut self.cage,
            budget: &mut self.budget,
            refused: &mut None,
        };
        let object = space.allocate(words, &mut pages).expect("a budget of 1 GiB");
        if wish.pinned {
            space.note_pinned(object.address());
        }
        let mut hash = None;
        if wish.hashed {
            header = header.with_hash_state(HashState::FromAddress);
            space.note_hashed(object.address());
            hash = Some(object.address_hash(0));
        }
        let number = self.made;
        self.made += 1;
        Self::write(object.address(), header.bits());
        for i in 1..words {
            Self::write(object.address() + i * 8, Self::pattern(number, i));
        }
        let mut slots = Vec::new();
        // SAFETY: OBJ-HEADER and KIND-LAYOUT, just initialized.
        unsafe {
            object.visit_slots(header, &self.kinds, |slot| {
                slots.push(((slot as usize - object.address()) / 8, None))
            })
        };
        let known = Known {
            address: object.address(),
            words,
            header,
            slots,
            hash,
            live: true,
        };
        self.objects.insert(number, known);
    }

    /// Links live objects at random, marks them, and forgets the others.
    fn mark(&mut self, live: impl Fn(usize) -> bool, links: impl Fn(usize) -> u32) {
        for (number, object) in &mut self.objects {
            object.live = live(*number);
        }
        let alive: Vec<usize> = self.objects.iter().filter(|(_, o)| o.live).map(|(n, _)| *n).collect();
        let addresses: BTreeMap<usize, usize> = self.objects.iter().map(|(n, o)| (*n, o.address)).collect();
        for (number, object) in self.objects.iter_mut().filter(|(_, o)| o.live) {
            let mut x = links(*number);
            for (i, target) in &mut object.slots {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *target = (x & 7 != 0).then(|| alive[(x >> 8) as usize % alive.len()]);
                let word = target.map_or(0, |t| ObjectRef::from_address(addresses[&t]).reference());
                Self::write(object.address + *i * 8, word);
            }
            let bit = self.cage.bit(object.address);
            self.cage.color().set(bit);
            self.cage.color().set(bit + 1);
        }
        self.objects.retain(|_, o| o.live);
    }

    /// Where the objects of a space go, found by placing one after the other.
    fn expected(&self, which: usize) -> BTreeMap<usize, usize> {
        let space = &self.spaces[which];
        let block_of = |address: usize| (address - space.range.start) / BLOCK_BYTES;
        let mut here: Vec<(&usize, &Known)> = self
            .objects
            .iter()
            .filter(|(_, o)| space.range.contains(o.address))
            .collect();
        here.sort_by_key(|(_, o)| o.address);
        let pinned: BTreeSet<usize> = here
            .iter()
            .filter(|(_, o)| o.header.has(FLAG_PINNED))
            .map(|(_, o)| block_of(o.address))
            .collect();
        let mut blocks = space.blocks().map(block_of).filter(|b| !pinned.contains(b));
        let start_of = |block: usize| space.range.start + block * BLOCK_BYTES;
        let mut place = blocks.next().map(|block| (block, start_of(block)));
        let mut expected = BTreeMap::new();
        for (number, object) in here {
            if pinned.contains(&block_of(object.address)) {
                expected.insert(*number, object.address);
                continue;
            }
            let grows = object.header.hash_state() == HashState::FromAddress;
            let needed = |at: usize| (object.words + usize::from(grows && at != object.address)) * 8;
            let (mut block, mut at) = place.expect("a block for what slides");
            if at + needed(at) > start_of(block) + BLOCK_BYTES {
                block = blocks.next().expect("SLIDE-ORDER: a block that nothing has come to");
                at = start_of(block);
            }
            expected.insert(*number, at);
            place = Some((block, at + needed(at)));
        }
        expected
    }

    fn slide(&mut self) {
        let kinds = self.kinds;
        let expected: BTreeMap<usize, usize> = [0, 1].iter().flat_map(|w| self.expected(*w)).collect();
        let [data, pointer] = &mut self.spaces;
        // SAFETY: MARK-STRONG, the model marked what is live.
        let data_plan = unsafe { data.plan_slide(&self.cage) }.expect("memory for a table");
        // SAFETY: MARK-STRONG, as above.
        let pointer_plan = unsafe { pointer.plan_slide(&self.cage) }.expect("memory for a table");
        // SAFETY: MARK-STRONG, as above.
        let mut data_move = unsafe { data.begin_move(&self.cage, &data_plan, true) };
        // SAFETY: MARK-STRONG, as above.
        let mut pointer_move = unsafe { pointer.begin_move(&self.cage, &pointer_plan, true) };
        let forwarding = Forwarding::new(&self.cage, kinds, &data_plan, &pointer_plan);
        for (number, object) in &self.objects {
            // SAFETY: SLIDE-LIVE, the model keeps what lives.
            let to = unsafe { forwarding.forward_object(ObjectRef::from_address(object.address)) };
            assert_eq!(
                to.address(),
                expected[number],
                "object {number} of {} words",
                object.words
            );
        }
        let moved: Vec<_> = self.objects.iter().filter(|(n, o)| expected[n] != o.address).collect();
        let bytes: usize = moved.iter().map(|(_, o)| o.words * 8).sum();
        assert_eq!(
            data_plan.moved_objects() + pointer_plan.moved_objects(),
            moved.len() as u64
        );
        assert_eq!(data_plan.moved_bytes() + pointer_plan.moved_bytes(), bytes as u64);
        for index in 0..pointer_plan.blocks() {
            if pointer.is_in_use(index) {
                // SAFETY: SLIDE-LIVE, in ascending order.
                unsafe { forwarding.update_block(self.cage.pointer().start + index * BLOCK_BYTES) };
                // SAFETY: SLIDE-ORDER, in ascending order.
                unsafe { pointer.move_block(&self.cage, &mut pointer_move, index) };
            }
        }
        for index in 0..data_plan.blocks() {
            // SAFETY: SLIDE-ORDER, in ascending order.
            unsafe { data.move_block(&self.cage, &mut data_move, index) };
        }
        // SAFETY: SLIDE-LIVE, all is moved and corrected.
        unsafe { pointer.finish_move(&self.cage, pointer_move) };
        // SAFETY: SLIDE-LIVE, as above.
        unsafe { data.finish_move(&self.cage, data_move) };
        for (number, object) in &mut self.objects {
            if expected[number] != object.address && object.header.hash_state() == HashState::FromAddress {
                object.header = object.header.with_hash_state(HashState::Appended);
                object.words += 1;
            }
            object.address = expected[number];
        }
        self.check();
    }

    fn check(&self) {
        for (number, object) in &self.objects {
            assert_eq!(Self::read(object.address), object.header.bits(), "header of {number}");
            let mut slots = object.slots.iter().copied().peekable();
            let own = object.words - object.header.hash_words();
            for i in 1..own {
                let word = Self::read(object.address + i * 8);
                match slots.next_if(|s| s.0 == i) {
                    Some((_, target)) => {
                        let target =
                            target.map_or(0, |t| ObjectRef::from_address(self.objects[&t].address).reference());
                        assert_eq!(word, target, "slot {i} of {number}");
                    }
                    None => assert_eq!(word, Self::pattern(*number, i), "word {i} of {number}"),
                }
            }
            if let Some(hash) = object.hash {
                let now = if object.header.hash_state() == HashState::Appended {
                    Self::read(object.address + own * 8)
                } else {
                    ObjectRef::from_address(object.address).address_hash(0)
                };
                assert_eq!(now, hash, "hash of {number}");
            }
        }
        for space in &self.spaces {
            let used = space
                .check_integrity(&self.cage, |h| self.words_of(h))
                .expect("OLD-COVERED");
            let known: usize = self
                .objects
                .values()
                .filter(|o| space.range.contains(o.address))
                .map(|o| o.words * 8)
                .sum();
            assert_eq!(used, known);
            for block in space.blocks() {
                let bit = self.cage.bit(block);
                assert_eq!(self.cage.color().count(bit, bit + BLOCK_WORDS), 0, "MARK-CLEAR");
                let first = ObjectRef::from_address(block);
                assert!(
                    self.objects
                        .values()
                        .any(|o| o.address / BLOCK_BYTES == block / BLOCK_BYTES),
                    "{first:?} is in use and holds nothing"
                );
            }
        }
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let length = prop_oneof![8 => 0..40u32, 3 => 0..900u32, 1 => 0..14_000u32, 1 => 16_000..16_381u32];
    (1..=4u8, length, any::<u8>(), any::<u32>()).prop_map(|(kind, length, chance, links)| Wish {
        kind,
        length: if kind == 4 { length * 8 } else { length },
        live: chance & 1 != 0,
        hashed: chance & 0x0e == 0,
        pinned: false,
        links,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn slid_objects_are_where_a_naive_model_puts_them(
        rounds in proptest::collection::vec(proptest::collection::vec(wish(), 1..150), 1..4),
        repeat in 1..30usize,
        pinned in proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
        hashed in any::<bool>(),
    ) {
        let mut world = World::new();
        let mut fates = Vec::new();
        for (round, wishes) in rounds.iter().enumerate() {
            let pins: BTreeSet<usize> = pinned.iter().map(|i| i.index(wishes.len())).collect();
            for turn in 0..repeat {
                for (i, wish) in wishes.iter().enumerate() {
                    // Large ones not so often: the spaces are small.
                    if world.made < 4000 + turn && (turn == 0 || wish.length < 4000) {
                        let wish = Wish { hashed: wish.hashed && hashed, pinned: turn == 0 && pins.contains(&i), ..*wish };
                        world.allocate(&wish);
                        fates.push(wish);
                    }
                }
            }
            // What lives on in a later round is another half than before.
            world.mark(|n| fates[n].live != (round % 2 == 1 && n % 3 == 0), |n| fates[n].links);
            world.slide();
        }
    }
}

fn pair(live: bool) -> Wish {
    Wish {
        kind: 1,
        length: 0,
        live,
        hashed: false,
        pinned: false,
        links: 5,
    }
}

#[test]
fn a_full_dense_block_does_not_move() {
    let mut world = World::new();
    for _ in 0..2 * BLOCK_WORDS / 3 {
        world.allocate(&pair(true));
    }
    let before: Vec<usize> = world.objects.values().map(|o| o.address).collect();
    world.mark(|_| true, |n| n as u32);
    world.slide();
    assert_eq!(before, world.objects.values().map(|o| o.address).collect::<Vec<_>>());
}

#[test]
fn a_space_without_live_objects_becomes_empty() {
    let mut world = World::new();
    for _ in 0..BLOCK_WORDS {
        world.allocate(&pair(false));
    }
    world.mark(|_| false, |_| 0);
    world.slide();
    assert_eq!((world.spaces[1].used_bytes(), world.spaces[1].blocks_in_use()), (0, 0));
    assert_eq!(world.spaces[1].listed_bytes(), 0);
}

#[test]
fn half_of_the_blocks_become_empty() {
    let mut world = World::new();
    for _ in 0..20 * (BLOCK_WORDS / 3) {
        world.allocate(&pair(true));
    }
    assert_eq!(world.spaces[1].blocks_in_use(), 20);
    world.mark(|n| n % 2 == 0, |n| n as u32);
    world.slide();
    assert!(world.spaces[1].blocks_in_use() <= 11);
    // What is free inside of blocks is the rest of the last one, and a word or two at the end of each other.
    assert!(world.spaces[1].listed_bytes() <= BLOCK_BYTES + 20 * 16);
}

#[test]
fn each_of_many_hashed_objects_grows_by_its_hash_when_it_moves() {
    let mut world = World::new();
    for i in 0..3 * BLOCK_WORDS / 3 {
        world.allocate(&Wish {
            hashed: i % 3 != 1,
            ..pair(true)
        });
    }
    // The dead object below each live one makes room for a word and more.
    world.mark(|n| n % 2 == 0, |n| n as u32);
    world.slide();
    let appended = |world: &World| {
        world
            .objects
            .values()
            .filter(|o| o.header.hash_state() == HashState::Appended)
            .count()
    };
    let first = appended(&world);
    assert!(first > 1000);
    world.mark(|n| n % 4 == 0, |n| n as u32);
    world.slide();
    assert!(appended(&world) < first);
    for i in 0..1000 {
        world.allocate(&Wish {
            hashed: i % 2 == 0,
            ..pair(true)
        });
    }
    world.mark(|n| n % 8 != 0, |n| n as u32);
    world.slide();
}

#[test]
fn a_pinned_object_holds_its_block_as_long_as_it_lives() {
    let mut world = World::new();
    for i in 0..6 * BLOCK_WORDS / 3 {
        world.allocate(&Wish {
            pinned: i == 20_000,
            ..pair(true)
        });
    }
    let address = world.objects[&20_000].address;
    world.mark(|n| n % 2 == 0, |n| n as u32);
    world.slide();
    assert_eq!(world.objects[&20_000].address, address);
    assert_eq!(world.spaces[1].blocks_in_use(), 4);
    // Dead, it holds nothing: everything slides.
    world.mark(|n| n % 4 == 2, |n| n as u32);
    world.slide();
    assert_eq!(world.spaces[1].blocks_in_use(), 2);
}

#[test]
fn a_plan_that_is_not_carried_out_can_be_swept() {
    let mut world = World::new();
    for i in 0..4 * BLOCK_WORDS / 3 {
        world.allocate(&Wish {
            hashed: i % 5 == 0,
            pinned: i == 7,
            ..pair(true)
        });
    }
    world.mark(|n| n % 2 == 1, |n| n as u32);
    let space = &mut world.spaces[1];
    // SAFETY: MARK-STRONG, the model marked what is live.
    let plan = unsafe { space.plan_slide(&world.cage) }.expect("memory for a table");
    assert!(plan.moved_objects() > 0);
    drop(plan);
    // SAFETY: MARK-STRONG, as above.
    unsafe { space.begin_sweep(&world.cage, true) };
    while space.sweep_next(&world.cage) {}
    world.check();
}
