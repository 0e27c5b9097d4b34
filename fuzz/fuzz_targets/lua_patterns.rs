//! Any pattern, subject and replacement: `find`, `match`, `gmatch` and `gsub` give errors or agree with each other.
//!
//! Matching can take time exponential in the repetitions of a pattern, as in the reference implementation; so subjects are the shorter the
//! more repetitions there are. `cargo +nightly fuzz run lua_patterns` in the directory above.

#![no_main]

#[allow(dead_code, reason = "other targets use more of it")]
mod lua;

use libfuzzer_sys::fuzz_target;
use lua::{Input, literal, run};

const SETUP: &str = r#"
function try(subject, pattern, replacement, init)
  local found = table.pack(pcall(string.find, subject, pattern, init))
  local matched = table.pack(pcall(string.match, subject, pattern, init))
  -- `find` takes a pattern without magic characters as it is, so that it can end in a `)` that opens nowhere.
  assert(found[1] == matched[1] or found[1] and not pattern:find("[%^%$%*%+%?%.%(%[%%%-]"))
  if matched[1] and found[2] then
    local from, to = found[2], found[3]
    assert(from >= 1 and to >= from - 1 and to <= #subject)
    if found.n == 3 then
      assert(matched.n == 2 and matched[2] == subject:sub(from, to))
    else
      assert(table.concat(found, "\0", 4) == table.concat(matched, "\0", 2))
    end
  end
  -- Replacing each match by itself changes nothing, and there are as many as `gmatch` finds.
  local ok, same, count = pcall(string.gsub, subject, pattern, "%0")
  if ok then
    assert(same == subject)
    local functions = 0
    local passed, again, calls = pcall(string.gsub, subject, pattern, function() functions = functions + 1 end)
    -- It fails if a capture is not finished, which `%0` does not ask for.
    assert(not passed or again == subject and calls == count and functions == count)
    if passed and pattern:sub(1, 1) ~= "^" then
      local matches = 0
      for _ in string.gmatch(subject, pattern) do matches = matches + 1 end
      assert(matches == count)
    end
  else
    pcall(function() for _ in string.gmatch(subject, pattern) do end end)
  end
  pcall(string.gsub, subject, pattern, replacement)
  pcall(string.gsub, subject, pattern, { a = 1, [subject] = "x", b = false })
  local plain = string.find(subject, pattern, 1, true)
  assert(not plain or subject:sub(plain, plain + #pattern - 1) == pattern)
end
"#;

/// Steps that matching may take, about.
const STEPS_MAX: f64 = 200_000.0;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let init = input.byte() as i8;
    let pattern = input.bytes(96);
    let replacement = input.bytes(24);
    let repetitions = pattern.iter().filter(|byte| b"*+-?".contains(byte)).count();
    let most = STEPS_MAX.powf(1.0 / (repetitions as f64 + 2.0));
    let subject = &input.0[..input.0.len().min(most as usize)];
    let (subject, pattern, replacement) = (literal(subject), literal(pattern), literal(replacement));
    run(SETUP, &format!("try({subject}, {pattern}, {replacement}, {init})"));
});
