//! A heap's limit as an error of the program: it is caught, what was made is dropped, and the program goes on.

use super::config;
use super::support::Shown;
use tenure::prelude::*;
use tenure_lua::{Lua, LuaError, Owned, Services};

const LIMIT_BYTES: usize = 8 << 20;

fn state() -> Lua {
    let config = HeapConfig::new()
        .max_old_bytes(LIMIT_BYTES)
        .reserved_old_bytes(64 << 20)
        .semi_space_bytes(256 << 10)
        .max_spill_bytes(1 << 20);
    Lua::new(config, Services::new(std::io::sink(), std::io::sink(), 1)).expect("a state")
}

/// Ways to use up all memory. Each leaves nothing behind.
const EXHAUSTING: &[&str] = &[
    "local t = {} while true do t = {t} end",
    "local t = {} for i = 1, math.huge do t[i] = i end",
    "local t = {} for i = 1, math.huge do t['k' .. i] = i end",
    "local t = {} for i = 1, math.huge do t[i] = 'text' .. i end",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} while true do t[#t + 1] = string.rep('x', 100000) end",
    "local f = print while true do local g = f f = function() return g end end",
    "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    "local t = {} while true do t = setmetatable({t}, {__index = t}) end",
    "local t = setmetatable({}, {__mode = 'v'}) local k = {} for i = 1, math.huge do k[i] = {} t[k[i]] = k[i] end",
    "local t = setmetatable({}, {__mode = 'k'}) while true do local k = {} t[k], t[1] = t[1], k t[k] = {t[1]} t[{}] = {} t[#t + 1] = k end",
    "local t = {} while true do t[#t + 1] = table.pack(table.unpack({}, 1, 200)) end",
    "coroutine.wrap(function() local t = {} while true do t = {t} end end)()",
    "local t = setmetatable({}, {__index = function(t, k) local u = {} while true do u = {u} end end}) return t.x",
    "table.sort({3, 2, 1}, function() local t = {} while true do t = {t} end end)",
    "string.gsub('abc', '.', function() local t = {} while true do t = {t} end end)",
    // `load` returns the message, and `assert` would put a position before it.
    "error(select(2, load(function() return 'x = 1 ' end)), 0)",
    "error(select(2, load(function() return string.rep('x = 1 ', 10000) end)), 0)",
    "error(select(2, load(function() local t = {} while true do t = {t} end end)), 0)",
    "error(select(2, load(string.rep('x = 1 ', 600000))), 0)",
];

#[test]
fn an_exhausted_heap_is_an_error_that_is_caught() {
    for program in EXHAUSTING {
        let mut lua = state();
        let source = format!(
            "local function use() {program} end
            local messages = {{}}
            for round = 1, 2 do
                local ok, message = pcall(use)
                messages[round] = tostring(ok) .. ' ' .. tostring(message)
                collectgarbage()
                -- There is room again.
                local t = {{}}
                for i = 1, 10000 do t[i] = {{i}} end
                assert(t[10000][1] == 10000)
            end
            local count = collectgarbage('count')
            return messages[1], messages[2], count < 2000"
        );
        let results = lua.execute(source.as_bytes(), b"=test");
        let message = Owned::String(b"false not enough memory".to_vec());
        assert_eq!(
            results.unwrap_or_else(|error| panic!("{program}: {error}")),
            [message.clone(), message, Owned::Boolean(true)],
            "{program}"
        );
    }
}

#[test]
fn load_returns_that_memory_is_used_up() {
    let results = state().execute(
        b"local text = string.rep('x = 1 ', 600000)
        local results = table.pack(load(text), nil, pcall(load, function() return 'x = 1 ' end))
        local depth = 0
        -- Levels of protected calls are counted as before.
        local function nest() depth = depth + 1 pcall(nest) end
        nest()
        local before = depth
        for i = 1, 300 do load('x = ' .. i) load(function() end) end
        depth = 0
        nest()
        return results[1], results[3], results[4], results[5], depth == before, load('return ...')(1)",
        b"=test",
    );
    let message = Owned::String(b"not enough memory".to_vec());
    let expected = [
        Owned::Nil,
        Owned::Boolean(true),
        Owned::Nil,
        message,
        Owned::Boolean(true),
        Owned::Integer(1),
    ];
    assert_eq!(results.expect("errors are returned"), expected);
}

#[test]
fn a_state_goes_on_after_an_error_that_nothing_caught() {
    let mut lua = state();
    for _ in 0..3 {
        match lua.execute(EXHAUSTING[0].as_bytes(), b"=test") {
            Err(LuaError::Runtime(Owned::String(text))) => assert_eq!(text, b"not enough memory"),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            lua.execute(b"local t = {} for i = 1, 10000 do t[i] = {} end return #t", b"=test")
                .unwrap(),
            [Owned::Integer(10000)]
        );
    }
}

#[test]
fn a_message_handler_runs_without_memory() {
    let results = state().execute(
        b"local t
        local ok, message = xpcall(function() t = {} while true do t = {t} end end, function(m) t = nil return m .. '!' end)
        return ok, message",
        b"=test",
    );
    assert_eq!(
        results.unwrap(),
        [Owned::Boolean(false), Owned::String(b"not enough memory!".to_vec())]
    );
}

#[test]
fn finalizers_run_after_memory_was_used_up() {
    let (shown, errors) = (Shown::default(), Shown::default());
    let config = config(&[("max-old-space-size", "8"), ("max-semi-space-size", "1")]);
    let mut lua = Lua::new(config, Services::new(shown.clone(), errors.clone(), 1)).expect("a state");
    lua.execute(
        b"local closed = 0
        local mt = {__gc = function() closed = closed + 1 end}
        local ok, message = pcall(function()
            local t = {}
            while true do t = setmetatable({t}, mt) end
        end)
        print(ok, message)
        collectgarbage()
        print(closed > 1000)
        last = setmetatable({}, {__gc = function() print('closed') end})",
        b"=test",
    )
    .unwrap();
    drop(lua);
    assert_eq!(shown.text(), "false\tnot enough memory\ntrue\nclosed\n");
}
