//! Layers: a dependency points to a strictly lower layer, so that siblings never know each other.
//!
//! Linear in the lines of the manifests. Development dependencies are free: they are no part of what a user links.

use crate::finding::Finding;
use crate::workspace::{Package, Workspace};

const DECISIONS_FOLDER: &str = "docs/decisions/";

/// Checks each manifest: settings, lints, layers, and that a decision note names each outside dependency.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let notes: String = (workspace.files.iter())
        .filter(|file| file.path.starts_with(DECISIONS_FOLDER))
        .map(|file| file.text.as_str())
        .collect();
    for package in &workspace.packages {
        let manifest = package.manifest();
        let text = workspace.file(&manifest).map_or("", |file| file.text.as_str());
        check_settings(package, &manifest, text, &mut findings);
        for dependency in &package.dependencies {
            let line = line_of_dependency(text, &dependency.name);
            let Some(target) = workspace.packages.iter().find(|other| other.name == dependency.name) else {
                if !notes.contains(&format!("`{}`", dependency.name)) {
                    findings.push(Finding::new(
                        &manifest,
                        line,
                        format!("no decision note names the dependency `{}`", dependency.name),
                        "each outside dependency is code that every embedder trusts, so taking one is a recorded decision",
                        format!("add a line for it to {DECISIONS_FOLDER}0002-dependencies.md, or do without it"),
                    ));
                }
                continue;
            };
            if dependency.is_development {
                continue;
            }
            if let (Some(own), Some(its)) = (package.layer, target.layer)
                && own <= its
            {
                findings.push(Finding::new(
                    &manifest,
                    line,
                    format!("`{}` (layer {own}) depends on `{}` (layer {its})", package.name, target.name),
                    "dependencies point to strictly lower layers; siblings meet only in the crate above them",
                    "move the shared part down, or pass it in from the crate that knows both (ARCHITECTURE.md shows the layers)",
                ));
            }
        }
    }
    findings
}

fn check_settings(package: &Package, manifest: &str, text: &str, findings: &mut Vec<Finding>) {
    if package.layer.is_none() || package.unsafe_code.is_none() {
        findings.push(Finding::new(
            manifest,
            1,
            "[package.metadata.tenure] lacks `layer` (a number) or `unsafe-code` (\"allowed\" or \"forbidden\")",
            "tidy enforces the layers and the floor of unsafe code from these two lines",
            "add the section with both keys",
        ));
    }
    if !inherits_lints(text) {
        findings.push(Finding::new(
            manifest,
            1,
            "the manifest does not inherit the workspace lints",
            "a crate outside the shared lints can hide undocumented unsafe code",
            "add `[lints]` with `workspace = true`",
        ));
    }
    if let Some(folder) = package.folder.strip_prefix("crates/")
        && folder != package.name
    {
        findings.push(Finding::new(
            manifest,
            1,
            format!("package `{}` lives in the folder `{folder}`", package.name),
            "a crate is found by its folder name",
            "give folder and package the same name",
        ));
    }
}

fn inherits_lints(manifest: &str) -> bool {
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        }
        let setting: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        if (section == "[lints]" && setting == "workspace=true") || setting == "lints.workspace=true" {
            return true;
        }
    }
    false
}

fn line_of_dependency(manifest: &str, name: &str) -> usize {
    let starts = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest.lines().position(starts).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{check, inherits_lints};
    use crate::workspace::tests::seeded;
    use crate::workspace::{Dependency, UnsafeCode, Workspace};

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn two_crates() -> Workspace {
        let manifest = format!("{LINTS}[dependencies]\nlow.workspace = true\n");
        let mut workspace = seeded(
            UnsafeCode::Allowed,
            &[("crates/high/Cargo.toml", &manifest), ("crates/low/Cargo.toml", LINTS)],
        );
        workspace.packages[0].layer = Some(1);
        workspace.packages[0].dependencies.push(Dependency {
            name: "low".into(),
            is_development: false,
        });
        workspace
    }

    #[test]
    fn a_lower_layer_is_accepted_and_a_sibling_refused() {
        let mut workspace = two_crates();
        assert_eq!(check(&workspace), []);
        workspace.packages[1].layer = Some(1);
        let findings = check(&workspace);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].file.as_str(), findings[0].line),
            ("crates/high/Cargo.toml", 4)
        );
        workspace.packages[0].dependencies[0].is_development = true;
        assert_eq!(check(&workspace), []);
    }

    #[test]
    fn missing_settings_lints_and_a_wrong_folder_are_reported() {
        let mut workspace = two_crates();
        workspace.packages[0].dependencies.clear();
        workspace.packages[0].layer = None;
        workspace.packages[0].name = "other".into();
        workspace.files[1].text.clear();
        let reports: Vec<String> = check(&workspace).into_iter().map(|finding| finding.what).collect();
        assert_eq!(reports.len(), 3, "{reports:?}");
        assert!(reports[0].contains("lacks `layer`"), "{reports:?}");
        assert!(reports[1].contains("lives in the folder `high`"), "{reports:?}");
        assert!(reports[2].contains("workspace lints"), "{reports:?}");
    }

    #[test]
    fn an_outside_dependency_needs_a_note() {
        let mut workspace = two_crates();
        workspace.packages[0].dependencies[0].name = "leftpad".into();
        assert_eq!(check(&workspace).len(), 1);
        workspace.files.push(crate::workspace::SourceFile {
            path: "docs/decisions/0002-dependencies.md".into(),
            text: "| `leftpad` | pads |".into(),
        });
        assert_eq!(check(&workspace), []);
    }

    #[test]
    fn lints_are_found_in_either_spelling() {
        assert!(inherits_lints("[package]\nlints.workspace = true\n"));
        assert!(inherits_lints("[lints]\nworkspace=true"));
        assert!(!inherits_lints("[dependencies]\nworkspace = true\n"));
    }
}
