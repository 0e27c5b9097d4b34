-- 'find', 'match', 'gmatch', 'gsub', with everything that the algorithms leave to the caller.

equal(5, 7)(("hello world"):find("o w"))
equal(1, 7, "key", "val")(("key=val"):find("(%w+)=(%w+)"))
equal(2, 1, 2, 2)(("abc"):find("()()", 2))
equal(nil)(("abc"):find("x"))
equal(nil)(("abc"):find("", 5))
equal(4, 3)(("abc"):find("", 4))
equal(2, 2)(("a.b"):find(".", 2, true))
equal(1, 1)(("a+b"):find("%w", -10))
equal("2024", "01", "02")(("2024-01-02"):match("(%d+)-(%d+)-(%d+)"))
equal("hello")(("hello world"):match("^%w+"))
equal(nil)((" hello"):match("^%w+"))
equal(3, 3)(string.find(123, 3))
equal("2")(string.match(123, "2"))
fails("malformed pattern (missing ']')", string.find, "a", "[a")
fails("malformed pattern (ends with '%')", string.match, "a", "%")
fails("invalid capture index %1", string.match, "a", "%1")
fails("unfinished capture", string.match, "a", "(a")
fails("pattern too complex", string.match, ("a"):rep(300), ("a?"):rep(300))
fails("bad argument #2 to 'find' (string expected, got nil)", function() string.find("a", nil) end)

-- gmatch.
local words = {}
for word in ("one two  three"):gmatch("%a+") do words[#words + 1] = word end
equal("one,two,three")(table.concat(words, ","))
local pairs_found = {}
for k, v in string.gmatch("a=1, b=2", "(%w+)=(%w+)") do pairs_found[k] = v end
equal("1", "2")(pairs_found.a, pairs_found.b)
local positions = {}
for position in ("abc"):gmatch("()", 2) do positions[#positions + 1] = position end
equal(2, 3, 4)(table.unpack(positions))
local iterator = ("ab"):gmatch(".")
equal("a")(iterator())
collectgarbage()
equal("b")(iterator())
equal()(iterator())
equal()(iterator())
fails("malformed pattern (ends with '%')", function() for _ in ("x"):gmatch("%") do end end)
equal()(("abc"):gmatch("x", 100)())

-- gsub with strings.
equal("hell0 w0rld", 2)(("hello world"):gsub("o", "0"))
equal("hello hello world world", 2)(("hello world"):gsub("%w+", "%0 %0"))
equal("world hello", 1)(("hello world"):gsub("(%w+) (%w+)", "%2 %1"))
equal("-a-b-c-", 4)(("abc"):gsub("", "-"))
equal("xbc", 1)(("abc"):gsub("^a", "x"))
equal("heLlo", 1)(("hello"):gsub("l", "L", 1))
equal("hello", 0)(("hello"):gsub("l", "L", 0))
equal("a1c", 1)(("abc"):gsub("b", 1))
equal("a1.5c", 1)(("abc"):gsub("b", 1.5))
fails("invalid use of '%' in replacement string", string.gsub, "abc", "b", "%x")
fails("invalid capture index %2", string.gsub, "abc", "(b)", "%2")

-- gsub with tables.
equal("1b-", 3)(("abc"):gsub("%w", { a = 1, b = false, c = "-" }))
equal("aabbcc", 3)(("abc"):gsub("%w", setmetatable({}, { __index = function(_, key) return key .. key end })))
equal("x-y", 2)(("a-b"):gsub("%w", setmetatable({}, { __index = { a = "x", b = "y" } })))
local log = {}
equal("abc", 3)(("abc"):gsub("()(.)", setmetatable({}, { __index = function(_, key) log[#log + 1] = key end })))
equal(1, 2, 3)(table.unpack(log))
fails("invalid replacement value (a table)", string.gsub, "abc", ".", { a = {} })

-- gsub with functions.
equal("A.B.C.", 3)(("abc"):gsub("%w", function(c) return c:upper() .. "." end))
equal("abc", 3)(("abc"):gsub("%w", function() end))
equal("a2c", 3)(("abc"):gsub("%w", function(c) return c == "b" and 2 end))
equal("1,3;", 1)(("a b"):gsub("()%w()%s%w", function(first, second) return first .. "," .. second + 1 .. ";" end))
equal("[a][b]", 2)(("ab"):gsub(".", function(...) return "[" .. table.concat({ ... }) .. "]" end))
fails("invalid replacement value (a boolean)", string.gsub, "x", ".", function() return true end)
fails("in the middle", string.gsub, "x", ".", function() error("in the middle", 0) end)
fails("bad argument #3 to 'string.gsub' (string/function/table expected, got boolean)", string.gsub, "x", ".", true)
fails("bad argument #2 to 'gsub' (string/function/table expected, got no value)", function() ("x"):gsub(".") end)

-- Nested, and with collections in between.
local nested = ("a b c"):gsub("%w", function(word)
  collectgarbage("step")
  return (word:rep(3):gsub(word, function(inner) return inner:upper() .. #string.format("%10s", inner) end))
end)
equal("A10A10A10 B10B10B10 C10C10C10")(nested)
local long = ("abc"):rep(2000)
equal(#long * 2)(#(long:gsub("%w", function(c) return c .. c end)))
equal(long)((long:gsub("%w", "%0")))
fails("attempt to yield across a C-call boundary", coroutine.wrap(function() return ("x"):gsub(".", coroutine.yield) end))
