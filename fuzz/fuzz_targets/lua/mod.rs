//! A Lua state for the targets that call library functions, and the bytes of an input as literals of a program.
//!
//! One state serves all inputs of a process, since making one takes longer than most inputs; a program leaves nothing behind in it.

use std::cell::RefCell;
use tenure::prelude::*;
use tenure_lua::{Lua, LuaError, Owned, Services};

/// Bytes that are taken from the front.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    /// As many bytes as a byte says, or those that are left.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let count = usize::from(self.byte()).min(most).min(self.0.len());
        self.0.split_off(..count).unwrap_or_default()
    }

    pub(crate) fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }

    /// A value as a program writes it.
    pub(crate) fn value(&mut self) -> String {
        match self.byte() % 10 {
            0 => "nil".into(),
            1 => "true".into(),
            2 => "{}".into(),
            3 => "print".into(),
            4 => (self.byte() as i8).to_string(),
            // Also the least one, which has no numeral.
            5 | 6 => format!("0x{:x}", self.word()),
            7 => format!("string.unpack('d', {})", literal(&self.word().to_le_bytes())),
            _ => literal(self.bytes(48)),
        }
    }
}

/// A string as a program writes it.
pub(crate) fn literal(bytes: &[u8]) -> String {
    let escapes = bytes.iter().map(|byte| format!("\\x{byte:02x}"));
    format!("\"{}\"", escapes.collect::<String>())
}

thread_local! {
    static STATE: RefCell<Option<Lua>> = const { RefCell::new(None) };
}

/// Runs a program after `setup`, which runs once. An error that the program raises is a find, as is a program that does not compile.
pub(crate) fn run(setup: &str, program: &str) -> Vec<Owned> {
    if std::env::var_os("TENURE_PRINT").is_some() {
        eprintln!("{setup}\n{program}");
    }
    STATE.with_borrow_mut(|state| {
        let lua = state.get_or_insert_with(|| {
            let config = HeapConfig::new()
                .max_old_bytes(64 << 20)
                .semi_space_bytes(64 << 10)
                .verify_heap(true);
            let services = Services::new(std::io::sink(), std::io::sink(), 1);
            let mut lua = Lua::new(config, services).expect("a heap that is large enough");
            lua.execute(setup.as_bytes(), b"=setup").expect("a setup that runs");
            lua
        });
        match lua.execute(program.as_bytes(), b"=input") {
            Ok(results) => results,
            Err(LuaError::Syntax(message)) => panic!("no program: {}", String::from_utf8_lossy(&message)),
            Err(error) => panic!("{error}"),
        }
    })
}
