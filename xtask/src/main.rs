//! Automation of the workspace: `cargo xtask COMMAND`.
//!
//! Each command reads the checkout and reports; only `unsafe-inventory` writes a file. Costs a second or two, apart from `asm`
//! (one release build) and `ci` (everything). It does not format, build or test by itself: `.ci/run` holds that list.
#![forbid(unsafe_code)]

mod asm;
mod documents;
mod finding;
mod layers;
mod listing;
mod quotes;
mod source;
mod sources;
mod unsafe_code;
mod workspace;

use std::error::Error;
use std::process::{Command, ExitCode};

use finding::Finding;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  tidy               check layers, unsafe code, documents and sources against the rules in STYLE.md
  unsafe-inventory   write docs/unsafe-inventory.md from the sources
  asm                build the assembly example and check the length of the allocation, store and load fast paths
  ci                 run .ci/run, the list that CI runs
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(),
        ["unsafe-inventory"] => write_inventory(),
        ["asm"] => asm::check(),
        ["ci"] => ci(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        other => {
            eprint!("xtask: `{}` is not a command\n{USAGE}", other.join(" "));
            Ok(false)
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every check and prints what it found; `Ok(true)` when there is nothing to mend.
fn tidy() -> Result<bool, Box<dyn Error>> {
    let workspace = Workspace::load()?;
    let mut findings = all_findings(&workspace);
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}\n");
    }
    if findings.is_empty() {
        println!(
            "tidy: {} packages, {} files, nothing to mend",
            workspace.packages.len(),
            workspace.files.len()
        );
    } else {
        eprintln!("tidy: {} to mend", findings.len());
    }
    Ok(findings.is_empty())
}

fn all_findings(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = layers::check(workspace);
    findings.extend(unsafe_code::check(workspace));
    findings.extend(sources::check(workspace));
    findings.extend(documents::check(workspace));
    findings.extend(quotes::check(workspace));
    findings
}

fn write_inventory() -> Result<bool, Box<dyn Error>> {
    let workspace = Workspace::load()?;
    let path = workspace.root.join(unsafe_code::INVENTORY_PATH);
    std::fs::write(&path, unsafe_code::inventory(&workspace))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("wrote {}", unsafe_code::INVENTORY_PATH);
    Ok(true)
}

fn ci() -> Result<bool, Box<dyn Error>> {
    let root = workspace::root()?;
    let status = Command::new("bash")
        .arg(".ci/run")
        .current_dir(&root)
        .status()
        .map_err(|error| format!("cannot start `bash .ci/run`: {error}; is bash installed?"))?;
    Ok(status.success())
}
