-- Manual 2.1 (values and types), 3.4.1 to 3.4.3 (arithmetic, bitwise operators, conversions).

-- Integers wrap around; floats follow IEEE 754.
equal(math.mininteger)(math.maxinteger + 1)
equal(math.maxinteger)(math.mininteger - 1)
equal(math.mininteger)(-math.mininteger)
equal(math.mininteger)(math.mininteger // -1)
equal(0)(math.mininteger % -1)
equal(-2)(math.maxinteger * 2)
equal(1 << 62)((1 << 50) * (1 << 12))
equal(2 ^ 53)(2 ^ 53 + 1.0)
equal(9007199254740993)((1 << 53) + 1)
equal(1 / 0, -1 / 0)(math.huge, -math.huge)
equal(0 / 0)(math.huge - math.huge)
equal(-0.0)(0.0 * -1)
equal(-math.huge)(1 / -0.0)

-- Around the edge of what one word holds.
for _, edge in ipairs { 1 << 49, -(1 << 49), 1 << 50, 1 << 52, 1 << 53, math.maxinteger } do
  equal(edge)((edge - 1) + 1)
  equal(edge)(edge // 1)
  equal(edge == math.maxinteger and edge or edge + 1)(edge | 1)
  equal(true)(edge == edge + 1 - 1)
  equal(edge)(({ [edge] = edge })[edge - 1 + 1])
  equal(edge)(tonumber(tostring(edge)))
end

-- Division, floor and modulo, of both subtypes.
equal(3.5, 3, -4, -4.0, 3.0)(7 / 2, 7 // 2, -7 // 2, -7 // 2.0, 7.5 // 2)
equal(1, 1, -1, -1, 1.5, -0.5)(7 % 2, -7 % 2, 7 % -2, -7 % -2, 7.5 % 2, 7.5 % -2)
equal(5.0, -math.huge, -2.0, math.huge)(5 % math.huge, 5 % -math.huge, -2 % -math.huge, -2 % math.huge)
equal(math.huge, -math.huge, 0 / 0)(1 // 0.0, -1 // 0.0, 0 // 0.0)
equal(0 / 0)(1 % 0.0)
fails("attempt to divide by zero", function() return 1 // 0 end)
fails("attempt to perform 'n%0'", function() return 1 % 0 end)
equal(8.0, 0.5, 2.0 ^ 0.5)(2 ^ 3, 2 ^ -1, 2 ^ 0.5)
equal(-0.0)(-0.0 // 1)

-- Bitwise operators take integers and floats with integral values.
equal(12, 61, 49, -61, 240, 3)(60 & 13 | 0, 60 | 13, 60 ~ 13, ~60, 15 << 4, 15 >> 2)
equal(0, 0, 0, 1, math.mininteger)(1 << 64, 1 >> 64, 1 << -64, 1 << 0, 1 << 63)
equal(1, 2, 1)(-1 >> 63, 1 >> -1, 2 << -1)
equal(3, -1)(3.0 & 7, ~0.0)
fails("attempt to perform bitwise operation on a string value (constant '3')", function() return "3" | 4 end)
fails("number has no integer representation", function() return 1.5 & 1 end)
fails("number has no integer representation", function() return 2 ^ 63 | 0 end)
fails("attempt to perform bitwise operation on a string value (constant 'a')", function() return "a" | 1 end)
fails("attempt to perform bitwise operation on a nil value (global 'missing')", function() return missing ~ 1 end)
fails("attempt to perform bitwise operation on a string value (local 'x')", function() local x = "1.5" return x << 1 end)

-- Numbers and strings are converted into each other, comparisons convert nothing.
equal(30, 30.0, 11, "1020", "1.52", 7)("10" + 20, "0x1ep0" + 0, "1" * "11", 10 .. 20, 1.5 .. 2, " 0x7 " + 0)
equal(-10, 2, 2.5)(-"10", "7" // "3", "7.5" - 5)
equal(false, false, true)("10" == 10, 0 == "0", 10 == 10.0)
fails("attempt to add a 'string' with a 'number'", function() return "ten" + 1 end)
fails("attempt to compare number with string", function() return 1 < "2" end)
fails("attempt to compare two table values", function() return {} < {} end)
fails("attempt to compare nil with number", function() return nil <= 1 end)
equal("1", "1.0", "-0.0", "1e+15", "1e+100", "inf", "-inf")(1 .. "", 1.0 .. "", -0.0 .. "", 1e15 .. "", 1e100 .. "", 1 / 0 .. "", -1 / 0 .. "")
equal("3.1415926535898", "0.1", "1e-05", "123456.789")(math.pi .. "", 0.1 .. "", 1e-5 .. "", 123456.789 .. "")

-- Comparing integers with floats is exact.
equal(true, false, true)(math.maxinteger < math.maxinteger + 0.0, math.maxinteger + 0.0 == math.maxinteger, 2 ^ 53 < (1 << 53) + 1)
equal(false, true, true)(math.mininteger < -2.0 ^ 63, math.mininteger <= -2.0 ^ 63, math.maxinteger < math.huge)
equal(false, false, false, true)(0 / 0 == 0 / 0, 1 < 0 / 0, 1 >= 0 / 0, 0 / 0 ~= 0 / 0)

-- A float key with an integral value is the integer.
local t = { [1.0] = "a", [2 ^ 53] = "b" }
equal("a", "b", "integer")(t[1], t[1 << 53], math.type(next { [3.0] = 1 }))
fails("table index is nil", function() t[nil] = 1 end)
fails("table index is NaN", function() t[0 / 0] = 1 end)
equal(nil, nil)(t[nil], t[0 / 0])

-- Strings are bytes: zeros, anything, compared as such; equal ones are one key, however they were made.
local s = "a\0b\xff\u{7FFFFFFF}"
equal(10, 0, 255, true, true, false)(#s, s:byte(2), s:byte(4), "a\0b" < "a\0c", "" < "\0", "b" < "a\0")
equal("found")(({ [("x"):rep(100)] = "found" })[("xx"):rep(50)])
equal("found")(({ ["a" .. 1] = "found" }).a1)

-- Tables: borders, with array and hash parts.
equal(0, 3, 3)(#{}, #{ 1, 2, 3 }, #{ 1, 2, 3, nil })
local list = {}
for i = 1, 1000 do list[i] = i end
for i = 1000, 501, -1 do list[i] = nil end
equal(500)(#list)
local sparse = { n = 1, [1] = 1, [2] = 2, [4] = 4 }
local border = #sparse
equal(true)(border == 2 or border == 4)
local reverse = {}
for i = 100, 1, -1 do reverse[i] = i end
equal(100)(#reverse)
list[#list + 1] = "end"
equal(501, "end")(#list, list[501])
equal(3)(#table.pack(1, 2, 3))

-- What may be removed while a table is traversed.
local removed = {}
for i = 1, 200 do removed[i], removed["k" .. i] = i, i end
local seen = 0
for key in pairs(removed) do removed[key], seen = nil, seen + 1 end
equal(400, nil)(seen, next(removed))
fails("invalid key to 'next'", next, {}, "missing")

-- Arithmetic of operands that no compiler knows: sums of integers of any size stay integers, powers are right for each exponent.
local function known(...) return ... end
for bits = 40, 62 do
  local x, y = known(1 << bits, -(1 << bits))
  equal("integer", 2 << bits, "integer", -(2 << bits))(math.type(x + x), x + x, math.type(y + y), y + y)
  equal("integer", 2 << bits, "integer", -(2 << bits))(math.type(x - y), x - y, math.type(y - x), y - x)
  equal((1 << bits) + 1, (1 << bits) - 1, -(1 << bits) + 1, -(1 << bits) - 1)(x + 1, x - 1, y + 1, y - 1)
  x, y = known((1 << bits) - 1, -(1 << bits) - 1)
  equal("integer", 1 << bits, "integer", -(1 << bits))(math.type(x + 1), x + 1, math.type(y + 1), y + 1)
  equal("float", (1 << bits) + 0.0)(math.type(x + 1.0), x + 1.0)
end
local three = known(3)
equal(1.0, 3.0, 9.0, 27.0, 81.0)(three ^ 0, three ^ 1, three ^ 2, three ^ 3, three ^ 4)
equal(27.0, 8.0, 9.0, 0.25)(known(3.0) ^ 3, 2 ^ three, three ^ known(2), known(2.0) ^ -2)
