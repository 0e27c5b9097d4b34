//! Documents that CI walks: ARCHITECTURE.md names each crate, invariants are real, paths and links lead somewhere.
//!
//! Quadratic at worst in the number of paths mentioned times files; both are a few hundred. It does not check prose.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::workspace::Workspace;

/// The map of the code, relative to the root.
pub(crate) const ARCHITECTURE_PATH: &str = "ARCHITECTURE.md";
/// A span that ends like this is a file name even without a folder.
const FILE_EXTENSIONS: [&str; 3] = [".rs", ".md", ".toml"];

/// Checks ARCHITECTURE.md against the packages, the invariants against the sources, and every mentioned path.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    match workspace.file(ARCHITECTURE_PATH) {
        Some(file) => check_architecture(workspace, &file.text, &mut findings),
        None => findings.push(Finding::new(
            ARCHITECTURE_PATH,
            1,
            "the file does not exist",
            "it leads a stranger to the place of each thing and lists the invariants that safety comments cite",
            "write it",
        )),
    }
    for file in workspace
        .files
        .iter()
        .filter(|file| file.path.ends_with(".md") && file.path != "CHANGELOG.md")
    {
        for (line, mention) in mentions(&file.text) {
            if !resolves(workspace, &file.path, &mention) {
                let (Mention::Span(path) | Mention::Link(path)) = mention;
                findings.push(Finding::new(
                    &file.path,
                    line,
                    format!("`{path}` leads nowhere"),
                    "a map with wrong places is worse than none",
                    "correct the path, or drop the mention of what is gone",
                ));
            }
        }
    }
    findings
}

fn check_architecture(workspace: &Workspace, text: &str, findings: &mut Vec<Finding>) {
    for package in workspace
        .packages
        .iter()
        .filter(|package| package.folder.starts_with("crates/"))
    {
        if !mentions_word(text, &package.name) {
            findings.push(Finding::new(
                ARCHITECTURE_PATH,
                1,
                format!("the crate `{}` is not mentioned", package.name),
                "a reader finds each crate's purpose here",
                "add it to the code map with one line of purpose",
            ));
        }
    }
    let invariants = invariants(text);
    if invariants.is_empty() {
        findings.push(Finding::new(
            ARCHITECTURE_PATH,
            1,
            "no invariants listed below a heading \"Invariants\"",
            "safety comments and assertions refer to them by name",
            "list each as \"- `NAME-OF-IT` what holds\"",
        ));
    }
    let sources = || workspace.rust_files().filter(|file| file.path.starts_with("crates/"));
    for (name, line) in invariants {
        if !sources().any(|file| mentions_word(&file.text, &name)) {
            findings.push(Finding::new(
                ARCHITECTURE_PATH,
                line,
                format!("the invariant {name} appears in no source below crates/"),
                "an invariant that nothing states, asserts or cites protects nothing",
                "name it where it is stated and checked, or drop it from the list",
            ));
        }
    }
}

/// Whether `name` occurs with nothing around it that could belong to a longer name.
fn mentions_word(text: &str, name: &str) -> bool {
    let part = |c: char| c == '-' || c == '_' || c.is_alphanumeric();
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

/// The invariants that ARCHITECTURE.md lists, each with its line.
pub(crate) fn invariants(architecture: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut section_level = None;
    for (line, text) in prose_lines(architecture) {
        let level = text.chars().take_while(|&c| c == '#').count();
        if level > 0 {
            if text.to_lowercase().contains("invariants") {
                section_level = Some(level);
            } else if section_level.is_some_and(|own| level <= own) {
                section_level = None;
            }
            continue;
        }
        let item = text.trim_start();
        if section_level.is_none() || !item.starts_with(['-', '*', '|']) {
            continue;
        }
        if let Some(name) = spans(item).into_iter().next()
            && names_in(name) == [name]
        {
            found.entry(name.to_string()).or_insert(line);
        }
    }
    found
}

/// The names of invariants in a text: two or more words in capitals, each beginning with a letter, joined by dashes.
pub(crate) fn names_in(text: &str) -> Vec<&str> {
    let is_name = |word: &&str| {
        let mut parts = word.split('-');
        word.contains('-')
            && parts.all(|part| {
                part.starts_with(|c: char| c.is_ascii_uppercase())
                    && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            })
    };
    text.split(|c: char| c != '-' && c != '_' && !c.is_alphanumeric())
        .filter(is_name)
        .collect()
}

/// The lines of a document outside its fenced blocks, counted from 1.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The code spans of a line.
fn spans(line: &str) -> Vec<&str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|span| !span.is_empty())
        .collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mention<'a> {
    /// `` `crates/x/src/y.rs` ``
    Span(&'a str),
    /// `[text](path)`
    Link(&'a str),
}

fn mentions(text: &str) -> Vec<(usize, Mention<'_>)> {
    let mut found = Vec::new();
    for (line, text) in prose_lines(text) {
        found.extend(spans(text).into_iter().map(|span| (line, Mention::Span(span))));
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', ' ', '#']).next().unwrap_or("");
            if !target.is_empty() && !target.contains(':') {
                found.push((line, Mention::Link(target)));
            }
        }
    }
    found
}

/// Whether a mention leads to a file or folder, or is not a path at all.
fn resolves(workspace: &Workspace, document: &str, mention: &Mention<'_>) -> bool {
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    match mention {
        Mention::Link(target) => exists(workspace, &join(folder, target)),
        Mention::Span(span) => {
            if !span.chars().all(|c| c.is_alphanumeric() || "_-./*{},…<>:".contains(c)) || span.starts_with('/') {
                return true;
            }
            // `file.rs:12` points into the file.
            let path = span.split(':').next().unwrap_or(span);
            if span.contains("::") || path.starts_with('-') {
                return true;
            }
            let is_file_name = FILE_EXTENSIONS.iter().any(|extension| path.ends_with(extension));
            let first = path.split('/').next().unwrap_or(path);
            let is_below_top = path.contains('/') && top_level(workspace, first);
            if path.starts_with("../") || path.starts_with("./") {
                return exists(workspace, &join(folder, path));
            }
            if !is_file_name && !is_below_top {
                return true;
            }
            alternatives(path).iter().all(|path| {
                exists(workspace, path) || exists(workspace, &join(folder, path)) || is_end_of_a_path(workspace, path)
            })
        }
    }
}

fn top_level(workspace: &Workspace, name: &str) -> bool {
    let starts = |path: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    workspace.files.iter().any(|file| starts(&file.path))
}

/// `path` as seen from `folder`, or the empty string when it leads out of the checkout.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() {
            return String::new();
        }
    }
    parts.join("/")
}

/// Expands `a/{b,c}.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let Some((start, rest)) = path.split_once('{') else {
        return vec![path.to_string()];
    };
    let Some((inside, end)) = rest.split_once('}') else {
        return vec![path.to_string()];
    };
    inside
        .split(',')
        .flat_map(|part| alternatives(&format!("{start}{part}{end}")))
        .collect()
}

/// Whether a file, a folder of files, or something that git ignores (the output of a command) has this path.
fn exists(workspace: &Workspace, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let below = |parent: &str| path == parent || path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'));
    !path.is_empty()
        && (workspace.ignored.iter().any(|ignored| below(ignored))
            || workspace
                .files
                .iter()
                .any(|file| prefixes(&file.path).any(|prefix| matches(path, prefix))))
}

/// Accepts `evacuate.rs` and `tenure-nursery/src/evacuate.rs`: the reader finds them by name.
fn is_end_of_a_path(workspace: &Workspace, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let ends = |whole: &str| whole.match_indices('/').any(|(at, _)| matches(path, &whole[at + 1..]));
    workspace.files.iter().any(|file| prefixes(&file.path).any(ends))
}

/// `a/b/c`: `a`, `a/b`, `a/b/c`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

/// Whether `pattern` covers the whole of `text`; `*`, `...`, `…` and `<anything>` stand for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = vec![String::new()];
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let placeholder = rest
            .strip_prefix('<')
            .and_then(|inside| inside.split_once('>'))
            .map(|(_, after)| after);
        let wildcard = rest
            .strip_prefix("...")
            .or_else(|| rest.strip_prefix(['*', '…']))
            .or(placeholder);
        match wildcard {
            Some(after) => {
                pieces.push(String::new());
                rest = after;
            }
            None => {
                if let Some(piece) = pieces.last_mut() {
                    piece.push(c);
                }
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    let (first, last) = (&pieces[0], &pieces[pieces.len() - 1]);
    if pieces.len() == 1 {
        return text == first;
    }
    let Some(mut text) = text
        .strip_prefix(first.as_str())
        .and_then(|text| text.strip_suffix(last.as_str()))
    else {
        return false;
    };
    for piece in &pieces[1..pieces.len() - 1] {
        match text.split_once(piece.as_str()) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{check, invariants, matches, names_in};
    use crate::workspace::UnsafeCode;
    use crate::workspace::tests::seeded;

    const ARCHITECTURE: &str =
        "# Map\n\ntenure-old and others.\n\n## Invariants\n\n- `NUR-ROOM` there is room\n\n## More\n";

    fn findings(document: &str) -> Vec<(usize, String)> {
        let files = [
            ("crates/tenure-old/src/sweep.rs", "//! Keeps NUR-ROOM.\n"),
            ("crates/tenure-old/README.md", ""),
            ("ARCHITECTURE.md", ARCHITECTURE),
            ("docs/guide.md", document),
        ];
        let found = check(&seeded(UnsafeCode::Allowed, &files));
        found.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn paths_that_exist_and_spans_that_are_no_paths_are_accepted() {
        for accepted in [
            "`crates/tenure-old/src/sweep.rs`, `crates/tenure-old/src/`, `crates/tenure-old`, `docs/guide.md`",
            "`sweep.rs:12`, `src/sweep.rs`, `tenure-old/src/sweep.rs`, `guide.md`, `../ARCHITECTURE.md`",
            "`crates/*/src/*.rs`, `crates/.../sweep.rs`, `crates/{tenure-old}/src/{sweep,s*}.rs`, `docs/<name>.md`",
            "`and/or`, `text/html`, `std::fs/x.rs`, `--x/y.rs`, `a b/c.rs`, `report.html`, `target/release/tenure`",
            "[a](../ARCHITECTURE.md#invariants), [b](https://example.org/x.md), [c](#here), [d](guide.md)",
            "```\n`crates/gone.rs`\n```",
        ] {
            assert_eq!(findings(accepted), [], "{accepted}");
        }
    }

    #[test]
    fn paths_that_lead_nowhere_are_reported() {
        for wrong in [
            "`crates/tenure-old/src/gone.rs`",
            "`gone.rs`",
            "`tenure-new/src/sweep.rs`",
            "`crates/*/src/gone*.rs`",
            "`crates/tenure-old/src/{sweep,gone}.rs`",
            "`../../outside.md`",
            "[a](gone.md)",
        ] {
            let found = findings(&format!("fine\n{wrong}\n"));
            assert!(found.len() == 1 && found[0].0 == 2, "{wrong}: {found:?}");
        }
    }

    #[test]
    fn each_crate_and_each_invariant_must_show_on_the_other_side() {
        let files = [
            ("crates/tenure/src/lib.rs", "//! Nothing of NUR-ROOMS.\n"),
            ("ARCHITECTURE.md", ARCHITECTURE),
        ];
        let found: Vec<String> = check(&seeded(UnsafeCode::Allowed, &files))
            .into_iter()
            .map(|finding| finding.what)
            .collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("`tenure` is not mentioned"),
            "tenure-old does not mention tenure: {found:?}"
        );
        assert!(found[1].contains("NUR-ROOM appears in no source"), "{found:?}");
    }

    #[test]
    fn a_missing_map_and_an_empty_list_are_reported() {
        assert_eq!(check(&seeded(UnsafeCode::Allowed, &[])).len(), 1);
        assert_eq!(
            check(&seeded(UnsafeCode::Allowed, &[("ARCHITECTURE.md", "# Map\n")])).len(),
            1
        );
    }

    #[test]
    fn invariants_are_read_from_their_section() {
        let text = "- `NOT-HERE` x\n## Named invariants\n### Nursery\n- `NUR-A` x `NUR-B`\n- **`NUR-C`** x\n| `OLD-D` | x |\n\
                    Prose `NOT-HERE`.\n- `lower` x\n## Next\n- `NOT-HERE`\n";
        let names: Vec<String> = invariants(text).into_keys().collect();
        assert_eq!(names, ["NUR-A", "NUR-C", "OLD-D"]);
    }

    #[test]
    fn names_are_words_in_capitals_joined_by_dashes() {
        let text = "NUR-ROOM, (FWD-ONCE): UTF-8 A-B-C2 x-NUR- NUR OLD_SWEPT nur-room";
        assert_eq!(names_in(text), ["NUR-ROOM", "FWD-ONCE", "A-B-C2"]);
    }

    #[test]
    fn wildcards_cover_any_characters() {
        assert!(matches("a/*/c", "a/b/c") && matches("a/...", "a/b/c") && matches("…c", "a/b/c"));
        assert!(matches("a<x>b*d", "a1bcd") && matches("a", "a"));
        assert!(!matches("a*a", "a") && !matches("a*b", "a/bc") && !matches("a", "ab") && !matches("*x*", "abc"));
    }
}
