//! Lines typed in: read, run, print, again.
//!
//! On a terminal there is a line editor with a history; otherwise lines come from the program's own standard input, after a prompt, as the
//! reference command does it. A statement that is not complete is continued on further lines.
//! A line that runs and is interrupted ends with an error, and the next one is read.

use super::interruption::Interruption;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use std::io::{IsTerminal, Write};
use tenure_lua::{Line, Lua};

/// Where lines come from.
enum Source {
    Terminal(Box<DefaultEditor>),
    Input,
}

impl Source {
    fn new() -> Source {
        if !std::io::stdin().is_terminal() {
            return Source::Input;
        }
        let editor = DefaultEditor::with_config(Config::builder().auto_add_history(false).build());
        editor.map_or(Source::Input, |editor| Source::Terminal(Box::new(editor)))
    }

    /// Reads a line; nothing at the end of the input.
    fn read(&mut self, lua: &mut Lua, prompt: &[u8]) -> Option<Vec<u8>> {
        match self {
            Source::Terminal(editor) => {
                // What the program printed without ending the line comes before the prompt.
                lua.write_output(b"");
                loop {
                    match editor.readline(&*String::from_utf8_lossy(prompt)) {
                        Ok(line) => return Some(line.into_bytes()),
                        // The line is given up, not the session.
                        Err(ReadlineError::Interrupted) => {}
                        Err(_) => return None,
                    }
                }
            }
            Source::Input => {
                lua.write_output(prompt);
                lua.read_line()
            }
        }
    }

    fn remember(&mut self, text: &[u8]) {
        if let (Source::Terminal(editor), false) = (self, text.is_empty()) {
            // A history that is full or refuses is no reason to stop.
            let _ = editor.add_history_entry(String::from_utf8_lossy(text));
        }
    }
}

/// Shows an error, without the name of the command.
fn report(message: &[u8]) {
    let mut errors = std::io::stderr().lock();
    // Nobody is left who could be told.
    let _ = errors.write_all(message).and_then(|()| errors.write_all(b"\n"));
}

/// Reads and runs until the input ends.
pub(super) fn run(lua: &mut Lua, interruption: &Interruption) {
    let mut source = Source::new();
    while let Some(line) = read(lua, &mut source, true) {
        let mut text = match line.strip_prefix(b"=") {
            Some(expression) => [b"return ", expression].concat(),
            None => line,
        };
        let result = loop {
            match interruption.during(|| lua.run_line(&text)) {
                Ok(Line::Done) => break Ok(()),
                Err(message) => break Err(message),
                Ok(Line::Incomplete(message)) => match read(lua, &mut source, false) {
                    Some(line) => {
                        text.push(b'\n');
                        text.extend_from_slice(&line);
                    }
                    None => break Err(message),
                },
            }
        };
        source.remember(&text);
        if let Err(message) = result {
            report(&message);
        }
    }
    lua.write_output(b"\n");
}

fn read(lua: &mut Lua, source: &mut Source, is_first: bool) -> Option<Vec<u8>> {
    match lua.prompt(is_first) {
        Ok(prompt) => source.read(lua, &prompt),
        Err(message) => {
            report(&message);
            None
        }
    }
}
