-- Manual 2.4: every metamethod, who is asked first, and what the results are cut to.
local log
local function note(name) return function(...) log[#log + 1] = name return ... end end
local events = { "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl", "shr", "bnot", "concat" }
local meta = {}
for _, event in ipairs(events) do
  meta["__" .. event] = function(x, y) return event, type(x), type(y) end
end
local o = setmetatable({}, meta)
equal("add", "sub", "mul", "div", "mod", "pow", "idiv")(o + 1, 1 - o, o * "x", {} / o, o % nil, nil ^ o, o // o)
equal("band", "bor", "bxor", "shl", "shr")(o & 1, 1 | o, o ~ 1.5, "a" << o, o >> {})
equal("unm", "bnot", "concat", "concat", "concat")(-o, ~o, o .. "x", 1 .. o, o .. o)
equal("aconcat")("a" .. "b" .. o)
-- Unary operators pass the operand twice.
local twice
setmetatable(o, { __unm = function(x, y) twice = rawequal(x, y) return 1, 2 end, __len = function(x, y) return 7, rawequal(x, y) end })
equal(1, true, 7)(-o, twice, #o)
-- The first operand is asked first.
local left = setmetatable({}, { __add = function() return "left" end })
local right = setmetatable({}, { __add = function() return "right" end })
equal("left", "right", "left", "right")(left + right, right + left, left + 1, 1 + right)

-- Comparisons: results are booleans; equality only between tables, or between userdata, and only if they are not the same.
local compared = {}
local order = {
  __eq = function(x, y) compared[#compared + 1] = "eq" return 1 end,
  __lt = function(x, y) compared[#compared + 1] = "lt" return nil end,
  __le = function(x, y) compared[#compared + 1] = "le" return "yes" end,
}
local x, y = setmetatable({}, order), setmetatable({}, order)
equal(true, false, true, true, true, false)(x == y, x ~= y, x == x, x <= y, x >= 1, x < y)
equal(false, false, true, false)(x > y, x == 1, "a" <= x, 1 > x)
equal("eq eq le le lt lt le lt")(table.concat(compared, " "))
fails("attempt to compare two table values", function() return setmetatable({}, {}) < setmetatable({}, {}) end)
fails("attempt to compare number with table", function() return 1 < setmetatable({}, {}) end)

-- __index and __newindex: functions, tables, chains, other types; raw access asks nobody.
local base = { inherited = "yes" }
local child = setmetatable({ own = 1 }, { __index = base, __newindex = base })
child.new, child.own = "in base", 2
equal("yes", "in base", nil, 2, nil)(child.inherited, base.new, rawget(child, "new"), child.own, child.missing)
local computed = setmetatable({}, { __index = function(t, k) return k, "dropped" end, __newindex = function(t, k, v) rawset(t, k, v + 1) end })
computed.a = 1
equal("key", 2, 7)(computed.key, computed.a, computed[7])
equal(nil)(rawget(computed, "key"))
equal(3, "x")(("abc").len("abc"), ("xyz"):sub(1, 1))
local shown = setmetatable({}, { __index = "string" })
equal(nil)(shown.nothing)
fails("attempt to index a number value (field 'inner')", function() local t = { inner = 5 } return t.inner.x.y end)

-- __call: with arguments, varargs, results, in chains, as an iterator, as a tail call.
local adder = setmetatable({}, { __call = function(self, ...) return self, select("#", ...), ... end })
local s, n, first = adder("a", "b")
equal(true, 2, "a")(s == adder, n, first)
local through = setmetatable({}, { __call = adder })
equal(true, 3)(select(1, through(1, 2)) == adder, (select(2, through(1, 2))))
local i = 0
for v in setmetatable({}, { __call = function() i = i + 1 return i < 4 and i or nil end }) do equal(i)(v) end
fails("attempt to call a number value (local 'broken')", function() local broken = setmetatable({}, { __call = 5 }) broken() end)

-- __len, __tostring, __name, __metatable, __pairs.
equal("custom", "T: ")(tostring(setmetatable({}, { __tostring = function() return "custom" end })), tostring(setmetatable({}, { __name = "T" })):sub(1, 3))
fails("'__tostring' must return a string", tostring, setmetatable({}, { __tostring = function() return {} end }))
local protected = setmetatable({}, { __metatable = "locked" })
equal("locked")(getmetatable(protected))
fails("cannot change a protected metatable", setmetatable, protected, {})
local walked = {}
for k, v in pairs(setmetatable({}, { __pairs = function(t) return function(_, k) k = k + 1 if k < 4 then return k, k * k end end, t, 0 end })) do walked[k] = v end
equal(1, 4, 9)(table.unpack(walked))
equal(3)(#setmetatable({ 1 }, { __len = function() return 3 end }))
fails("object length is not an integer", table.concat, setmetatable({}, { __len = function() return 1.5 end }))
equal(1)(rawlen(setmetatable({ 1 }, { __len = function() return 3 end })))

-- __concat joins from the right, and only where it must.
local joined = setmetatable({}, { __concat = function(p, q) return (type(p) == "table" and "T" or p) .. "+" .. (type(q) == "table" and "T" or q) end })
equal("1+T", "T+ab", "xy+T", "xT+y")(1 .. joined, joined .. "a" .. "b", "x" .. "y" .. joined, "x" .. joined .. "y")
fails("attempt to concatenate a nil value (local 'missing')", function() local missing return "a" .. missing end)
fails("attempt to concatenate a table value (field 'y')", function() local t = { y = {} } return t.y .. "a" end)

-- __close runs with the error, __gc and __mode are no concern of operators; metamethods may yield.
local co = coroutine.wrap(function()
  local m = setmetatable({}, {
    __add = function(p, q) return coroutine.yield("add") end,
    __index = function(_, k) return coroutine.yield(k) end,
    __newindex = function(_, k) coroutine.yield("new " .. k) end,
    __eq = function() return coroutine.yield "eq" end,
    __lt = function() return coroutine.yield "lt" end,
    __le = function() return coroutine.yield "le" end,
    __concat = function() return coroutine.yield "concat" end,
    __len = function() return coroutine.yield "len" end,
    __call = function(_, v) return coroutine.yield("call " .. v) end,
    __unm = function() return coroutine.yield "unm" end,
    __close = function() coroutine.yield "close" end,
  })
  local results = { m + 1, m.field }
  m.x = 1
  local other = setmetatable({}, getmetatable(m))
  results[#results + 1] = m == other
  results[#results + 1] = m < other and "less" or "not less"
  results[#results + 1] = not (m <= other)
  results[#results + 1] = "a" .. "b" .. m
  results[#results + 1] = #m
  results[#results + 1] = m(5)
  results[#results + 1] = -m
  do local c <close> = m end
  for k in m, 1, 2 do results[#results + 1] = k break end
  return table.unpack(results)
end)
equal("add", "field", "new x", "eq", "lt", "le", "concat", "len", "call 5", "unm", "close")(
  co(), co(10), co(20), co(), co(nil), co(1), co(true), co "joined", co(3), co "called", co "minus")
equal("call 1")(co())
equal(10, 20, false, "less", false, "ajoined", 3, "called", "minus", "item")(co "item")

-- Who has no fields: other values than tables whose metatable has no `__index`, or whose classes end.
local of_strings = getmetatable("")
local index = of_strings.__index
local function field(value) return value.name end
of_strings.__index = nil
local without = { pcall(field, "text") }
of_strings.__index = setmetatable({}, { __index = { name = "found" } })
local found = field("text")
of_strings.__index = { other = 1 }
local missing = { pcall(field, "text") }
of_strings.__index = index
equal(false, true, "found", true, nil)(without[1], without[2]:find "index a string value %(local 'value'%)" ~= nil, found, missing[1], missing[2])
debug.setmetatable(1, {})
fails("attempt to index a number value (local 'value')", field, 1)
debug.setmetatable(1, nil)

-- Equality of userdata.
local of_files = getmetatable(io.stdout)
local function same(x, y) return x == y end
equal(false, true)(same(io.stdout, io.stderr), same(io.stdout, io.stdout))
of_files.__eq = function() return 1 end
equal(true, false)(same(io.stdout, io.stderr), same(io.stdout, 1))
of_files.__eq = nil
equal(false)(same(io.stdout, io.stderr))

-- What was nil is absent, wherever the table keeps its place: `__newindex` is asked.
local asked = {}
local function ask(_, key, value) asked[#asked + 1] = tostring(key) .. "=" .. tostring(value) end
local emptied = { 1, 2, 3, name = 1, other = 2 }
emptied[2], emptied.name = nil, nil
setmetatable(emptied, { __newindex = ask })
local function assign(t, i, v)
  t[i] = v
  t.name = v
  t.other = v
end
for i = 1, 3 do assign(emptied, i, 7) end
equal("name=7 2=7 name=7 name=7")(table.concat(asked, " "))
equal(7, nil, 7, nil, 7)(emptied[1], emptied[2], emptied[3], emptied.name, emptied.other)
