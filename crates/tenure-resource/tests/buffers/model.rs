//! Programs of operations on buffers, memories and views, against a model of plain vectors.
//!
//! Each operation names its operands by numbers that are taken modulo what there is, so every shrunk program is valid.
//! Results are compared with everything that errors tell: who took the bytes, at which operation, where the view was
//! made.

mod ops;
mod stores;
mod values;
mod views;
mod world;

use std::fmt::Debug;
use std::ops::RangeBounds;

use proptest::prelude::*;
use tenure_resource::buffer::ArrayBuffer;

use ops::op;
use world::World;

/// Every allocation of this size fails, on every machine.
const IMPOSSIBLE_BYTES: usize = 1 << 62;

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn programs_do_what_the_model_does(ops in prop::collection::vec(op(), 1..90)) {
        let mut world = World::default();
        for (at, op) in ops.into_iter().enumerate() {
            world.run(op, at as u64);
        }
        world.check();
        world.end();
    }
}

/// Ranges are anything that selects, by reference too.
#[test]
fn slices_take_every_form_of_range() {
    fn slice(range: impl RangeBounds<usize> + Debug) -> Vec<u8> {
        ArrayBuffer::from_vec((0..10).collect())
            .slice(range)
            .expect("within")
            .into_vec()
    }
    assert_eq!(slice(..), (0..10).collect::<Vec<u8>>());
    assert_eq!(slice(7..), [7, 8, 9]);
    assert_eq!(slice(..=1), [0, 1]);
    assert_eq!(slice(10..), []);
    assert_eq!(slice(3..3), []);
}
