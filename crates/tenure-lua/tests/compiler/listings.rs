//! Programs, one per topic, and the code that the reference implementation makes of them.
//!
//! The files `listings/*.txt` show what its `string.dump` wrote, read with `undump`. So the same test says that binary chunks of the
//! reference are understood and that the compiler makes the same code: instructions, constants, variables, upvalues and lines.

use tenure_lua::bytecode::Listing;
use tenure_lua::chunk::verify;
use tenure_lua::compiler::compile;

/// A program.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) listing: &'static str,
}

macro_rules! topics {
    ($($name:literal),* $(,)?) => {
        pub(crate) const TOPICS: &[Topic] = &[$(Topic {
            name: $name,
            source: include_str!(concat!("listings/", $name, ".lua")),
            listing: include_str!(concat!("listings/", $name, ".txt")),
        }),*];
    };
}

topics![
    "arithmetic",
    "assignments",
    "closing",
    "conditions",
    "constants",
    "functions",
    "goto",
    "loops",
    "tables",
    "upvalues",
];

#[test]
fn code_is_that_of_the_reference() {
    for topic in TOPICS {
        let proto = compile(topic.source.as_bytes(), format!("@{}.lua", topic.name).as_bytes()).unwrap();
        let listing = Listing(&proto).to_string();
        for (number, (ours, expected)) in listing.lines().zip(topic.listing.lines()).enumerate() {
            assert_eq!(ours, expected, "line {} of the listing of {}", number + 1, topic.name);
        }
        assert_eq!(
            listing.lines().count(),
            topic.listing.lines().count(),
            "listing of {}",
            topic.name
        );
        assert_eq!(verify(&proto), Ok(()), "{}", topic.name);
    }
}

#[test]
fn all_opcodes_but_one_are_covered() {
    let seen = |name: &str| {
        TOPICS.iter().any(|topic| {
            topic
                .listing
                .lines()
                .any(|line| line.split_whitespace().nth(2) == Some(name))
        })
    };
    let missing: Vec<_> = tenure_lua::bytecode::Opcode::ALL
        .into_iter()
        .map(|opcode| opcode.name())
        .filter(|name| !seen(name))
        .collect();
    // It takes more constants than a test should have; the limits have it.
    assert_eq!(missing, ["LOADKX"]);
}

#[test]
fn listings_show_sizes_that_no_table_has() {
    use tenure_lua::bytecode::{Instruction, Opcode, Proto};
    let code = vec![
        Instruction::abck(Opcode::NewTable, 0, 0, 255, true),
        Instruction::from_ax(Opcode::ExtraArg, 0x1ff_ffff),
        Instruction::abc(Opcode::Return0, 0, 1, 0),
    ];
    let proto = Proto {
        code,
        max_stack_size: 2,
        ..Proto::default()
    };
    assert!(Listing(&proto).to_string().contains("; 8589934591"));
}
