//! The programs, and the chunks that are made of them.
//!
//! A chunk runs its program in a function, between two looks at the clock of the process, and prints the seconds last. What the program
//! printed before is its check value. Reading and compiling the source, and freeing everything at the end, are outside of the clock.

/// What a program mostly does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Allocation,
    Other,
}

impl Group {
    pub(crate) const ALL: [Group; 2] = [Group::Allocation, Group::Other];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Group::Allocation => "allocation",
            Group::Other => "other",
        }
    }

    /// The largest geometric mean of ratios that is good enough.
    pub(crate) const fn target(self) -> f64 {
        match self {
            Group::Allocation => 0.7,
            Group::Other => 1.2,
        }
    }
}

/// One program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) group: Group,
    pub(crate) name: &'static str,
    source: &'static str,
}

macro_rules! programs {
    ($($group:ident $folder:literal: $($name:literal),+;)+) => {
        &[$($(Program {
            group: Group::$group,
            name: $name,
            source: include_str!(concat!("../programs/", $folder, "/", $name, ".lua")),
        }),+),+]
    };
}

/// Every program, group by group.
pub(crate) const PROGRAMS: &[Program] = programs! {
    Allocation "allocation": "binary_trees", "closures", "json", "nested_tables", "queens_lists", "splay", "string_building";
    Other "other": "coroutines", "fannkuch", "fib", "mandelbrot", "methods", "nbody", "sieve", "sort", "spectral_norm", "string_scan";
};

/// Makes a chunk that runs `program` in a mode of the collector, or as the state is when it begins.
pub(crate) fn timed(program: &Program, mode: Option<&str>) -> String {
    let mode = mode.map_or_else(String::new, |mode| format!("collectgarbage({mode:?})\n"));
    format!("{mode}{}", clocked(program))
}

fn clocked(program: &Program) -> String {
    format!(
        "local function program()\n{}end\nlocal start = os.clock()\nprogram()\nprint(('seconds %.6f'):format(os.clock() - start))\n",
        program.source
    )
}

/// Makes a chunk that fills the heap to `mib` MiB with records, lists and strings, which stay alive while it runs `program`.
pub(crate) fn beside_live_data(program: &Program, mib: usize) -> String {
    let live = include_str!("../programs/live_data.lua");
    format!(
        "local FILL_MIB <const> = {mib}\n{live}{}print(#live > 0)\n",
        clocked(program)
    )
}
