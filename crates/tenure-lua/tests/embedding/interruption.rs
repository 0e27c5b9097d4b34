//! Each kind of program without end can be interrupted, and what is raised is an error like others.

use super::state;
use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tenure_lua::{Call, Interrupter, Lua, NativeFunction, Owned, Reply, Throw};

/// Runs a program, and interrupts it when it has called the global function `begun`, or some time later.
fn interrupted(lua: &mut Lua, program: &str) -> Result<Vec<Owned>, String> {
    let interrupter = lua.interrupter();
    let (end, ended) = mpsc::channel::<()>();
    let timer = thread::spawn(move || {
        // Again, as long as the program runs: a test that fails ends by panicking there, and not never.
        for _ in 0..100 {
            if ended.recv_timeout(Duration::from_millis(100)).is_ok() {
                return;
            }
            interrupter.interrupt();
        }
        eprintln!("a program that is interrupted goes on");
        std::process::abort();
    });
    let result = lua
        .execute(program.as_bytes(), b"=test")
        .map_err(|error| error.to_string());
    end.send(()).expect("the timer waits");
    timer.join().expect("the timer ends");
    lua.interrupter().take_back();
    result
}

/// Programs without end, by the instruction or the call that makes them so.
const ENDLESS: &[&str] = &[
    "while true do end",
    "repeat until false",
    "local function f(x) repeat until x end f()",
    "local i = 0 repeat i = i + 1 until i < 0",
    "local x repeat until x",
    "local s = 'a' repeat until s > 'b'",
    "local s = 'a' while s < 'b' do end",
    "::again:: goto again",
    "for i = 1, math.huge do end",
    // A count that is a small integer.
    "for i = 1, 1 << 47 do end",
    "for i = math.mininteger, math.maxinteger do end",
    "for i = 1.0, math.huge, 0.5 do i = 0 end",
    // Loops of a few iterations, and 282 milliards of them.
    "for a = 1, 9 do for b = 1, 9 do for c = 1, 9 do for d = 1, 9 do for e = 1, 9 do for f = 1, 9 do for g = 1, 9 do for h = 1, 9 do for i = 1, 9 do for j = 1, 9 do for k = 1, 9 do for l = 1, 9 do end end end end end end end end end end end end",
    "for _ in function() return 1 end do end",
    "for _ in math.abs, 1, 1 do end",
    "local function f() return f() end f()",
    "local function f(n) if n > 0 then f(n - 1) f(n - 1) end end f(150)",
    "local t = setmetatable({}, {__index = function(t, k) return k end}) while t.x do end",
    "local t = setmetatable({}, {__lt = function() return true end}) repeat until not (t < t)",
    "local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
    "while true do ('abc'):gsub('.', function() end) end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do coroutine.wrap(function() coroutine.yield() end)() end",
    "debug.sethook(function() end, 'l') while true do end",
    "debug.sethook(function() while true do end end, '', 1) local x = 1",
];

#[test]
fn whatever_runs_without_end_is_interrupted() {
    for program in ENDLESS {
        eprintln!("{program}");
        let message = interrupted(&mut state(), program).expect_err(program);
        assert!(message.ends_with("interrupted!"), "{program}: {message}");
    }
}

#[test]
fn the_position_is_that_of_the_caller() {
    let program = "local function f()\nwhile true do end\nend\nlocal function g()\nf() return 1\nend\ng()";
    assert_eq!(
        interrupted(&mut state(), program),
        Err("test:5: interrupted!".to_owned()),
        "as lua.c has it"
    );
    assert_eq!(
        interrupted(&mut state(), "while true do end"),
        Err("interrupted!".to_owned())
    );
}

#[test]
fn a_program_can_catch_it_and_the_state_goes_on() {
    let mut lua = state();
    let program = "local closed
        local is_well, message = pcall(function()
          local x <close> = setmetatable({}, {__close = function(_, e) closed = e end})
          while true do end
        end)
        return is_well, message, closed == message";
    // The caller of the function that ran is native.
    let expected = [
        Owned::Boolean(false),
        Owned::String(b"interrupted!".to_vec()),
        Owned::Boolean(true),
    ];
    assert_eq!(interrupted(&mut lua, program).as_deref(), Ok(&expected[..]));
    let sum = "local n = 0 for i = 1, 100000 do n = n + i end return n";
    let results = lua.execute(sum.as_bytes(), b"=test").expect("nothing interrupts it");
    assert_eq!(results, [Owned::Integer(5_000_050_000)]);
}

#[test]
fn what_is_asked_for_between_programs_comes_in_the_next_one_unless_taken_back() {
    let mut lua = state();
    let run = |lua: &mut Lua| lua.execute(b"local n = 0 for i = 1, 10 do n = n + i end return n", b"=test");
    lua.interrupter().interrupt();
    lua.interrupter().interrupt();
    assert_eq!(run(&mut lua).expect_err("it was asked for").to_string(), "interrupted!");
    assert!(run(&mut lua).is_ok(), "once");
    lua.interrupter().interrupt();
    lua.interrupter().take_back();
    assert!(run(&mut lua).is_ok());
}

thread_local! {
    static HANDLE: RefCell<Interrupter> = RefCell::default();
}

fn interrupt(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    HANDLE.with_borrow(Interrupter::interrupt);
    call.reply_all(&[])
}

#[test]
fn a_finalizer_runs_to_its_end() {
    let mut lua = state();
    HANDLE.set(lua.interrupter());
    lua.register("interrupt", NativeFunction::Region(interrupt))
        .expect("room");
    let program = "local done = 0
        local function finalize()
          interrupt()
          for i = 1, 10 do done = done + 1 end
        end
        local is_well, message = pcall(function()
          setmetatable({}, {__gc = finalize})
          collectgarbage()
          for i = 1, 10 do end
        end)
        return done, is_well, message";
    let expected = [
        Owned::Integer(10),
        Owned::Boolean(false),
        Owned::String(b"interrupted!".to_vec()),
    ];
    assert_eq!(
        lua.execute(program.as_bytes(), b"=test").expect("it is caught"),
        expected
    );
}

#[test]
fn handles_go_to_other_threads() {
    fn is_sendable<T: Send + Sync + Clone>() {}
    is_sendable::<Interrupter>();
}
