//! Any format and any arguments for `string.format`: an error, or a string.
//!
//! Numerals that it writes are read back. `cargo +nightly fuzz run lua_formats` in the directory above.

#![no_main]

#[allow(dead_code, reason = "other targets use more of it")]
mod lua;

use libfuzzer_sys::fuzz_target;
use lua::{Input, literal, run};

const SETUP: &str = r#"
function try(form, ...)
  local ok, text = pcall(string.format, form, ...)
  assert(type(text) == "string")
  for index = 1, select('#', ...) do
    local value = (select(index, ...))
    local kind = type(value)
    if kind == "number" or kind == "string" then
      local back = load("return " .. string.format("%q", value))()
      assert(back == value and math.type(back) == math.type(value) or value ~= value)
    end
    if math.type(value) == "integer" then
      assert(math.tointeger(string.format("%d", value)) == value)
    elseif kind == "number" and value == value and value - value == 0 then
      assert(tonumber(string.format("%.17g", value)) == value and tonumber(string.format("%a", value)) == value)
    end
    assert(type(tostring(value)) == "string")
    if kind == "string" then tonumber(value) pcall(tonumber, value, 36) end
  end
end
"#;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut call = format!("try({}", literal(input.bytes(64)));
    for _ in 0..input.byte() % 6 {
        call += &format!(", {}", input.value());
    }
    run(SETUP, &(call + ")"));
});
