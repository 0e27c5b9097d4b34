//! Any bytes as a binary chunk: a message, or code that is valid, that can be listed, that survives being written and read, and that runs.
//!
//! Half of the inputs are chunks that the compiler made, with bytes replaced; they get further than noise does. What is accepted runs in
//! a heap of 16 MiB, until a count hook ends it; what ends by itself runs again without a hook, in the other copy of the loop. How it ends
//! is its own matter: by values or by an error, but not by a panic. `cargo +nightly fuzz run lua_chunks` in the directory above.

#![no_main]

#[allow(dead_code, reason = "other targets use more of it")]
mod lua;

use libfuzzer_sys::fuzz_target;
use lua::Input;
use std::cell::RefCell;
use tenure::prelude::*;
use tenure_lua::bytecode::Listing;
use tenure_lua::chunk::{dump, undump, verify};
use tenure_lua::compiler::compile;
use tenure_lua::{Lua, Owned, Services};

/// What chunks are made of before they are spoiled.
const SOURCES: [&str; 6] = [
    "local a, b = ... local t = {1, 2, x = a, [b or 1] = 2.5, ...} t.x = #t t[1], t.y = t.y, -t[2] return t, a == b, a ~= 'k', a // 3, a .. 'x' .. 1, ~2",
    "local t = {} for i = 1, 3 do t[i] = function(...) i = i + 1 return i, ... end end for k, v in t do t[k] = v end return t[1](t[2](...))",
    "local x <close> = nil local y <const> = 7 goto on do local z <close> = nil if y then return y end end ::on:: return function() return x end",
    "local function f(n, ...) if n < 1 then return ... end return f(n - 1, n, ...) end return f(5), f(2.0), (f(1, 2))",
    "local a = 1 while a < 9 do a = a * 2 if a == 4 then break end end repeat local b = a a = a - 1 until b <= 3 or not a return a, 1 < a, a >= 2 and 'yes' or nil",
    "local s = 'text' local m = s:len() return s, m, s.x, s < 'u', s <= s, -s, 1e300, 0x7fffffffffffffff, nil, true, false, 'a string that is longer than forty bytes, so it is no short one'",
];

/// Runs a chunk with a few functions in reach: none that catches errors, loads code, makes a coroutine, which would have no hook, or may
/// take long by itself. Objects have no finalizers, which would run when the hook is gone.
const RUN: &str = "
local load, sethook, pcall, error, next, rawget, type = load, debug.sethook, pcall, error, next, rawget, type
local index, set = getmetatable(''), setmetatable
local reach = {assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pairs = pairs, rawequal = rawequal,
  rawget = rawget, rawlen = rawlen, rawset = rawset, select = select, tonumber = tonumber, tostring = tostring, type = type,
  setmetatable = function(object, meta)
    if meta and rawget(meta, '__gc') then return object end
    return set(object, meta)
  end,
  string = {byte = string.byte, char = string.char, format = string.format, len = string.len, sub = string.sub, upper = string.upper},
  table = {concat = table.concat, insert = table.insert, pack = table.pack, remove = table.remove, sort = table.sort},
  math = {abs = math.abs, floor = math.floor, max = math.max, type = math.type}}

local function copy(from, to)
  for name, value in next, from do
    to[name] = type(value) == 'table' and copy(value, {}) or value
  end
  return to
end

-- What an earlier chunk did to strings and libraries is undone.
local function environment()
  for key in next, index do index[key] = nil end
  local globals = copy(reach, {})
  index.__index = globals.string
  return globals
end

local function stop() error('too many instructions', 0) end

function run(bytes)
  local f = load(bytes, '=input', 'b', environment())
  sethook(stop, '', 20000)
  local is_well, message = pcall(f, 1, 'two', {3})
  sethook()
  local ended = is_well or message ~= 'too many instructions'
  if ended then pcall(load(bytes, '=input', 'b', environment()), 1, 'two', {3}) end
  environment()
  return ended
end";

thread_local! {
    static STATE: RefCell<Option<Lua>> = const { RefCell::new(None) };
}

/// Runs a chunk in a state that serves all inputs.
fn run(chunk: &[u8]) {
    STATE.with_borrow_mut(|state| {
        let lua = state.get_or_insert_with(|| {
            let config = HeapConfig::new()
                .max_old_bytes(16 << 20)
                .semi_space_bytes(256 << 10)
                .mark_stack_entries(16)
                .verify_heap(true);
            let services = Services::new(std::io::sink(), std::io::sink(), 1);
            let mut lua = Lua::new(config, services).expect("a heap that is large enough");
            lua.execute(RUN.as_bytes(), b"=setup").expect("a setup that runs");
            lua
        });
        let program = format!("return run({})", lua::literal(chunk));
        let how = lua.execute(program.as_bytes(), b"=program").expect("errors are caught");
        assert!(matches!(how[..], [Owned::Boolean(_)]), "{how:?}");
        // Nothing of it is left.
        let after = lua.execute(
            b"local t = {} for i = 1, 100 do t[i] = {i} end return #t, t[100][1]",
            b"=after",
        );
        assert_eq!(after.expect("the state is whole"), vec![Owned::Integer(100); 2]);
    });
}

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
    run(&bytes);
});
