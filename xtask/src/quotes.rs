//! Code in documents that is quoted from a source stays what the source says.
//!
//! Above such a block stands `<!-- from path/of/source.rs -->`. Its lines must occur in the source one after the other, with the same
//! indentation throughout; a line that says `// …` or `-- …` leaves some out. Quadratic at worst in the lines of a block and of its source. It
//! does not check that a block with no such line above it compiles: doctests do.

use crate::finding::Finding;
use crate::workspace::{SourceFile, Workspace};

const WHY: &str = "code that nobody compiles goes wrong with the first change of the source";

/// Checks each quoted block of each document.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let documents = workspace.files.iter().filter(|file| file.path.ends_with(".md"));
    documents.flat_map(|file| check_document(workspace, file)).collect()
}

fn check_document(workspace: &Workspace, document: &SourceFile) -> Vec<Finding> {
    let lines: Vec<&str> = document.text.lines().collect();
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(path) = line
            .strip_prefix("<!-- from ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        let mut report = |line: usize, what: String, remedy: &str| {
            findings.push(Finding::new(&document.path, line, what, WHY, remedy));
        };
        let Some(source) = workspace.file(path) else {
            report(
                index + 1,
                format!("`{path}`, which is quoted, is not there"),
                "name the source that the code is in",
            );
            continue;
        };
        let block = &lines[index + 1..];
        let length = block.iter().skip(1).position(|line| *line == "```");
        let (Some(length), true) = (length, block.first().is_some_and(|line| line.starts_with("```"))) else {
            report(
                index + 1,
                format!("no block of code stands below the name of `{path}`"),
                "put ``` around the code",
            );
            continue;
        };
        let source: Vec<&str> = source.text.lines().collect();
        if let Err(offset) = find_pieces(&block[1..=length], &source) {
            let line = index + 3 + offset;
            let what = format!("`{}` does not follow in `{path}`", lines.get(line - 1).unwrap_or(&""));
            report(
                line,
                what,
                "quote the source as it is now; a line `// …` leaves some out",
            );
        }
    }
    findings
}

/// Finds the pieces of a block in a source, in order. The error is the first line that cannot be placed.
fn find_pieces(block: &[&str], source: &[&str]) -> Result<(), usize> {
    let (mut from, mut offset) = (0, 0);
    for piece in block.split(|line| matches!(line.trim(), "// …" | "-- …")) {
        if !piece.is_empty() {
            from += find_piece(piece, &source[from..]).map_err(|matched| offset + matched)?;
        }
        offset += piece.len() + 1;
    }
    Ok(())
}

/// Returns where a piece ends in a source. The error is the number of its lines that some place has.
fn find_piece(piece: &[&str], source: &[&str]) -> Result<usize, usize> {
    let mut longest = 0;
    for start in 0..source.len() {
        let matched = matching_lines(piece, &source[start..]);
        if matched == piece.len() {
            return Ok(start + matched);
        }
        longest = longest.max(matched);
    }
    Err(longest)
}

/// How many lines at the beginning of both are the same, but for what all lines of the source are indented by.
fn matching_lines(piece: &[&str], source: &[&str]) -> usize {
    let indentation = source[0].strip_suffix(piece[0]).filter(|rest| rest.trim().is_empty());
    let Some(indentation) = indentation else { return 0 };
    let is_same = |(quoted, line): &(&&str, &&str)| {
        line.strip_prefix(indentation) == Some(quoted) || quoted.is_empty() && line.is_empty()
    };
    piece.iter().zip(source).take_while(is_same).count()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::UnsafeCode;
    use crate::workspace::tests::seeded;

    const SOURCE: &str = "//! Docs.\nfn one() {\n    let a = 1;\n\n    let b = 2;\n}\nfn two() {}\n";

    fn found(document: &str) -> Vec<(usize, String)> {
        let workspace = seeded(
            UnsafeCode::Forbidden,
            &[("docs/page.md", document), ("crates/a/src/lib.rs", SOURCE)],
        );
        check(&workspace)
            .into_iter()
            .map(|finding| (finding.line, finding.what))
            .collect()
    }

    fn quoting(code: &str) -> String {
        format!("Text.\n\n<!-- from crates/a/src/lib.rs -->\n```rust\n{code}\n```\n")
    }

    #[test]
    fn code_as_it_stands_is_accepted() {
        for code in [
            "fn one() {\n    let a = 1;\n\n    let b = 2;\n}",
            "let a = 1;\n\nlet b = 2;",
            "fn one() {\n    // …\n}\n// …\nfn two() {}",
        ] {
            assert_eq!(found(&quoting(code)), []);
        }
    }

    #[test]
    fn other_code_is_reported_at_its_first_line() {
        for (code, line, text) in [
            ("fn one() {\n    let a = 2;\n}", 6, "    let a = 2;"),
            ("let a = 1;\n\n    let b = 2;", 7, "    let b = 2;"),
            ("fn two() {}\n// …\nfn one() {", 7, "fn one() {"),
            ("fn two() {}\nfn three() {}", 6, "fn three() {}"),
        ] {
            let what = format!("`{text}` does not follow in `crates/a/src/lib.rs`");
            assert_eq!(found(&quoting(code)), [(line, what)]);
        }
    }

    #[test]
    fn names_need_a_source_and_a_block() {
        assert_eq!(
            found("<!-- from crates/b.rs -->\n```\n```\n")[0].1,
            "`crates/b.rs`, which is quoted, is not there"
        );
        let what = "no block of code stands below the name of `crates/a/src/lib.rs`";
        assert_eq!(found("<!-- from crates/a/src/lib.rs -->\n\n```\n```\n")[0].1, what);
        assert_eq!(found("<!-- from crates/a/src/lib.rs -->\n```\nfn one() {\n")[0].1, what);
    }
}
