//! Rules for each file by itself: length, module documentation, unfinished code, machine paths, refused words.
//!
//! One pass over each text. It does not format or type-check: rustfmt and clippy do.

use crate::finding::Finding;
use crate::source::{Token, split, tokens};
use crate::workspace::{SourceFile, Workspace};

/// Longer than this and a file is more than one idea (STYLE.md).
const FILE_LINES_MAX: usize = 800;
/// Macros that mark unfinished code or leftover debugging; their names alone, so that no search finds a call here.
const REFUSED_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Top-level folders that exist on somebody's machine, never in a checkout.
const MACHINE_FOLDERS: [&str; 6] = ["work", "farm", "root", "home", "tmp", "Users"];
/// Holds the table of refused words.
pub(crate) const GLOSSARY_PATH: &str = "docs/glossary.md";
const GLOSSARY_HEADING: &str = "## Refused identifiers";

/// Checks each file of the checkout.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let refused = workspace
        .file(GLOSSARY_PATH)
        .map(|file| refused_words(&file.text))
        .unwrap_or_default();
    if refused.is_empty() {
        findings.push(Finding::new(
            GLOSSARY_PATH,
            1,
            format!("no table of refused words below `{GLOSSARY_HEADING}`"),
            "one word per idea, so that one search finds all of it",
            "restore the table: | refused | say |",
        ));
    }
    for file in &workspace.files {
        check_machine_paths(file, &mut findings);
        if file.is_rust() {
            check_length(file, &mut findings);
            check_module_documentation(file, &mut findings);
            let code = split(&file.text).code;
            let tokens = tokens(&code);
            check_unfinished(file, &tokens, &mut findings);
            check_words(file, &tokens, &refused, &mut findings);
        }
    }
    findings
}

fn check_length(file: &SourceFile, findings: &mut Vec<Finding>) {
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(Finding::new(
            &file.path,
            FILE_LINES_MAX + 1,
            format!("{lines} lines; at most {FILE_LINES_MAX} are accepted"),
            "a file is one idea, read in one sitting",
            "split it along its second idea, or move its tests to a file of their own",
        ));
    }
}

fn check_module_documentation(file: &SourceFile, findings: &mut Vec<Finding>) {
    let parts: Vec<&str> = file.path.split('/').collect();
    if parts.len() < 4 || parts[0] != "crates" || parts[2] != "src" {
        return;
    }
    let first = file
        .text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!["));
    if !first.is_some_and(|line| line.starts_with("//!")) {
        findings.push(Finding::new(
            &file.path,
            1,
            "no module documentation at the top",
            "a reader meets the algorithm, its cost and one thing it does not do before the code",
            "open the file with `//!` lines",
        ));
    }
}

fn check_unfinished(file: &SourceFile, tokens: &[Token<'_>], findings: &mut Vec<Finding>) {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    for (at, token) in tokens.iter().enumerate() {
        let opens = matches!(text(at + 2), "(" | "[" | "{");
        if REFUSED_MACROS.contains(&token.text) && text(at + 1) == "!" && opens {
            findings.push(Finding::new(
                &file.path,
                token.line,
                format!("a call of `{}!`", token.text),
                "what is committed is finished: unfinished paths panic in an embedder's process",
                "write the missing part, or return an error that says what is not supported",
            ));
        }
        if token.text == "ignore" && at >= 2 && text(at - 1) == "[" && text(at - 2) == "#" {
            findings.push(Finding::new(
                &file.path,
                token.line,
                "an ignored test",
                "a test that nobody runs proves nothing and looks as if it did",
                "make it fast enough to run, move it into a bench, or delete it",
            ));
        }
    }
}

fn check_machine_paths(file: &SourceFile, findings: &mut Vec<Finding>) {
    if file.path.ends_with(".lock") {
        return;
    }
    for (index, line) in file.text.lines().enumerate() {
        if let Some(path) = machine_path(line) {
            findings.push(Finding::new(
                &file.path,
                index + 1,
                format!("the absolute path `{path}…` of one machine"),
                "it exists nowhere else, and tells readers about a machine instead of the project",
                "use a path relative to the checkout, std::env::temp_dir() or CARGO_TARGET_TMPDIR",
            ));
        }
    }
}

/// The first machine path of a line, up to its second slash.
fn machine_path(line: &str) -> Option<&str> {
    for (start, _) in line.match_indices('/') {
        if line[..start].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let Some(length) = line[start + 1..].find('/') else {
            break;
        };
        if MACHINE_FOLDERS.contains(&&line[start + 1..start + 1 + length]) {
            return Some(&line[start..start + length + 2]);
        }
    }
    None
}

/// The rows below the glossary's heading: the refused word and what to say.
fn refused_words(glossary: &str) -> Vec<(String, String)> {
    let section = glossary.split_once(GLOSSARY_HEADING).map_or("", |(_, rest)| rest);
    let section = section.split_once("\n## ").map_or(section, |(own, _)| own);
    let mut words = Vec::new();
    for line in section.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(|cell| cell.trim()).collect();
        if let [refused, say] = cells[..]
            && let Some(word) = refused.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))
        {
            words.push((word.to_string(), say.to_string()));
        }
    }
    words
}

fn check_words(file: &SourceFile, tokens: &[Token<'_>], refused: &[(String, String)], findings: &mut Vec<Finding>) {
    for (at, token) in tokens.iter().enumerate() {
        // What follows `::` was declared elsewhere: here (and reported there), or in somebody else's crate.
        if at >= 2 && tokens[at - 1].text == ":" && tokens[at - 2].text == ":" {
            continue;
        }
        let snake = snake_case(token.text);
        let words = format!("_{snake}_");
        for (word, say) in refused {
            if words.contains(&format!("_{word}_")) {
                findings.push(Finding::new(
                    &file.path,
                    token.line,
                    format!("the identifier `{}` says \"{word}\"", token.text),
                    "one word per idea, so that one search finds all of it",
                    format!("say {say} ({GLOSSARY_PATH})"),
                ));
            }
        }
    }
}

/// `GreyList` and `GREY_LIST` as `grey_list`.
fn snake_case(identifier: &str) -> String {
    let mut snake = String::with_capacity(identifier.len() + 4);
    let mut after_lower = false;
    for c in identifier.chars() {
        if c.is_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::{FILE_LINES_MAX, GLOSSARY_PATH, check, machine_path, refused_words, snake_case};
    use crate::workspace::UnsafeCode;
    use crate::workspace::tests::seeded;

    const GLOSSARY: &str = "# G\n\n## Refused identifiers\n\n| refused | say |\n| --- | --- |\n| `grey` | gray |\n\
                            | `mark_list` | mark stack |\n\n## After\n\n| `color` | no |\n";

    fn findings(path: &str, text: &str) -> Vec<(usize, String)> {
        let workspace = seeded(UnsafeCode::Allowed, &[(path, text), (GLOSSARY_PATH, GLOSSARY)]);
        check(&workspace)
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    #[test]
    fn long_files_are_reported() {
        let accepted = format!("//! Doc.\n{}", "\n".repeat(FILE_LINES_MAX - 1));
        assert_eq!(findings("crates/a/src/lib.rs", &accepted), []);
        let found = findings("crates/a/src/lib.rs", &format!("{accepted}\n"));
        assert!(found.len() == 1 && found[0].1.starts_with("801 lines"), "{found:?}");
    }

    #[test]
    fn module_documentation_comes_first() {
        assert_eq!(findings("crates/a/src/x/y.rs", "#![no_std]\n\n//! Doc.\n"), []);
        assert_eq!(findings("crates/a/examples/x.rs", "fn main() {}\n"), []);
        assert_eq!(findings("crates/a/src/x/y.rs", "// Not a doc comment.\n").len(), 1);
        assert_eq!(findings("crates/a/src/x.rs", "").len(), 1);
    }

    #[test]
    fn unfinished_code_is_reported_and_words_about_it_are_not() {
        for name in ["todo", "unimplemented", "dbg"] {
            let found = findings("x.rs", &format!("fn f() {{\n    {name}!()\n}}\n"));
            assert!(found.len() == 1 && found[0].0 == 2, "{found:?}");
            assert_eq!(
                findings("x.rs", &format!("// {name}!()\nlet {name} = \"{name}!()\";\n")),
                []
            );
        }
        let attribute = format!("#[{}]", "ignore = \"slow\"");
        assert_eq!(findings("x.rs", &attribute).len(), 1);
        assert_eq!(findings("x.rs", "fn ignore(x: [u8; 1]) { ignore([ignore]) }"), []);
    }

    #[test]
    fn machine_paths_are_found_as_a_whole_word() {
        let home = format!("see {}home/me/x", '/');
        assert_eq!(machine_path(&home), Some(&home[4..10]));
        assert_eq!(machine_path(&format!("cd \"{}tmp/x\"", '/')).map(str::len), Some(5));
        assert_eq!(machine_path("https://example.org/home/x"), None);
        assert_eq!(machine_path("crates/work/x and a /workshop/x, or 1/2"), None);
        assert_eq!(findings("docs/x.md", &format!("fine\n{home}\n")).len(), 1);
        assert_eq!(findings("Cargo.lock", &home), []);
    }

    #[test]
    fn refused_words_come_from_the_section_alone() {
        let words = refused_words(GLOSSARY);
        assert_eq!(
            words,
            [
                ("grey".into(), "gray".into()),
                ("mark_list".into(), "mark stack".into())
            ]
        );
    }

    #[test]
    fn refused_words_are_found_inside_identifiers() {
        for identifier in [
            "grey",
            "push_grey",
            "GreyList",
            "is_grey_object",
            "GREY",
            "MarkList",
            "the_mark_list",
        ] {
            assert_eq!(
                findings("x.rs", &format!("fn f() {{ {identifier}; }}")).len(),
                1,
                "{identifier}"
            );
        }
        for accepted in ["greyhound", "mark_lists", "a::GREY", "// grey", "\"grey\"", "color"] {
            assert_eq!(
                findings("x.rs", &format!("fn f() {{ {accepted}\n }}")),
                [],
                "{accepted}"
            );
        }
    }

    #[test]
    fn a_lost_glossary_is_reported() {
        let workspace = seeded(UnsafeCode::Allowed, &[(GLOSSARY_PATH, "# Glossary\n")]);
        assert_eq!(check(&workspace).len(), 1);
    }

    #[test]
    fn snake_case_splits_at_capitals() {
        assert_eq!(snake_case("MarkListHTML2Go"), "mark_list_html2_go");
    }
}
