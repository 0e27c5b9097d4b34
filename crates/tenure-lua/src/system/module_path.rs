//! Where modules are looked for: `package.path`, `package.cpath`, and `package.searchpath`.
//!
//! A path is a list of templates between semicolons; a module's name takes the place of each question mark, and the first file that can be
//! opened is the module's. One attempt to open a file per template. Nothing is loaded here.

use super::{environment_variable, path as file_path};
use std::fs::File;

/// Between templates.
const SEPARATOR: u8 = b';';
/// What the name takes the place of.
const MARK: u8 = b'?';

/// The templates of modules, each a list as `package.path` is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModulePaths {
    /// Of modules in Lua.
    pub path: Vec<u8>,
    /// Of modules in C, which are found and refused.
    pub c_path: Vec<u8>,
}

impl Default for ModulePaths {
    /// The reference implementation's defaults on Unix.
    fn default() -> ModulePaths {
        ModulePaths {
            path: b"/usr/local/share/lua/5.4/?.lua;/usr/local/share/lua/5.4/?/init.lua;\
                    /usr/local/lib/lua/5.4/?.lua;/usr/local/lib/lua/5.4/?/init.lua;./?.lua;./?/init.lua"
                .to_vec(),
            c_path: b"/usr/local/lib/lua/5.4/?.so;/usr/local/lib/lua/5.4/loadall.so;./?.so".to_vec(),
        }
    }
}

impl ModulePaths {
    /// The paths of `LUA_PATH_5_4` or `LUA_PATH`, and of `LUA_CPATH_5_4` or `LUA_CPATH`, in which `;;` stands for the default.
    #[must_use]
    pub fn of_environment() -> ModulePaths {
        let of = |name: &str, default: Vec<u8>| {
            let versioned = format!("{name}_5_4");
            let given = environment_variable(versioned.as_bytes()).or_else(|| environment_variable(name.as_bytes()));
            match given {
                Some(given) => with_default(&given, &default),
                None => default,
            }
        };
        let default = ModulePaths::default();
        ModulePaths {
            path: of("LUA_PATH", default.path),
            c_path: of("LUA_CPATH", default.c_path),
        }
    }
}

/// Puts the default in the place of the first `;;`.
fn with_default(given: &[u8], default: &[u8]) -> Vec<u8> {
    let Some(at) = given.windows(2).position(|pair| pair == [SEPARATOR; 2]) else {
        return given.to_vec();
    };
    let (before, after) = (&given[..at], &given[at + 2..]);
    let parts = [before, default, after];
    let parts: Vec<&[u8]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(&SEPARATOR)
}

/// Returns the first file of a path that can be opened; if there is none, the message that lists those that were tried.
///
/// Each `separator` in the name is replaced, unless it is empty.
///
/// ```
/// use tenure_lua::system::search_path;
/// let message = search_path(b"a.b", b"./no/?.lua;no/?/?", b".", b"/").unwrap_err();
/// assert_eq!(message, b"no file './no/a/b.lua'\n\tno file 'no/a/b/a/b'");
/// ```
///
/// # Errors
/// The message.
pub fn search_path(name: &[u8], path: &[u8], separator: &[u8], replacement: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let name = replace(name, separator, replacement);
    let names = replace(path, &[MARK], &name);
    let mut tried = Vec::new();
    if names.is_empty() {
        return Err(b"no file ''".to_vec());
    }
    for file in names.split(|&byte| byte == SEPARATOR) {
        if File::open(file_path(file)).is_ok() {
            return Ok(file.to_vec());
        }
        if !tried.is_empty() {
            tried.extend_from_slice(b"\n\t");
        }
        tried.extend_from_slice(&[b"no file '", file, b"'"].concat());
    }
    Err(tried)
}

fn replace(text: &[u8], pattern: &[u8], replacement: &[u8]) -> Vec<u8> {
    if pattern.is_empty() {
        return text.to_vec();
    }
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, pattern) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(replacement);
        rest = &rest[at + pattern.len()..];
    }
    result.extend_from_slice(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_semicolons_stand_for_the_default() {
        for (given, expected) in [
            ("a", "a"),
            (";;", "d"),
            ("a;;", "a;d"),
            (";;b", "d;b"),
            ("a;;b", "a;d;b"),
            ("a;;b;;c", "a;d;b;;c"),
            ("", ""),
        ] {
            assert_eq!(with_default(given.as_bytes(), b"d"), expected.as_bytes(), "{given}");
        }
    }

    #[test]
    fn the_first_file_that_can_be_opened_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("m")).unwrap();
        std::fs::write(folder.path().join("m/init.lua"), "").unwrap();
        let folder = folder.path().to_str().unwrap();
        let path = format!("{folder}/?.lua;{folder}/?/init.lua");
        let found = search_path(b"m", path.as_bytes(), b".", b"/").unwrap();
        assert_eq!(found, format!("{folder}/m/init.lua").as_bytes());
        let message = search_path(b"m.n", path.as_bytes(), b"", b"").unwrap_err();
        let expected = format!("no file '{folder}/m.n.lua'\n\tno file '{folder}/m.n/init.lua'");
        assert_eq!(message, expected.as_bytes());
    }
}
