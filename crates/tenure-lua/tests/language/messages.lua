-- Manual 2.3 and 6.1: error values, levels, handlers, and the reference implementation's messages with names of variables.
local function message(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  return e
end
local function at(line_and_text) return "messages.lua" .. line_and_text end
local function text(f, ...) return (tostring(message(f, ...)):gsub("^messages%.lua:%d+: ", "")) end

-- Values, levels.
local value = setmetatable({}, { __tostring = function() return "shown" end })
equal(true, nil, 42, false)(message(error, value) == value, message(error), message(error, 42), message(error, false))
local function level(n) error("text", n) end
equal("text")((message(level, 0)))
local here = debug.getinfo(1, "l").currentline
equal(true)(message(level, 1):find(":" .. here - 2 .. ": text$") ~= nil)
local function caller() level(2) end
equal(true)(message(caller):find(":" .. here + 2 .. ": text$") ~= nil)
equal("text", true)(message(level, 50), message(level) == message(level, 1))
equal(true, 1, 2)(pcall(function(...) return ... end, 1, 2))
equal(false, "a!")(xpcall(error, function(e) return e .. "!" end, "a"))
equal(true, 1, nil)(xpcall(function(...) return ... end, print, 1, nil))
local depth = 0
equal(false, "error in error handling")(xpcall(error, function(e) depth = depth + 1 if depth < 500 then error(e) end return e end, "x"))
fails("bad argument #2 to 'xpcall' (function expected, got nil)", xpcall, error, nil, 1)
equal("assertion failed!", "mine", true)(text(assert, false), text(assert, nil, "mine"), message(assert, false, value) == value)
equal(1, 2)(assert(1, 2))
fails("bad argument #1 to 'assert' (value expected)", assert)

-- What is called, indexed or computed with is named.
local up = {}
local cases = {
  { "attempt to call a nil value (global 'undefined')", function() undefined() end },
  { "attempt to call a nil value (local 'f')", function() local f f() end },
  { "attempt to call a nil value (upvalue 'caller2')", (function() local caller2 return function() caller2() end end)() },
  { "attempt to call a nil value (field 'field')", function() up.field() end },
  { "attempt to call a nil value (method 'method')", function() up:method() end },
  { "attempt to call a number value", function() (1)() end },
  { "attempt to call a table value", function() ({})() end },
  { "attempt to call a nil value (field '?')", function() up[1 + 1.5]() end },
  { "attempt to index a nil value (global 'undefined')", function() return undefined.x end },
  { "attempt to index a nil value (field 'a')", function() return up.a.b end },
  { "attempt to index a number value (local 'n')", function() local n = 1 n.x = 2 end },
  { "attempt to index a nil value (field 'integer index')", function() return up[1][2] end },
  { "attempt to index a boolean value (upvalue 'up2')", (function() local up2 = true return function() return up2.x end end)() },
  { "attempt to index a function value (local 'g')", function() local g = print return g[1] end },
  { "attempt to perform arithmetic on a nil value (local 'a')", function() local a return a + 1 end },
  { "attempt to perform arithmetic on a nil value (field 'x')", function() return up.x * 2 end },
  { "attempt to perform arithmetic on a table value (upvalue 'up')", function() return 2 - up end },
  { "attempt to perform arithmetic on a boolean value", function() return -true end },
  { "attempt to add a 'number' with a 'string'", function() return 1 + "x" end },
  { "attempt to div a 'string' with a 'number'", function() local s = "x" return s / 2 end },
  { "attempt to concatenate a nil value (global 'undefined')", function() return "a" .. undefined end },
  { "attempt to concatenate a boolean value (local 'b')", function() local b = true return b .. "a" end },
  { "attempt to get length of a nil value (field 'list')", function() return #up.list end },
  { "attempt to get length of a number value (local 'n')", function() local n = 5 return #n end },
  { "attempt to perform bitwise operation on a nil value (local 'm')", function() local m return m | 1 end },
  { "attempt to perform bitwise operation on a table value (upvalue 'up')", function() return ~up end },
  { "number (local 'h') has no integer representation", function() local h = 1.5 return h | 1 end },
  { "number has no integer representation", function() return 2 ^ 70 // 1 | 1 end },
  { "attempt to compare two nil values", function() return nil < nil end },
  { "attempt to compare number with nil", function() return 1 < nil end },
  { "attempt to compare table with number", function() return up <= 1 end },
  { "attempt to compare number with table", function() return up > 1 end },
  { "attempt to compare two function values", function() return print < print end },
}
for _, case in ipairs(cases) do
  local expected, given = case[1], text(case[2])
  if given ~= expected then error("expected '" .. expected .. "', got '" .. given .. "'") end
end

-- Arguments of library functions: number, name, method or not, types.
equal("bad argument #1 to 'rep' (string expected, got table)")(text(function() string.rep({}, 1) end))
equal("bad argument #2 to 'rep' (number expected, got no value)")(text(function() string.rep("x") end))
equal("bad argument #1 to 'rep' (number expected, got nil)")(text(function() ("x"):rep(nil) end))
equal("calling 'rep' on bad self (string expected, got table)")(text(function() local t = { rep = string.rep } t:rep(1) end))
equal("bad argument #1 to 'insert' (table expected, got nil)")(text(function() table.insert(nil, 1) end))
equal("wrong number of arguments to 'insert'")(text(function() table.insert({}, 1, 2, 3) end))
equal("bad argument #2 to 'insert' (position out of bounds)")(text(function() table.insert({}, 5, 2) end))
equal("bad argument #1 to 'ipairs' (value expected)")(text(function() ipairs() end))
equal("bad argument #1 to 'floor' (number expected, got string)")(text(function() math.floor("x") end))
equal("bad argument #2 to 'char' (value out of range)")(text(function() string.char(1, 256) end))
equal("bad argument #1 to 'setmetatable' (table expected, got number)")(text(function() setmetatable(1, {}) end))
equal("bad argument #2 to 'setmetatable' (nil or table expected, got number)")(text(function() setmetatable({}, 1) end))
equal("bad argument #1 to 'tonumber' (string expected, got number)")(text(function() tonumber(1, 10) end))
equal("bad argument #2 to 'tonumber' (base out of range)")(text(function() tonumber("1", 99) end))
equal("number has no integer representation", "bad argument #1 to 'random' (interval is empty)")(
  text(function() return ("x"):rep(1.5) end):match("%((.-)%)"), text(function() math.random(0 - 1) end))
equal("invalid order function for sorting", "attempt to compare number with nil")(
  text(function() local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() return true end) end), (text(function() table.sort({ 1, nil, 3, nil, 5 }) end):gsub("nil with number", "number with nil")))

-- Positions: the line of the instruction; chunk names of all three forms.
local function named(chunk, name) return select(2, pcall(assert(load(chunk, name)))) end
equal("name:1: x", "file.lua:2: x", '[string "error(\'x\')"]:1: x')(named("error('x')", "=name"), named("\nerror('x')", "@file.lua"), named("error('x')", "error('x')"))
equal('[string "..."]:2: x', '[string "a..."]:2: x')(named("\nerror('x')", "\nerror('x')"), named("--\nerror('x')", "a\nb"))
equal("..." .. ("l"):rep(56) .. ":1: x", ("k"):rep(59) .. ":1: x")(named("error('x')", "@" .. ("l"):rep(80)), named("error('x')", "=" .. ("k"):rep(80)))
equal('[string "for"]:1: <name> expected near <eof>', '[string "x ="]:1: unexpected symbol near <eof>')(select(2, load("for")), select(2, load("x =")))
equal('[string "x = }"]:1: unexpected symbol near \'}\'', '[string "x = \'abc"]:1: unfinished string near <eof>')(select(2, load("x = }")), select(2, load("x = 'abc")))
equal('[string "if x then"]:1: \'end\' expected near <eof>', "[string \"if x...\"]:4: 'end' expected (to close 'if' at line 1) near <eof>")(
  select(2, load("if x then")), (select(2, load("if x\n\n\nthen"))))

-- A function that a native one calls, and that cannot be called at all: whoever catches the error goes on once.
do
  local bad = setmetatable({}, {__lt = 5})
  local function sort() table.sort({bad, bad}) end
  equal(false, true)(pcall(sort), not select(2, pcall(table.concat, setmetatable({}, {__len = 5}))):find("^%S+:%d"))
  equal("attempt to call a number value")((select(2, pcall(table.sort, {bad, bad}))))
  equal(false)((coroutine.wrap(function() return (pcall(sort)) end)()))
  equal(false, "dead")((function()
    local thread = coroutine.create(sort)
    return (coroutine.resume(thread)), coroutine.status(thread)
  end)())
end
