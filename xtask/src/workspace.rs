//! The checkout as the checks see it: packages from `cargo metadata`, files from a walk of the tree.
//!
//! What `.gitignore` names at the root, and every dot folder but `.ci` and `.cargo`, is left out.

use std::error::Error;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Whether a package may contain unsafe code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsafeCode {
    Allowed,
    Forbidden,
}

/// One package of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Folder relative to the root.
    pub(crate) folder: String,
    /// `[package.metadata.tenure] layer`.
    pub(crate) layer: Option<u64>,
    /// `[package.metadata.tenure] unsafe-code`.
    pub(crate) unsafe_code: Option<UnsafeCode>,
    /// Root file of each target, relative to the root.
    pub(crate) target_roots: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Package {
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// One line of a package's dependency tables.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// A `[dev-dependencies]` line.
    pub(crate) is_development: bool,
}

/// A file of the checkout; `text` is empty for one that is not UTF-8.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Everything the checks read.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// Sorted by path.
    pub(crate) files: Vec<SourceFile>,
    /// Root-relative folders and files that git ignores, without the leading `/`.
    pub(crate) ignored: Vec<String>,
}

impl Workspace {
    /// Reads the workspace that the current folder belongs to.
    pub(crate) fn load() -> Result<Workspace, Box<dyn Error>> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let relative = |path: &Path| slashed(path.strip_prefix(&root).unwrap_or(path));
        let mut packages = Vec::new();
        for package in metadata.workspace_packages() {
            let manifest = package.manifest_path.as_std_path();
            let settings = &package.metadata["tenure"];
            packages.push(Package {
                name: package.name.to_string(),
                folder: relative(manifest.parent().unwrap_or(manifest)),
                layer: settings["layer"].as_u64(),
                unsafe_code: match settings["unsafe-code"].as_str() {
                    Some("allowed") => Some(UnsafeCode::Allowed),
                    Some("forbidden") => Some(UnsafeCode::Forbidden),
                    _ => None,
                },
                target_roots: package
                    .targets
                    .iter()
                    .map(|target| relative(target.src_path.as_std_path()))
                    .collect(),
                dependencies: (package.dependencies.iter())
                    .map(|dependency| Dependency {
                        name: dependency.name.clone(),
                        is_development: dependency.kind == DependencyKind::Development,
                    })
                    .collect(),
            });
        }
        packages.sort_by(|a, b| a.folder.cmp(&b.folder));
        let ignored = ignored_at_root(&std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default());
        let mut files = Vec::new();
        walk(&root, &root, &ignored, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Workspace {
            root,
            packages,
            files,
            ignored,
        })
    }

    pub(crate) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The package whose folder holds `path`.
    pub(crate) fn package_of(&self, path: &str) -> Option<&Package> {
        let holds = |package: &&Package| {
            path.strip_prefix(&package.folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.packages
            .iter()
            .filter(holds)
            .max_by_key(|package| package.folder.len())
    }

    /// Whether `file` is a program that the compiler must refuse: it has its expected messages beside it.
    pub(crate) fn is_refused_program(&self, file: &SourceFile) -> bool {
        file.path
            .strip_suffix(".rs")
            .is_some_and(|stem| self.file(&format!("{stem}.stderr")).is_some())
    }
}

/// The root folder of the workspace.
pub(crate) fn root() -> Result<PathBuf, Box<dyn Error>> {
    Ok(MetadataCommand::new()
        .no_deps()
        .exec()?
        .workspace_root
        .into_std_path_buf())
}

fn slashed(path: &Path) -> String {
    path.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// The entries of a `.gitignore` that are anchored at the root (`/target`).
fn ignored_at_root(gitignore: &str) -> Vec<String> {
    gitignore
        .lines()
        .filter_map(|line| line.trim().strip_prefix('/'))
        .map(|line| line.trim_end_matches('/').into())
        .collect()
}

fn walk(root: &Path, folder: &Path, ignored: &[String], files: &mut Vec<SourceFile>) -> Result<(), Box<dyn Error>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let relative = slashed(path.strip_prefix(root)?);
        let name = entry.file_name().to_string_lossy().into_owned();
        if ignored.contains(&relative) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') || name == ".ci" || name == ".cargo" {
                walk(root, &path, ignored, files)?;
            }
        } else {
            let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {relative}: {error}"))?;
            files.push(SourceFile {
                path: relative,
                text: String::from_utf8(bytes).unwrap_or_default(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Package, SourceFile, UnsafeCode, Workspace, ignored_at_root};

    /// A workspace of the given files, with one package per `crates/NAME` folder among them.
    pub(crate) fn seeded(unsafe_code: UnsafeCode, files: &[(&str, &str)]) -> Workspace {
        let mut workspace = Workspace {
            ignored: vec!["target".into()],
            ..Workspace::default()
        };
        for (path, text) in files {
            workspace.files.push(SourceFile {
                path: (*path).into(),
                text: (*text).into(),
            });
            let mut parts = path.split('/');
            if parts.next() != Some("crates") {
                continue;
            }
            let name = parts.next().unwrap().to_string();
            let folder = format!("crates/{name}");
            if !workspace.packages.iter().any(|package| package.name == name) {
                workspace.packages.push(Package {
                    target_roots: vec![format!("{folder}/src/lib.rs")],
                    name,
                    folder,
                    layer: Some(0),
                    unsafe_code: Some(unsafe_code),
                    dependencies: Vec::new(),
                });
            }
        }
        workspace
    }

    #[test]
    fn the_checkout_loads() {
        let workspace = Workspace::load().unwrap();
        let xtask = workspace
            .packages
            .iter()
            .find(|package| package.name == "xtask")
            .unwrap();
        assert_eq!(
            (xtask.folder.as_str(), xtask.unsafe_code),
            ("xtask", Some(UnsafeCode::Forbidden))
        );
        assert_eq!(xtask.target_roots, ["xtask/src/main.rs"]);
        assert!(workspace.file("xtask/src/workspace.rs").is_some());
        assert!(!workspace.files.iter().any(|file| file.path.starts_with("target/")));
    }

    #[test]
    fn files_belong_to_the_innermost_package() {
        let workspace = seeded(
            UnsafeCode::Allowed,
            &[("crates/a/src/lib.rs", ""), ("crates/ab/src/lib.rs", "")],
        );
        assert_eq!(workspace.package_of("crates/ab/src/x.rs").unwrap().name, "ab");
        assert!(workspace.package_of("fuzz/x.rs").is_none());
    }

    #[test]
    fn only_anchored_entries_are_ignored() {
        assert_eq!(
            ignored_at_root("/target\n*.log\n/fuzz/corpus/\n"),
            ["target", "fuzz/corpus"]
        );
    }
}
