//! The words of `tenure lua`: options as the reference command `lua` has them, heap flags among them, then the script and its arguments.
//!
//! One pass over the words, which are bytes; nothing after the script's name is looked at. What is no option is refused with the usage.

use super::bytes;
use std::ffi::OsString;
use tenure::HeapConfig;

/// What is done before the script, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// `-e`
    Execute(Vec<u8>),
    /// `-l`: the module and the global variable.
    Require { module: Vec<u8>, global: Vec<u8> },
    /// `-W`
    Warnings,
}

/// What the words say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) actions: Vec<Action>,
    /// `-i`
    pub(super) is_interactive: bool,
    /// `-v`, or `-i`.
    pub(super) shows_version: bool,
    /// `-E`
    pub(super) ignores_environment: bool,
    /// `--help`
    pub(super) wants_help: bool,
    /// Heap flags with their values.
    pub(super) heap_flags: Vec<(String, String)>,
    /// The number of the word that names the script.
    pub(super) script: Option<usize>,
    /// The script's name is what stands in the word even if that is `-`, which is the standard input otherwise.
    pub(super) is_after_dashes: bool,
}

impl Options {
    /// Whether the words say what to do, so that nothing is read from the standard input.
    pub(super) fn has_work(&self) -> bool {
        self.shows_version || self.actions.iter().any(|action| matches!(action, Action::Execute(_)))
    }
}

/// Reads the words from number `first` on.
///
/// # Errors
///
/// What is wrong with the first word that is not understood.
pub(super) fn parse(words: &[OsString], first: usize) -> Result<Options, String> {
    let mut options = Options::default();
    let mut next = first;
    while let Some(word) = words.get(next) {
        let text = bytes(word);
        let unrecognized = || Err(format!("unrecognized option '{}'", word.to_string_lossy()));
        let [b'-', rest @ ..] = text else {
            options.script = Some(next);
            return Ok(options);
        };
        next += 1;
        match rest {
            [] => {
                options.script = Some(next - 1);
                return Ok(options);
            }
            b"-" => {
                options.script = Some(next).filter(|&script| script < words.len());
                options.is_after_dashes = true;
                return Ok(options);
            }
            b"-help" => options.wants_help = true,
            [b'-', flag @ ..] => match heap_flag(flag, words.get(next))? {
                Some((name, value, takes_next)) => {
                    options.heap_flags.push((name, value));
                    next += usize::from(takes_next);
                }
                None => return unrecognized(),
            },
            b"E" => options.ignores_environment = true,
            b"W" => options.actions.push(Action::Warnings),
            b"i" => (options.is_interactive, options.shows_version) = (true, true),
            b"v" => options.shows_version = true,
            [letter @ (b'e' | b'l'), value @ ..] => {
                let value = if value.is_empty() {
                    let value = words.get(next).map(bytes).filter(|value| value.first() != Some(&b'-'));
                    next += 1;
                    value.ok_or_else(|| format!("'{}' needs argument", word.to_string_lossy()))?
                } else {
                    value
                };
                options.actions.push(match letter {
                    b'e' => Action::Execute(value.to_vec()),
                    _ => require(value),
                });
            }
            _ => return unrecognized(),
        }
    }
    Ok(options)
}

/// `mod`, `mod-version` or `global=mod`.
fn require(value: &[u8]) -> Action {
    let (global, module) = match value.iter().position(|&byte| byte == b'=') {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value.split(|&byte| byte == b'-').next().unwrap_or(value), value),
    };
    Action::Require {
        module: module.to_vec(),
        global: global.to_vec(),
    }
}

/// Returns name and value of a heap flag, and whether the value is the next word; nothing if there is no such flag.
fn heap_flag(text: &[u8], next: Option<&OsString>) -> Result<Option<(String, String, bool)>, String> {
    let text = String::from_utf8_lossy(text);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (&*text, None),
    };
    let Some(flag) = HeapConfig::flags().iter().find(|flag| flag.name == name) else {
        return Ok(None);
    };
    if let Some(value) = value {
        return Ok(Some((name.to_owned(), value.to_owned(), false)));
    }
    if flag.value_name.is_empty() {
        return Ok(Some((name.to_owned(), "true".to_owned(), false)));
    }
    match next {
        Some(value) => Ok(Some((name.to_owned(), value.to_string_lossy().into_owned(), true))),
        None => Err(format!("'--{name}' needs argument")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, String> {
        let words: Vec<OsString> = ["tenure", "lua"].iter().chain(words).map(OsString::from).collect();
        parse(&words, 2)
    }

    #[test]
    fn options_end_at_the_script() {
        let options = read(&["-W", "-e", "x = 1", "-ey = 2", "-lm", "a.lua", "-e", "--what"]).unwrap();
        assert_eq!(options.script, Some(7));
        assert_eq!(options.actions.len(), 4);
        assert_eq!(options.actions[2], Action::Execute(b"y = 2".to_vec()));
        assert!(options.has_work() && !options.is_after_dashes);
    }

    #[test]
    fn dashes_end_options() {
        let options = read(&["--", "-"]).unwrap();
        assert_eq!((options.script, options.is_after_dashes), (Some(3), true));
        assert_eq!(read(&["--"]).unwrap().script, None);
        let options = read(&["-", "-h"]).unwrap();
        assert_eq!((options.script, options.is_after_dashes), (Some(2), false));
    }

    #[test]
    fn modules_have_a_global_name() {
        let actions = |text| read(&["-l", text]).unwrap().actions;
        let expected = |module: &str, global: &str| {
            [Action::Require {
                module: module.into(),
                global: global.into(),
            }]
        };
        assert_eq!(actions("a.b"), expected("a.b", "a.b"));
        assert_eq!(actions("a-2.0"), expected("a-2.0", "a"));
        assert_eq!(actions("g=a-2"), expected("a-2", "g"));
    }

    #[test]
    fn heap_flags_stand_among_options() {
        let options = read(&["--max-old-space-size", "64", "--trace-gc", "-v", "--promotion=all", "s"]).unwrap();
        let flags = [("max-old-space-size", "64"), ("trace-gc", "true"), ("promotion", "all")];
        let flags: Vec<_> = flags.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(options.heap_flags, flags);
        assert_eq!(options.script, Some(7));
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for (words, expected) in [
            (&["-h"][..], "unrecognized option '-h'"),
            (&["---"], "unrecognized option '---'"),
            (&["--trace"], "unrecognized option '--trace'"),
            (&["-vv"], "unrecognized option '-vv'"),
            (&["-e"], "'-e' needs argument"),
            (&["-e", "-i"], "'-e' needs argument"),
            (&["-l"], "'-l' needs argument"),
            (&["--max-old-space-size"], "'--max-old-space-size' needs argument"),
        ] {
            assert_eq!(read(words).unwrap_err(), expected, "{words:?}");
        }
    }
}
