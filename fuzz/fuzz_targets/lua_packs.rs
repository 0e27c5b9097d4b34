//! Any format, arguments and data for `string.pack`, `string.unpack` and `string.packsize`.
//!
//! What was packed is unpacked, and packs to the same bytes again. `cargo +nightly fuzz run lua_packs` in the directory above.

#![no_main]

#[allow(dead_code, reason = "other targets use more of it")]
mod lua;

use libfuzzer_sys::fuzz_target;
use lua::{Input, literal, run};

const SETUP: &str = r#"
function try(form, data, position, ...)
  local ok, packed = pcall(string.pack, form, ...)
  local sized, size = pcall(string.packsize, form)
  if ok then
    assert(not sized or size == #packed)
    local values = table.pack(string.unpack(form, packed))
    local again, same = pcall(string.pack, form, table.unpack(values, 1, values.n - 1))
    assert(again and (same == packed or form:find("[fdn]")), form)
  end
  local values = table.pack(pcall(string.unpack, form, data, position))
  if values[1] then
    assert(math.type(values[values.n]) == "integer" and values[values.n] <= #data + 1)
    local again, packed = pcall(string.pack, form, table.unpack(values, 2, values.n - 1))
    assert(again)
  end
end
"#;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let form = literal(input.bytes(32));
    let position = input.byte() as i8;
    let mut values = String::new();
    for _ in 0..input.byte() % 6 {
        values += &format!(", {}", input.value());
    }
    let data = literal(input.0);
    run(SETUP, &format!("try({form}, {data}, {position}{values})"));
});
