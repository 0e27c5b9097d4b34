//! Operations with weak references, weak tables, finalizers and native resources, and how bytes say which.

/// An operation. Registers are looked through from the one that is named to the first with an object that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WeakOp {
    Watcher {
        to: u8,
        weak: u8,
        any: u8,
    },
    Observers {
        to: u8,
        length: u16,
        weak: u8,
    },
    Owner {
        to: u8,
        any: u8,
        bytes: u32,
    },
    Table {
        to: u8,
        mode: u8,
    },
    Set {
        object: u8,
        slot: u8,
        from: u8,
    },
    Load {
        to: u8,
        object: u8,
        slot: u8,
    },
    Handle {
        from: u8,
    },
    SetHandle {
        index: u8,
        from: u8,
    },
    LoadHandle {
        to: u8,
        index: u8,
    },
    DropHandle {
        index: u8,
    },
    Insert {
        table: u8,
        key: u8,
        value: u8,
    },
    /// Inserts a chain of new nodes, each the key of the next one.
    Chain {
        table: u8,
        to: u8,
        count: u16,
        from: u8,
    },
    Find {
        to: u8,
        table: u8,
        key: u8,
    },
    Remove {
        to: u8,
        table: u8,
        key: u8,
    },
    Entry {
        to: u8,
        table: u8,
        place: u16,
    },
    ClearTable {
        table: u8,
    },
    Register {
        object: u8,
        priority: u8,
    },
    Unregister {
        object: u8,
    },
    /// Takes some of what is due, and keeps the last.
    Drain {
        to: u8,
        count: u8,
    },
    FinalizeAll,
    EndJob,
    Keep {
        from: u8,
    },
    NativeBytes {
        object: u8,
        bytes: u32,
    },
    External {
        bytes: u32,
    },
    /// Collects everything, with nothing due before: afterwards the two must agree exactly.
    Exact {
        slide: bool,
    },
}

impl WeakOp {
    /// Decodes an operation from the bytes after the first.
    pub(super) fn decode(b: [u8; 7]) -> WeakOp {
        let wide = u16::from_le_bytes([b[5], b[6]]);
        let bytes = if b[4] < 250 {
            u32::from(wide) % 1000
        } else {
            u32::from(wide) << 10
        };
        match b[0] % 64 {
            0..=7 => WeakOp::Watcher {
                to: b[1],
                weak: b[2],
                any: b[3],
            },
            8..=9 => WeakOp::Observers {
                to: b[1],
                length: match b[4] {
                    0..200 => wide % 10,
                    200..250 => 100 + wide % 300,
                    _ => wide % 20_000,
                },
                weak: b[2],
            },
            10..=12 => WeakOp::Owner {
                to: b[1],
                any: b[2],
                bytes,
            },
            13..=15 => WeakOp::Table { to: b[1], mode: b[2] },
            16..=19 => WeakOp::Set {
                object: b[1],
                slot: b[2],
                from: b[3],
            },
            20..=22 => WeakOp::Load {
                to: b[1],
                object: b[2],
                slot: b[3],
            },
            23..=24 => WeakOp::Handle { from: b[1] },
            25 => WeakOp::SetHandle {
                index: b[1],
                from: b[2],
            },
            26 => WeakOp::LoadHandle { to: b[1], index: b[2] },
            27 => WeakOp::DropHandle { index: b[1] },
            28..=37 => WeakOp::Insert {
                table: b[1],
                key: b[2],
                value: b[3],
            },
            38..=39 => WeakOp::Chain {
                table: b[1],
                to: b[2],
                count: match b[4] {
                    0..220 => wide % 12,
                    220..250 => 40 + wide % 100,
                    _ => wide % 1500,
                },
                from: b[3],
            },
            40..=42 => WeakOp::Find {
                to: b[1],
                table: b[2],
                key: b[3],
            },
            43..=44 => WeakOp::Remove {
                to: b[1],
                table: b[2],
                key: b[3],
            },
            45 => WeakOp::Entry {
                to: b[1],
                table: b[2],
                place: wide,
            },
            46 if b[4] < 64 => WeakOp::ClearTable { table: b[1] },
            46..=51 => WeakOp::Register {
                object: b[1],
                priority: b[2] % 4,
            },
            52 => WeakOp::Unregister { object: b[1] },
            53..=55 => WeakOp::Drain {
                to: b[1],
                count: b[2] % 8,
            },
            56 if b[4] < 32 => WeakOp::FinalizeAll,
            56 => WeakOp::EndJob,
            57 => WeakOp::Keep { from: b[1] },
            58 => WeakOp::NativeBytes { object: b[1], bytes },
            59 => WeakOp::External { bytes },
            60..=61 => WeakOp::Exact {
                slide: b[1].is_multiple_of(8),
            },
            _ => WeakOp::EndJob,
        }
    }
}
