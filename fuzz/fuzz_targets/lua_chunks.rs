//! Any bytes as a binary chunk: a message, or code that is valid, that can be listed, and that survives being written and read.
//!
//! Half of the inputs are chunks that the compiler made, with bytes replaced; they get further than noise does. What is accepted is not
//! run, since nothing bounds the instructions that it may take. `cargo +nightly fuzz run lua_chunks` in the directory above.

#![no_main]

#[allow(dead_code, reason = "other targets use more of it")]
mod lua;

use libfuzzer_sys::fuzz_target;
use lua::Input;
use tenure_lua::bytecode::Listing;
use tenure_lua::chunk::{dump, undump, verify};
use tenure_lua::compiler::compile;

/// What chunks are made of before they are spoiled.
const SOURCES: [&str; 6] = [
    "local a, b = ... local t = {1, 2, x = a, [b or 1] = 2.5, ...} t.x = #t t[1], t.y = t.y, -t[2] return t, a == b, a ~= 'k', a // 3, a .. 'x' .. 1, ~2",
    "local t = {} for i = 1, 3 do t[i] = function(...) i = i + 1 return i, ... end end for k, v in t do t[k] = v end return t[1](t[2](...))",
    "local x <close> = nil local y <const> = 7 goto on do local z <close> = nil if y then return y end end ::on:: return function() return x end",
    "local function f(n, ...) if n < 1 then return ... end return f(n - 1, n, ...) end return f(5), f(2.0), (f(1, 2))",
    "local a = 1 while a < 9 do a = a * 2 if a == 4 then break end end repeat local b = a a = a - 1 until b <= 3 or not a return a, 1 < a, a >= 2 and 'yes' or nil",
    "local s = 'text' local m = s:len() return s, m, s.x, s < 'u', s <= s, -s, 1e300, 0x7fffffffffffffff, nil, true, false, 'a string that is longer than forty bytes, so it is no short one'",
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let which = usize::from(input.byte());
    let bytes = match SOURCES.get(which % (2 * SOURCES.len())) {
        Some(source) => {
            let proto = compile(source.as_bytes(), b"=input").expect("a program");
            let mut bytes = dump(&proto, which & 0x80 != 0);
            while !input.0.is_empty() {
                let at = usize::from(input.byte()) << 8 | usize::from(input.byte());
                let at = at % bytes.len();
                bytes[at] = input.byte();
            }
            bytes
        }
        None => input.0.to_vec(),
    };
    let Ok(proto) = undump(&bytes, b"=input") else { return };
    verify(&proto).expect("what is read is valid");
    let _ = Listing(&proto).to_string();
    let again = undump(&dump(&proto, false), b"=input").expect("what was written is read");
    assert!(again == proto || format!("{again:?}") == format!("{proto:?}"));
});
