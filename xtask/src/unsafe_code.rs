//! Where unsafe code lives and which invariants it leans on.
//!
//! Counts the `unsafe` tokens of each file (one pass), writes them as `docs/unsafe-inventory.md`, and demands that each safety
//! comment cites a named invariant of ARCHITECTURE.md. It does not judge whether a comment is true, nor whether one is missing:
//! clippy's `undocumented_unsafe_blocks` does the latter.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::documents::{ARCHITECTURE_PATH, invariants, names_in};
use crate::finding::Finding;
use crate::source::{Comment, Token, split, tokens};
use crate::workspace::{SourceFile, UnsafeCode, Workspace};

/// The generated document, relative to the root.
pub(crate) const INVENTORY_PATH: &str = "docs/unsafe-inventory.md";

/// What one file holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Count {
    blocks: usize,
    impls: usize,
    functions: usize,
    /// Traits, foreign blocks and unsafe attributes.
    others: usize,
    /// Tokens inside `quote!`: code that a derive writes into an embedder's crate.
    generated: usize,
    cited: BTreeSet<String>,
}

impl Count {
    fn is_empty(&self) -> bool {
        self.blocks + self.impls + self.functions + self.others + self.generated == 0
    }
}

/// Checks each Rust file against its package's setting, each safety comment, and the inventory.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let known = workspace
        .file(ARCHITECTURE_PATH)
        .map(|file| invariants(&file.text))
        .unwrap_or_default();
    for file in workspace
        .rust_files()
        .filter(|file| !workspace.is_refused_program(file))
    {
        let parts = split(&file.text);
        let allowed = workspace.package_of(&file.path).and_then(|package| package.unsafe_code);
        if allowed != Some(UnsafeCode::Allowed) {
            for token in tokens(&parts.code)
                .into_iter()
                .filter(|token| is_unsafe(token) && !token.quoted)
            {
                findings.push(Finding::new(
                    &file.path,
                    token.line,
                    "`unsafe` in a package whose manifest says unsafe-code = \"forbidden\"",
                    "unsafe code has a floor: the few crates that own memory (docs/unsafe-inventory.md)",
                    "use or add a safe function in a crate that is allowed to; a new floor is a decision note",
                ));
            }
        }
        for comment in safety_comments(&parts.comments) {
            check_citation(
                &file.path,
                &comment,
                known.keys().map(String::as_str).collect(),
                &mut findings,
            );
        }
    }
    check_forbid_attributes(workspace, &mut findings);
    let current = workspace.file(INVENTORY_PATH).map_or("", |file| file.text.as_str());
    let expected = inventory(workspace);
    if current != expected {
        let same = current
            .lines()
            .zip(expected.lines())
            .take_while(|(a, b)| a == b)
            .count();
        findings.push(Finding::new(
            INVENTORY_PATH,
            same + 1,
            "the inventory differs from the sources",
            "a new place with unsafe code has to show in the diff that a reviewer reads",
            "run `cargo xtask unsafe-inventory` and commit the result",
        ));
    }
    findings
}

/// The text of the inventory.
pub(crate) fn inventory(workspace: &Workspace) -> String {
    let mut text = String::from(
        "# Unsafe code\n\n\
         Written by `cargo xtask unsafe-inventory`; `cargo xtask tidy` fails while it differs from the sources. *Others* are unsafe\n\
         traits, foreign blocks and attributes; *generated* is code that a derive writes into an embedder's crate. Invariants are\n\
         explained in [ARCHITECTURE.md](../ARCHITECTURE.md). Files that are not listed contain no unsafe code.\n\n\
         | file | blocks | impls | functions | others | generated | invariants cited |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    let mut total = Count::default();
    for file in workspace
        .rust_files()
        .filter(|file| !workspace.is_refused_program(file))
    {
        let count = count(file);
        if count.is_empty() {
            continue;
        }
        total.blocks += count.blocks;
        total.impls += count.impls;
        total.functions += count.functions;
        total.others += count.others;
        total.generated += count.generated;
        let cited: Vec<&str> = count.cited.iter().map(String::as_str).collect();
        write_row(&mut text, &format!("`{}`", file.path), &count, &cited.join(", "));
    }
    write_row(&mut text, "total", &total, "");
    text
}

fn write_row(text: &mut String, name: &str, count: &Count, cited: &str) {
    let Count {
        blocks,
        impls,
        functions,
        others,
        generated,
        ..
    } = count;
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        text,
        "| {name} | {blocks} | {impls} | {functions} | {others} | {generated} | {cited} |"
    );
}

fn is_unsafe(token: &Token<'_>) -> bool {
    token.text == "unsafe"
}

fn count(file: &SourceFile) -> Count {
    let parts = split(&file.text);
    let tokens = tokens(&parts.code);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut count = Count::default();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| is_unsafe(token)) {
        // The name of the calling convention is a literal and therefore no token.
        let next = if text(at + 1) == "extern" && text(at + 2) == "fn" {
            at + 2
        } else {
            at + 1
        };
        match text(next) {
            _ if token.quoted => count.generated += 1,
            "{" => count.blocks += 1,
            "impl" => count.impls += 1,
            "fn" if text(next + 1) == "(" => {} // the type of a function pointer
            "fn" => count.functions += 1,
            _ => count.others += 1,
        }
    }
    for comment in safety_comments(&parts.comments) {
        count
            .cited
            .extend(names_in(&comment.text).into_iter().map(str::to_string));
    }
    count
}

/// A safety comment with the lines that continue it.
struct SafetyComment {
    line: usize,
    text: String,
}

fn safety_comments(comments: &[Comment<'_>]) -> Vec<SafetyComment> {
    let mut found: Vec<SafetyComment> = Vec::new();
    let mut next_line = 0;
    for comment in comments.iter().filter(|comment| !comment.is_doc()) {
        let body = comment.text.trim_start_matches(['/', '*']).trim_start();
        if body.starts_with("SAFETY:") {
            found.push(SafetyComment {
                line: comment.line,
                text: body.to_string(),
            });
        } else if comment.line == next_line
            && let Some(last) = found.last_mut()
        {
            last.text.push(' ');
            last.text.push_str(body);
        } else {
            continue;
        }
        next_line = comment.line + 1;
    }
    found
}

fn check_citation(path: &str, comment: &SafetyComment, known: Vec<&str>, findings: &mut Vec<Finding>) {
    let why = "a named invariant can be looked up, asserted and broken on purpose; \"this is fine\" cannot";
    let cited = names_in(&comment.text);
    if cited.is_empty() {
        findings.push(Finding::new(
            path,
            comment.line,
            "a safety comment that cites no invariant",
            why,
            format!(
                "name the invariant it relies on, from {ARCHITECTURE_PATH}, section Invariants, and who established it"
            ),
        ));
    }
    for name in cited.into_iter().filter(|name| !known.contains(name)) {
        findings.push(Finding::new(
            path,
            comment.line,
            format!("the cited invariant {name} is not listed"),
            why,
            format!("correct the name, or list it in {ARCHITECTURE_PATH}, section Invariants, as \"- `{name}` …\""),
        ));
    }
}

fn check_forbid_attributes(workspace: &Workspace, findings: &mut Vec<Finding>) {
    for package in workspace
        .packages
        .iter()
        .filter(|package| package.unsafe_code == Some(UnsafeCode::Forbidden))
    {
        for file in package.target_roots.iter().filter_map(|path| workspace.file(path)) {
            if !forbids_unsafe(&file.text) {
                findings.push(Finding::new(
                    &file.path,
                    1,
                    "the root of a target lacks #![forbid(unsafe_code)]",
                    "the compiler, not a reviewer, has to refuse unsafe code in this package",
                    "add the attribute below the module documentation",
                ));
            }
        }
    }
}

/// Whether the attribute stands before the first item.
fn forbids_unsafe(text: &str) -> bool {
    let code = split(text).code;
    let tokens = tokens(&code);
    let mut at = 0;
    while tokens.get(at).is_some_and(|token| token.text == "#") && tokens.get(at + 1).is_some_and(|t| t.text == "!") {
        let close = tokens[at..]
            .iter()
            .position(|token| token.text == "]")
            .map_or(tokens.len(), |offset| at + offset);
        let attribute: String = tokens[at..close].iter().map(|token| token.text).collect();
        if attribute.starts_with("#![forbid(") && attribute.contains("unsafe_code") {
            return true;
        }
        at = close + 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{INVENTORY_PATH, check, count, forbids_unsafe, inventory};
    use crate::workspace::tests::seeded;
    use crate::workspace::{SourceFile, UnsafeCode};

    const ARCHITECTURE: &str = "## Invariants\n\n- `OBJ-HEADER` every object has one\n";

    /// `UNSAFE` in the seeds stands for the keyword, lest a search for it in this file finds them.
    fn source(text: &str) -> String {
        text.replace("UNSAFE", "unsafe")
    }

    fn findings(allowed: UnsafeCode, library: &str) -> Vec<(usize, String)> {
        let library = source(library);
        let files = [
            ("crates/a/src/lib.rs", library.as_str()),
            ("ARCHITECTURE.md", ARCHITECTURE),
        ];
        let mut workspace = seeded(allowed, &files);
        let text = inventory(&workspace);
        workspace.files.push(SourceFile {
            path: INVENTORY_PATH.into(),
            text,
        });
        check(&workspace)
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    #[test]
    fn a_forbidden_crate_needs_the_attribute_and_no_token() {
        assert_eq!(
            findings(
                UnsafeCode::Forbidden,
                "//! Doc.\n#![forbid(unsafe_code)]\n// UNSAFE\nfn f() {}\n"
            ),
            []
        );
        let seeded = findings(UnsafeCode::Forbidden, "fn f() {\n    UNSAFE { g() }\n}\n");
        assert_eq!(
            seeded.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [2, 1],
            "{seeded:?}"
        );
    }

    #[test]
    fn generated_code_is_not_the_derive_crates_own() {
        let text = "#![forbid(unsafe_code)]\nfn f() { quote! { UNSAFE impl X for Y {} } }";
        assert_eq!(findings(UnsafeCode::Forbidden, text), []);
        let count = count(&SourceFile {
            path: "x.rs".into(),
            text: source(text),
        });
        assert_eq!((count.impls, count.generated), (0, 1));
    }

    #[test]
    fn refused_programs_may_try_unsafe_code() {
        let program = source("fn main() { UNSAFE { x() } }");
        let files = [("tests/ui/a.rs", program.as_str()), ("tests/ui/a.stderr", "error")];
        let mut workspace = seeded(UnsafeCode::Forbidden, &files);
        let text = inventory(&workspace);
        workspace.files.push(SourceFile {
            path: INVENTORY_PATH.into(),
            text,
        });
        assert_eq!(check(&workspace), []);
    }

    #[test]
    fn safety_comments_cite_listed_invariants() {
        let block = |comment: &str| format!("fn f() {{\n    // {comment}\n    UNSAFE {{ g() }}\n}}\n");
        let check = |comment: &str| findings(UnsafeCode::Allowed, &block(comment));
        assert_eq!(
            check("SAFETY: OBJ-HEADER holds: the caller's word.\n    // UTF-8 has nothing to do with it."),
            []
        );
        assert_eq!(check("SAFETY: a sentence that goes on\n    // to name OBJ-HEADER."), []);
        let none = check("SAFETY: this is fine.");
        assert!(
            none.len() == 1 && none[0].0 == 2 && none[0].1.contains("cites no invariant"),
            "{none:?}"
        );
        let unknown = check("SAFETY: OBJ-HEDAER holds.");
        assert!(unknown.len() == 1 && unknown[0].1.contains("OBJ-HEDAER"), "{unknown:?}");
        let apart = check("SAFETY: this is fine.\n\n    // OBJ-HEADER is far away.");
        assert_eq!(apart.len(), 1, "a comment after a gap is another comment");
    }

    #[test]
    fn kinds_of_unsafe_are_told_apart() {
        let text = source(
            "UNSAFE fn a() {}\npub UNSAFE extern \"C\" fn b() {}\nUNSAFE impl X for Y {}\nUNSAFE trait T {}\n\
             #[UNSAFE(no_mangle)]\nfn c(f: UNSAFE fn(), g: UNSAFE extern \"C\" fn(u8)) { UNSAFE { d() } }\n\
             UNSAFE extern \"C\" { fn e(); }\n// UNSAFE { }\n",
        );
        let count = count(&SourceFile {
            path: "x.rs".into(),
            text,
        });
        assert_eq!((count.functions, count.impls, count.blocks, count.others), (2, 1, 1, 3));
    }

    #[test]
    fn a_stale_inventory_is_reported_at_its_first_different_line() {
        let library = source("UNSAFE impl X for Y {}\n");
        let mut workspace = seeded(
            UnsafeCode::Allowed,
            &[("crates/a/src/lib.rs", &library), ("ARCHITECTURE.md", ARCHITECTURE)],
        );
        let mut text = inventory(&workspace);
        assert!(
            text.contains("| `crates/a/src/lib.rs` | 0 | 1 | 0 | 0 | 0 |  |"),
            "{text}"
        );
        text = text.replace("| 0 | 1 |", "| 0 | 2 |");
        workspace.files.push(SourceFile {
            path: INVENTORY_PATH.into(),
            text,
        });
        let findings = check(&workspace);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].file.as_str(), findings[0].line), (INVENTORY_PATH, 9));
    }

    #[test]
    fn the_attribute_counts_only_at_the_top() {
        assert!(forbids_unsafe(
            "//! Doc.\n#![no_std]\n#![forbid(unsafe_code, missing_docs)]\n"
        ));
        assert!(!forbids_unsafe("mod a;\n#![forbid(unsafe_code)]\n"));
        assert!(!forbids_unsafe("// #![forbid(unsafe_code)]\n"));
        assert!(!forbids_unsafe("#![deny(unsafe_code)]\n"));
    }
}
