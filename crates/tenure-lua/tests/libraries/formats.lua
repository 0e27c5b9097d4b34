-- 'format', with everything that the algorithm leaves to the caller.

equal("42|ab|3.14|%|0xff|A")(string.format("%d|%s|%.2f|%%|%#x|%c", 42, "ab", 3.14159, 255, 65))
equal("3 3 3.5")(string.format("%d %i %s", 3.0, "3", 3.5))
equal("nil true 1 1.0 x")(string.format("%s %s %s %s %s", nil, true, 1, 1.0, "x"))
equal('"a\\\nb\\0\\"" 1 0x1.8p+0 nil true')(string.format("%q %q %q %q %q", "a\nb\0\"", 1, 1.5, nil, true))
equal("   ab|ab   |ab")(string.format("%5s|%-5s|%.2s", "ab", "ab", "abc"))
equal("0x1p-1 1.5e+00 1.5")(string.format("%a %.1e %g", 0.5, 1.5, 1.5))
equal("(null) true")(string.format("%p %s", 1, string.format("%p", "abc") == string.format("%p", "ab" .. "c")))
assert(string.format("%p", {}):match("^0x%x+$") and string.format("%p", print) ~= string.format("%p", type))

fails("bad argument #2 to 'format' (number expected, got string)", function() string.format("%d", "x") end)
fails("bad argument #2 to 'format' (number has no integer representation)", function() string.format("%d", 1.5) end)
fails("bad argument #2 to 'format' (number has no integer representation)", function() string.format("%d", "1.5") end)
fails("bad argument #3 to 'format' (no value)", function() string.format("%d %d", 1) end)
fails("bad argument #1 to 'format' (no value)", function() ("%d"):format() end)
fails("bad argument #2 to 'format' (value has no literal form)", function() string.format("%q", {}) end)
fails("invalid conversion '%y' to 'format'", string.format, "%y", 1)
fails("invalid conversion specification: '%123d'", string.format, "%123d", 1)
fails("specifier '%q' cannot have modifiers", string.format, "%5q", 1)
fails("bad argument #2 to 'format' (string contains zeros)", function() string.format("%5s", "a\0b") end)

-- How values look.
local object = setmetatable({}, { __tostring = function() return "object" end })
equal("<object> 1    object object")(string.format("<%s> %d %9s %s", object, 1, object, tostring(object)))
local named = setmetatable({}, { __name = "Named" })
assert(string.format("%s", named):match("^Named: 0x%x+$") and tostring(named) == string.format("%s", named))
fails("'__tostring' must return a string", string.format, "%s", setmetatable({}, { __tostring = function() return {} end }))
equal("7")(string.format("%s", setmetatable({}, { __tostring = function() return 7 end })))
fails("from within", string.format, "%s", setmetatable({}, { __tostring = function() error("from within", 0) end }))
local rounds = {}
for i = 1, 50 do
  rounds[i] = string.format("%s%d%s", object, i, setmetatable({}, { __tostring = function() collectgarbage("step") return ("x"):rep(i) end }))
end
equal("object7xxxxxxx", 1275 + 50 * 6 + 91)(rounds[7], #table.concat(rounds))

-- Packing.
equal("\1\2\0\0\0", "abc\0\0", "\0\0\192\63")(string.pack("<bi4", 1, 2), string.pack("c5", "abc"), string.pack("<f", 1.5))
equal(-2, "hi", 6)(string.unpack("<i2s1", "\xfe\xff\2hi"))
equal(12, 16)(string.packsize("<i4i8"), string.packsize("!8i4i8"))
equal(math.mininteger, 9)(string.unpack("<j", string.pack("<j", math.mininteger)))
equal("10", 4)(string.unpack("z", string.pack("z", 10)), string.packsize("i"))
fails("bad argument #2 to 'pack' (number expected, got nil)", function() string.pack("i") end)
fails("bad argument #2 to 'pack' (integer overflow)", function() string.pack("b", 128) end)
fails("bad argument #2 to 'unpack' (data string too short)", function() string.unpack("i4", "abc") end)
fails("bad argument #1 to 'packsize' (variable-length format)", function() string.packsize("s") end)
fails("invalid format option 'y'", string.pack, "y")
local many = string.pack(("j"):rep(50), table.unpack({}, 1, 0) or 0, table.unpack((function() local t = {} for i = 1, 49 do t[i] = i << 50 end return t end)()))
equal(49 << 50)((select(50, string.unpack(("j"):rep(50), many))))
