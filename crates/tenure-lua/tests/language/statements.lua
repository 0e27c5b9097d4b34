-- Manual 3.1 to 3.3: lexical conventions, variables, statements.

-- Assignment evaluates everything first; what is missing is nil, what is left over is dropped; the last call gives all its values.
local function three() return 1, 2, 3 end
local function none() end
do
  local a, b, c, d = 0, three()
  equal(0, 1, 2, 3)(a, b, c, d)
  local e, f, g = three(), 10
  equal(1, 10, nil)(e, f, g)
  local h, i = (three())
  equal(1, nil)(h, i)
  local x, y = 1, 2
  x, y = y, x
  equal(2, 1)(x, y)
  local t, k = { 1, 2, 3 }, 1
  k, t[k] = k + 1, 20
  equal(2, 20, 2, 3)(k, t[1], t[2], t[3])
  equal(0, 1, 3, 4, 4)(#{ none() }, #{ (none()) == nil }, #{ three() }, #{ 0, three() }, #{ three(), three(), (three()), 9 })
  local u = { three(), three() }
  equal(4)(#u)
  local p, q, r = none(), none()
  equal(nil, nil, nil)(p, q, r)
end

-- Numeric loops: integers never wrap around, floats count up, limits are clipped, the variable is a copy.
local function count(first, last, step)
  local values = {}
  for i = first, last, step or 1 do
    values[#values + 1] = i
    if #values > 9 then break end
    i = nil
  end
  return #values, values[1], values[#values]
end
equal(3, 1, 3)(count(1, 3))
equal(0, nil, nil)(count(3, 1))
equal(3, 3, 1)(count(3, 1, -1))
equal(2, math.maxinteger - 1, math.maxinteger)(count(math.maxinteger - 1, math.maxinteger))
equal(2, math.mininteger + 1, math.mininteger)(count(math.mininteger + 1, math.mininteger, -1))
equal(2, math.maxinteger - 1, math.maxinteger)(count(math.maxinteger - 1, math.huge))
equal(3, 1, 3)(count(1, 3.9))
equal(3, 3, 1)(count(3, 0.1, -1))
equal(5, 1.0, 3.0)(count(1.0, 3, 0.5))
equal(3, 1.0, 3.0)(count(1, 3, 1.0))
equal(0, nil, nil)(count(1, 0 / 0))
equal(0, nil, nil)(count(1, -math.huge))
equal(2, math.mininteger, math.maxinteger - 1 >> 0 and -1)(count(math.mininteger, 0, math.maxinteger))
-- Across the edge of what one word holds, in both directions and with large steps.
local edge = 1 << 49
equal(4, edge - 2, edge + 1)(count(edge - 2, edge + 1))
equal(4, edge + 1, edge - 2)(count(edge + 1, edge - 2, -1))
equal(4, 1 - edge, -edge - 2)(count(1 - edge, -edge - 2, -1))
equal(4, -edge - 2, 1 - edge)(count(-edge - 2, 1 - edge))
equal(3, edge - 3, edge - 1)(count(edge - 3, edge - 1))
equal(3, 2 - edge, -edge)(count(2 - edge, -edge, -1))
equal(5, -2 * edge, 2 * edge)(count(-2 * edge, 2 * edge, edge))
equal(5, 2 * edge, -2 * edge)(count(2 * edge, -2 * edge, -edge))
equal(10, math.mininteger, math.mininteger + 9)(count(math.mininteger, math.maxinteger))
equal(10, math.maxinteger, math.maxinteger - 9)(count(math.maxinteger, math.mininteger, -1))
equal(8, -7 << 60, 7 << 60)(count(-7 << 60, math.maxinteger, 1 << 61))
fails("'for' step is zero", count, 1, 2, 0)
fails("bad 'for' initial value (number expected, got table)", count, {}, 2)
fails("bad 'for' limit (number expected, got table)", count, 1, {})
fails("bad 'for' step (number expected, got string)", count, 1, 2, "x")

-- The generic loop: state, control, and a closing value that is closed however the loop ends.
local log = {}
local function closing(name)
  return setmetatable({}, { __close = function(_, e) log[#log + 1] = name .. ":" .. tostring(e) end })
end
local function upto(limit, i) if i < limit then return i + 1, i * i end end
for i, square in upto, 3, 0, closing "done" do equal((i - 1) ^ 2 // 1 | 0)(square) end
for i in upto, 3, 0, closing "break" do if i == 2 then break end end
local function returning() for i in upto, 3, 0, closing "return" do return i end end
equal(1)(returning())
fails("on purpose", function() for i in upto, 3, 0, closing "error" do error("on purpose", 0) end end)
for i in upto, 3, 0, closing "goto" do goto out end
::out::
equal("done:nil break:nil return:nil error:on purpose goto:nil")(table.concat(log, " "))
fails("variable '(for state)' got a non-closable value", function() for _ in upto, 1, 0, {} do end end)
fails("attempt to call a table value (for iterator 'for iterator')", function() for _ in {} do end end)
fails("attempt to call a nil value (for iterator 'for iterator')", function() for _ in nil do end end, "unused")

-- Each turn has variables of its own.
local made = {}
for i = 1, 3 do made[i] = function() i = i + 10 return i end end
equal(11, 12, 21)(made[1](), made[2](), made[1]())
local n, kept = 0, {}
while n < 3 do n = n + 1 local m = n kept[n] = function() return m end end
equal(1, 2, 3)(kept[1](), kept[2](), kept[3]())
repeat local last = n n = n - 1 until last == 1

-- goto: continue, out of loops, backwards with fresh variables.
do
  local sum = 0
  for i = 1, 10 do
    if i % 2 == 0 then goto continue end
    sum = sum + i
    ::continue::
  end
  equal(25)(sum)
  local functions, i = {}, 1
  ::again::
  local x = i
  functions[i] = function() return x end
  i = i + 1
  if i <= 3 then goto again end
  equal(1, 2, 3)(functions[1](), functions[2](), functions[3]())
  for a = 1, 3 do for b = 1, 3 do if a * b == 4 then sum = a goto found end end end
  ::found::
  equal(2)(sum)
end

-- <const> and <close>: order, errors that replace errors, values that are nil or false.
log = {}
do
  local a <close> = closing "a"
  local b <close>, c <const> = nil, 5
  local d <close> = closing "d"
  local e <close> = false
  equal(5)(c)
end
equal("d:nil a:nil")(table.concat(log, " "))
log = {}
local function failing(name, message)
  return setmetatable({}, { __close = function(_, e) log[#log + 1] = name .. ":" .. tostring(e) error(message, 0) end })
end
fails("second", function()
  local a <close> = closing "a"
  local b <close> = failing("b", "second")
  local c <close> = failing("c", "first")
  error("body", 0)
end)
equal("c:body b:first a:second")(table.concat(log, " "))
log = {}
local function results()
  local a <close> = closing "a"
  return 1, 2, 3
end
equal(1, 2, 3)(results())
fails("variable 'x' got a non-closable value", function() local x <close> = {} end)
fails("variable 'x' got a non-closable value", function() local x <close> = 42 end)
equal(nil, '[string "local x <const> = 1; x = 2"]:1: attempt to assign to const variable \'x\'')(load "local x <const> = 1; x = 2")
equal(nil, '[string "local a <close>, b <close> = 1"]:1: multiple to-be-closed variables in local list')(load "local a <close>, b <close> = 1")
equal(nil, '[string "local a <what> = 1"]:1: unknown attribute \'what\'')(load "local a <what> = 1")
equal(nil, '[string "goto nowhere"]:1: no visible label \'nowhere\' for <goto> at line 1')(load "goto nowhere")
equal(nil, '[string "do goto x local a ::x:: print(a) end"]:1: <goto x> at line 1 jumps into the scope of local \'a\'')(load "do goto x local a ::x:: print(a) end")
equal(nil, '[string "break"]:1: break outside loop at line 1')(load "break")
equal(nil, '[string "::a:: ::a::"]:1: label \'a\' already defined on line 1')(load "::a:: ::a::")

-- _ENV is a variable like others; a chunk's globals are fields of it.
do
  local _ENV = { equal = equal }
  x = 5
  equal(5)(_ENV.x)
end
equal(nil)(x)
local env = { y = 1 }
equal(7)(load("y = y + 6 return y", "chunk", "t", env)())
equal(7)(env.y)
fails("attempt to index a nil value (upvalue '_ENV')", (function() local _ENV = nil return function() return z end end)())
