//! The machine code of the three fast paths that every embedder inlines, checked against their limits.
//!
//! Builds `crates/tenure/examples/asm.rs` in release mode and counts instructions (see [`crate::listing`]). Costs one optimized
//! build. It does not check other architectures than x86-64: the limits are stated for that one.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use cargo_metadata::MetadataCommand;

use crate::listing::{Function, counted};

const EXAMPLE_PATH: &str = "crates/tenure/examples/asm.rs";

/// How long a fast path may be.
#[derive(Debug)]
struct Limit {
    function: &'static str,
    instructions_max: usize,
    meaning: &'static str,
}

const LIMITS: [Limit; 3] = [
    Limit {
        function: "asm_alloc_pair",
        instructions_max: 9,
        meaning: "allocation: load top, add, compare, branch, header, two words, store top, payload",
    },
    Limit {
        function: "asm_set_field",
        instructions_max: 3,
        meaning: "barrier: the store, a test, a branch",
    },
    Limit {
        function: "asm_get_field",
        instructions_max: 1,
        meaning: "field read: one load",
    },
];

/// Builds the example and prints each function's count; `Ok(false)` when one is over its limit.
pub(crate) fn check() -> Result<bool, Box<dyn Error>> {
    if cfg!(not(target_arch = "x86_64")) {
        println!(
            "asm: skipped, the limits are stated for x86-64 and this machine is {}",
            std::env::consts::ARCH
        );
        return Ok(true);
    }
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let root = metadata.workspace_root.as_std_path();
    if !root.join(EXAMPLE_PATH).is_file() {
        return Err(format!(
            "{EXAMPLE_PATH} is missing; it holds the functions to check, e.g. {}",
            LIMITS[0].function
        )
        .into());
    }
    let listing = build(root, metadata.target_directory.as_std_path())?;
    let (report, is_within) = judge(&listing);
    print!("{report}");
    Ok(is_within)
}

fn build(root: &Path, target: &Path) -> Result<String, Box<dyn Error>> {
    let folder = target.join("asm");
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let output = folder.join("fast-paths.s");
    if !output.exists() {
        // Cargo does not know of the listing: a newer source makes it compile again.
        let touched = File::options().append(true).open(root.join(EXAMPLE_PATH));
        touched
            .and_then(|file| file.set_modified(SystemTime::now()))
            .map_err(|error| format!("cannot touch {EXAMPLE_PATH}: {error}"))?;
    }
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "rustc",
            "--quiet",
            "--release",
            "-p",
            "tenure",
            "--example",
            "asm",
            "--",
        ])
        .arg("--emit")
        .arg(format!("asm={}", output.display()))
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{EXAMPLE_PATH} does not build ({status})").into());
    }
    std::fs::read_to_string(&output)
        .map_err(|error| format!("cargo left no listing at {}: {error}", output.display()).into())
}

/// The report on a listing, and whether every limit holds.
fn judge(listing: &str) -> (String, bool) {
    let mut report = String::new();
    let mut is_within = true;
    for Limit {
        function: name,
        instructions_max,
        meaning,
    } in &LIMITS
    {
        let mut fail = |text: String| {
            report.push_str(&text);
            is_within = false;
        };
        let Some(function) = Function::find(listing, name) else {
            fail(format!(
                "FAIL {name}: not in the listing; mark it #[inline(never)], give it a body of its own (equal functions are\n     \
                 merged) and call it from main through an opaque pointer: black_box({name} as fn(_) -> _)(…)\n"
            ));
            continue;
        };
        match function.fast_path() {
            None => fail(format!(
                "FAIL {name}: every way to `ret` goes through a call, so nothing was inlined:\n{}",
                function.annotated(&[])
            )),
            Some(path) if counted(&path) > *instructions_max => fail(format!(
                "FAIL {name}: {} instructions, at most {instructions_max} are accepted ({meaning}):\n{}",
                counted(&path),
                function.annotated(&path)
            )),
            Some(path) => {
                report.push_str(&format!(
                    "ok   {name}: {} of at most {instructions_max} instructions\n",
                    counted(&path)
                ));
            }
        }
    }
    (report, is_within)
}

#[cfg(test)]
mod tests {
    use super::judge;

    const LISTING: &str = "asm_alloc_pair:\n\tmovq\t(%rdi), %rax\n\tretq\n\t.cfi_endproc\n\
                           asm_set_field:\n\tmovq\t%rsi, (%rdi)\n\tretq\n\t.cfi_endproc\n\
                           asm_get_field:\n\tmovq\t8(%rdi), %rax\n\tretq\n\t.cfi_endproc\n";

    #[test]
    fn short_paths_pass() {
        let (report, is_within) = judge(LISTING);
        assert!(is_within, "{report}");
        assert_eq!(report.matches("ok   ").count(), 3);
    }

    #[test]
    fn a_second_load_a_call_and_a_lost_function_fail_with_their_reason() {
        let seeded = LISTING
            .replace("8(%rdi), %rax", "8(%rdi), %rax\n\tmovq\t(%rax), %rax")
            .replace("movq\t%rsi, (%rdi)", "callq\tset")
            .replace("asm_alloc_pair", "asm_merged");
        let (report, is_within) = judge(&seeded);
        assert!(!is_within);
        assert!(report.contains("FAIL asm_alloc_pair: not in the listing"), "{report}");
        assert!(report.contains("FAIL asm_set_field: every way"), "{report}");
        assert!(
            report.contains("FAIL asm_get_field: 2 instructions, at most 1"),
            "{report}"
        );
        assert!(report.contains("     2     movq (%rax), %rax"), "{report}");
    }
}
