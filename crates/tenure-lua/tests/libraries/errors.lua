-- Handlers of errors, and how deep calls may be inside of each other.

-- A protected call inside of a handler that catches an error.
local ok, message = xpcall(function() pcall(error) error("x", 0) end, function(m)
  assert(not pcall(error, "y"))
  return m .. "!"
end)
assert(not ok and message == "x!")
-- A coroutine that fails inside of a handler.
ok, message = xpcall(error, function(m)
  assert(not coroutine.resume(coroutine.create(error), "z"))
  return m .. "?"
end, "x")
assert(not ok and message == "x?")

-- Handlers that fail are called for their own errors.
local function handle(n)
  if type(n) ~= "number" then return n elseif n == 0 then return "END" else error(n - 1) end
end
ok, message = xpcall(error, handle, 150)
assert(not ok and message == "END")
ok, message = xpcall(error, handle, 300)
assert(not ok and message == "C stack overflow")

-- Protected calls inside of each other end with an error, and so do handlers that need them.
local function loop() assert(pcall(loop)) end
ok, message = pcall(loop)
assert(not ok and message:find("C stack overflow", 1, true))
ok, message = xpcall(loop, loop)
assert(not ok and message:find("error", 1, true))
-- Afterwards there is as much room as before, also when coroutines were left in the middle.
local function depth(n) local ok, more = pcall(depth, n + 1) return ok and more or n end
local before = depth(0)
for _ = 1, 300 do
  local thread = coroutine.create(function() pcall(function() pcall(coroutine.yield) error() end) end)
  coroutine.resume(thread)
  if _ % 2 == 0 then coroutine.close(thread) else coroutine.resume(thread) end
end
assert(depth(0) == before and before > 150)

-- What metamethods that are no functions are called in messages.
local function fails(code, expected)
  local ok, message = pcall(load(code))
  assert(not ok and message:find(expected, 1, true), message)
end
fails("local a = setmetatable({}, {__add = 34}) return a + 1", "attempt to call a number value (metamethod 'add')")
fails("local a = setmetatable({}, {__lt = {}}) return a < a", "attempt to call a table value (metamethod 'lt')")
fails("debug.setuservalue(debug.upvalueid(function() return debug end, 1), {})", "light userdata")

-- Equal long strings of a chunk are one string; others are not.
local a = load("return function() return 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee' end, 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee'")
local f, s = a()
assert(string.format("%p", f()) == string.format("%p", s))
assert(string.format("%p", s) ~= string.format("%p", string.rep("x", 50):gsub("x+", s)))
