-- Manual 3.4.7 to 3.5: the length operator, precedence, constructors, calls, functions, varargs, scoping; tail calls and deep recursion.

-- Precedence and associativity; `and`, `or` and `not` give operands.
equal(-4.0, 2.0 ^ 9, true, "ab1", 7, 1, false)(-2 ^ 2, 2 ^ 3 ^ 2, not nil == true, "a" .. "b" .. 1, 1 + 2 * 3, 5 - 3 - 1, not 1 == 2)
equal(14, 3, true, 3)(2 + 3 << 1 | 4, 1 | 2 & 3 ~ 1, 1 < 2 == true, 7 & 3)
equal(nil, false, 1, 2, false, nil)(nil and 1, false or false, nil or 1, 1 and 2, false and nil, false or nil)
equal(-8, -1)(-3 - 5, -3 // 5)

-- Constructors: fields, positions, and the last value if it is a call.
local function pair() return "p", "q" end
local t = { 1, x = 2, [10 - 8 + 20] = 3, pair(), 4; pair() }
equal(1, "p", 4, "p", "q", 2, 3)(t[1], t[2], t[3], t[4], t[5], t.x, t[22])
local many = {}
for i = 1, 300 do many[i] = tostring(i) end
local big = load("return {" .. table.concat(many, ",") .. "}")()
equal(300, 51, 300)(#big, big[51], big[300])

-- Varargs.
local function packed(...) return select("#", ...), ... end
equal(0)(packed())
equal(3, nil, nil, nil)(packed(nil, nil, nil))
local function middle(a, ...) local b, c = ... return a, b, c, select("#", ...) end
equal(1, 2, 3, 3)(middle(1, 2, 3, 4))
equal(1, nil, nil, 0)(middle(1))
equal("c", 3, "b")(select(-1, "a", "b", "c"), select("#", nil, nil, nil), (select(2, "a", "b", "c")))
fails("bad argument #1 to 'select' (index out of range)", select, 0)
fails("bad argument #1 to 'select' (index out of range)", select, -2, 1)
local function wide(...) return (select("#", ...)) end
equal(5000)(wide(table.unpack({}, 1, 5000)))
fails("too many results to unpack", table.unpack, {}, 1, 1e8 // 1 | 0)

-- Methods, and strings and tables as only arguments.
local object = { n = 1 }
function object:add(x, ...) self.n = self.n + x return self, ... end
function object.plain(x) return x end
equal(6)(object:add(2):add(3).n)
equal("s", 1, 3)(object.plain "s", #object.plain { 5 }, ("abc"):len())
local a = { b = { c = {} } }
function a.b.c.f(x) return x end
function a.b.c:g() return self == a.b.c end
equal(1, true)(a.b.c.f(1), a.b.c:g())

-- Closures share variables, also with each other's and after the block has ended.
local function counter()
  local n = 0
  return function() n = n + 1 return n end, function() n = n * 2 return n end, function() return n end
end
local up, double, get = counter()
equal(1, 2, 3, 6, 6)(up(), double(), up(), double(), get())
local up2 = counter()
equal(1, 6)(up2(), get())
local function deep()
  local x = 1
  return function() return function() x = x + 1 return function() return x end end end
end
local middle_one = deep()()
equal(2)(middle_one()())
equal(3)(middle_one()())
local function recursive(n) if n == 0 then return 0 end return n + recursive(n - 1) end
equal(5050)(recursive(100))

-- Proper tail calls: no depth at all, also through methods, metamethods and pcall's function.
local function loop(n, ...) if n == 0 then return "end", ... end return loop(n - 1, ...) end
equal("end", 1, 2)(loop(200000, 1, 2))
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
equal(true)(even(100000))
local callable = setmetatable({}, { __call = function(self, n) if n == 0 then return "called" end return self(n - 1) end })
equal("called")(callable(50000))
local tail = { }
function tail:go(n) if n == 0 then return "gone" end return self:go(n - 1) end
equal("gone")(tail:go(50000))

-- Deep recursion is an error that can be caught, and the state is fine afterwards.
local function endless(n) return 1 + endless(n + 1) end
local ok, message = pcall(endless, 1)
equal(false, true)(ok, message:find("stack overflow", 1, true) ~= nil)
local function endless_pcall() return (pcall(endless_pcall)) end
equal(true, true)(pcall(endless_pcall))
local looped = setmetatable({}, {})
getmetatable(looped).__index = function(self, k) return self[k] end
ok, message = pcall(function() return looped.x end)
equal(false, true)(ok, message:find("stack overflow", 1, true) ~= nil)
local chained = setmetatable({}, {})
for i = 1, 3000 do chained = setmetatable({}, { __index = chained }) end
fails("'__index' chain too long; possible loop", function() return chained.x end)
local self_index = {}
setmetatable(self_index, { __index = self_index, __newindex = self_index })
fails("'__index' chain too long; possible loop", function() return self_index.x end)
fails("'__newindex' chain too long; possible loop", function() self_index.x = 1 end)
local nested = ("("):rep(1000) .. "1" .. (")"):rep(1000)
equal(nil, true)(load("return " .. nested), select(2, load("return " .. nested)):find("overflow", 1, true) ~= nil)
local closes = string.rep("do local x <close> = nil ", 150) .. string.rep(" end", 150)
equal("function")(type(load(closes)))
local sorted_by_error = pcall(table.sort, { 3, 1, 2 }, function() return endless(1) end)
equal(false)(sorted_by_error)
ok, message = xpcall(endless, function(e) return "handled: " .. tostring(e):sub(-14) end, 1)
equal(false)(ok)
ok, message = pcall(string.gsub, "x", "x", function() return endless(1) end)
equal(false)(ok)
equal(6)(recursive(3))

-- Wherever the stack stood when it grew, what overflows it is a stack overflow, which the handler is asked about.
for first = 1, 4 do
  local function from(n, ...) if n == 0 then return 1 + endless(1) end return from(n - 1, ...) + 1 end
  local handled
  ok, message = xpcall(from, function(e) handled = true return e end, first, table.unpack({}, 1, first * 97 % 200))
  equal(false, true, true)(ok, handled, message:find("stack overflow", 1, true) ~= nil)
  if first % 3 == 0 then collectgarbage() end
end

-- Tail calls of native functions: all results, none, and errors, and of what has `__call`.
equal(3, 1, 2, 3)((function(...) return select("#", ...), ... end)(1, 2, 3))
equal()((function() return select(3, 1, 2) end)())
equal(1, 2, "x")((function(text) return text:find("(x)x") end)("xx"))
equal(0)(select("#", (function() return table.unpack({}) end)()))
equal(150)(select("#", (function(...) return table.unpack({ ... }, 1, 150) end)(1)))
ok, message = pcall(function() return ("x"):rep(-1, {}) end)
equal(false, true)(ok, message:find("bad argument #2 to 'rep'", 1, true) ~= nil)
equal("b")((function() return setmetatable({}, { __call = function(_, ...) return select(2, ...) end })("a", "b") end)())
equal(7)((function() local t = setmetatable({ x = 7 }, { __call = rawget }) return t("x") end)())
local kept
equal(2)((function(value) local function keep() return value end kept = keep return select("#", value, value) end)(5))
equal(5)(kept())
equal(6)((function() local pieces = {} for i = 1, 2000 do pieces[i] = (function(n) return string.rep("ab", n) end)(i) end return #pieces[3] end)())
