-- The functions of 'string' that work on bytes, coercions, and the metatable of strings.

equal(97, 98, 99)(("abc"):byte(1, -1))
equal()(("abc"):byte(10))
equal(99)(("abc"):byte(-1))
equal("", "A", "\0\255")(string.char(), string.char(65), string.char(0, 255))
fails("bad argument #2 to 'char' (value out of range)", function() string.char(1, 256) end)
fails("bad argument #1 to 'char' (number expected, got string)", function() string.char("x") end)
fails("stack overflow (string slice too long)", string.byte, ("x"):rep(2000000), 1, -1)
equal(100)(select("#", ("x"):rep(100):byte(1, -1)))

equal("ello", "hell", "ell", "", "hello")(("hello"):sub(2), ("hello"):sub(1, -2), ("hello"):sub(2, 4), ("hello"):sub(4, 2), ("hello"):sub(-100, 100))
equal("HELLO", "hello", "olleh", 5)(("hello"):upper(), ("HeLLo"):lower(), ("hello"):reverse(), ("hello"):len())
equal("\xC4", "\0Z")(("\xC4"):lower(), ("\0z"):upper())
equal("xxx", "x,x,x", "", "")(("x"):rep(3), ("x"):rep(3, ","), ("x"):rep(0), ("x"):rep(-1))
fails("resulting string too large", string.rep, "x", 1 << 31)
fails("resulting string too large", string.rep, "abc", math.maxinteger, "d")
equal("1010", "12")(string.rep(10, 2), string.sub(123, 1, 2))

-- Arguments.
fails("bad argument #1 to 'rep' (number expected, got no value)", function() ("x"):rep() end)
fails("bad argument #1 to 'rep' (number expected, got table)", function() ("x"):rep({}) end)
fails("bad argument #1 to 'rep' (string expected, got table)", function() string.rep({}, 1) end)
fails("bad argument #1 to 'rep' (number has no integer representation)", function() ("x"):rep(1.5) end)
fails("bad argument #2 to 'sub' (number expected, got string)", function() ("x"):sub(1, "x") end)
fails("calling 'rep' on bad self (string expected, got table)", function() local t = { rep = string.rep } t:rep(1) end)
equal("xx", "xx")(("x"):rep("2"), ("x"):rep("0x2"))
fails("bad argument #1 to 'string.len' (string expected, got no value)", string.len)
fails("bad argument #1 to 'len' (string expected, got Named)", function() string.len(setmetatable({}, { __name = "Named" })) end)

-- The metatable.
equal(string, nil)(getmetatable("").__index, getmetatable("").__name)
equal("abc", 3)(("ABC"):lower(), #"abc")
fails("attempt to call a nil value (method 'missing')", function() ("x"):missing() end)
equal(15, 12, -2, 5.0, 3, 3, 8.0)("10" + 5, "3" * "4", -"2", "10" / 2, "7" // "2", "7" % 4, "2" ^ 3)
equal(16.0, 16, 1e1, 255)("0x10p0" + 0, "0x10" + 0, " 1e1 " * 1, 0 + "\t0xFF\n")
equal(math.mininteger, 9223372036854775808.0)("9223372036854775807" + 1, "9223372036854775808" + 0)
fails("attempt to add a 'string' with a 'number'", function() return "a" + 1 end)
fails("attempt to add a 'table' with a 'string'", function() return {} + "1" end)
fails("attempt to mul a 'string' with a 'table'", function() return "1" * {} end)
fails("attempt to unm a 'string' with a 'string'", function() return -"x" end)
fails("attempt to divide by zero", function() return "1" // 0 end)
fails("attempt to perform bitwise operation on a string value (constant '3')", function() return 1 | "3" end)
local other = setmetatable({}, { __add = function(a, b) return type(a) .. "+" .. type(b) end })
equal("string+table", "table+string")("x" + other, other + "x")
equal("string+table")(getmetatable("").__add("x", other))
fails("attempt to add a 'nil' with a 'nil'", getmetatable("").__add)

-- Conversion of numbers.
equal("1.0", "-0.0", "1e+15", "0.1", "1e+100", "-9223372036854775808")(tostring(1.0), tostring(-0.0), tostring(1e15), tostring(0.1), tostring(1e100), tostring(math.mininteger))
equal("10", "1.02", "12")(1 .. 0, 1.0 .. 2, "1" .. 2)

-- Binary chunks.
local function outer(a, b)
  local up = a
  return function(c) up = up + c * b return up, "text", 1.5, nil, true end
end
local copy = load(string.dump(outer))(1, 10)
equal(21, "text", 1.5, nil, true)(copy(2))
equal(51, "text", 1.5, nil, true)(copy(3))
local stripped = load(string.dump(load("local x = ... ; return x.y.z", "=name"), true))
equal(7)(stripped({ y = { z = 7 } }))
fails("?:-1: attempt to index a nil value (field 'y')", stripped, {})
equal("no position")(select(2, pcall(load(string.dump(load("error('no position')"), true)))))
fails("unable to dump given function", string.dump, print)
fails("bad argument #1 to 'string.dump' (function expected, got no value)", string.dump)

-- Order.
assert("a" < "b" and "a" < "aa" and "Z" < "a" and "" < "a" and not ("a" < "a") and "a\0b" > "a\0a")

-- Strings of one byte, and the empty one, however they were made.
local by_byte = {}
for byte = 0, 255 do by_byte[string.char(byte)] = byte end
local all_bytes = string.char(table.unpack((function() local bytes = {} for byte = 0, 255 do bytes[byte + 1] = byte end return bytes end)()))
for at = 1, 256 do
  local byte = all_bytes:sub(at, at)
  assert(by_byte[byte] == at - 1 and #byte == 1 and byte:byte() == at - 1 and byte == all_bytes:match(".", at))
  if at % 64 == 0 then collectgarbage() end
end
equal("", "", true, 0)(all_bytes:sub(2, 1), (""):rep(3), ("x"):sub(2) == "", #("x"):match("(y*)"))
equal("7", "a")(tostring(7), ({ a = "a" })[("abc"):sub(1, 1)])
equal("nil", "boolean", "number", "string", "table", "function", "thread", "userdata")(type(nil), type(true), type(1), type(""), type({}), type(print), type(coroutine.create(print)), type(io.stdout))
