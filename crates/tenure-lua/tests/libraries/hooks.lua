-- debug.sethook and gethook.

local function same(a, b)
  assert(#a == #b, table.concat(a, " ") .. " | " .. table.concat(b, " "))
  for i = 1, #a do assert(a[i] == b[i], a[i] .. " | " .. b[i]) end
end

assert(debug.gethook() == nil)

-- Lines: once each time a line is reached, also by jumping back.
local function lines(code)
  local seen = {}
  local f = assert(load(code, "=code"))
  debug.sethook(function(event, line)
    assert(event == "line")
    local info = debug.getinfo(2, "Sl")
    if info.short_src == "code" then
      assert(info.currentline == line)
      seen[#seen + 1] = line
    end
  end, "l")
  f()
  debug.sethook()
  return seen
end
same(lines "local a = 1\nlocal b = 2\n\nreturn a + b", {1, 2, 4})
same(lines "for i = 1, 3 do\n  local x = i\nend", {1, 2, 1, 2, 1, 2, 1, 3})
same(lines "local x = 1 local y = 2\nlocal z = x\n+\ny", {1, 3, 4})
same(lines "local i = 0\nwhile i < 2 do i = i + 1 end", {1, 2, 2, 2})
same(lines "local function f()\n  return 1\nend\nlocal x = f()\nx = f() + f()", {3, 4, 2, 5, 2, 2})

-- Calls and returns, of functions of both kinds, and tail calls.
local events = {}
local function record(event)
  local info = debug.getinfo(2, "nSt")
  events[#events + 1] = event .. ":" .. (info.name or info.what)
  assert(info.istailcall == (event == "tail call") or event == "return")
end
local function inner(...) return ... end
local function outer(x) local y = inner(x) return inner(y) end
debug.sethook(record, "cr")
outer(1)
math.abs(-1)
debug.sethook()
same(events, {"return:sethook", "call:outer", "call:inner", "return:inner", "tail call:Lua", "return:Lua", "call:abs", "return:abs", "call:sethook"})

-- What goes in and out.
local function seen(f, ...)
  local result
  local arguments = table.pack(...)
  debug.sethook(function(event)
    if debug.getinfo(2, "f").func ~= f then return end
    local info = debug.getinfo(2, "r")
    local values = {event}
    for i = info.ftransfer, info.ftransfer + info.ntransfer - 1 do
      values[#values + 1] = tostring(select(2, debug.getlocal(2, i)))
    end
    result = (result or "") .. table.concat(values, " ") .. ";"
  end, "cr")
  f(table.unpack(arguments))
  debug.sethook()
  return result
end
assert(seen(function(a, b, ...) return b, a, ... end, 1, 2, 3) == "call 1 2;return 2 1 3;")
assert(seen(function() end, 1) == "call;return;")
assert(seen(math.max, 3, 5) == "call 3 5;return 5;")
assert(seen(select, 2, "a", "b", "c") == "call 2 a b c;return b c;")
assert(seen(pcall, math.abs, -1):find("return true 1;", 1, true))

-- Counts.
local count = 0
debug.sethook(function(event) assert(event == "count") count = count + 1 end, "", 1000)
for i = 1, 10000 do end
debug.sethook()
assert(count >= 10 and count <= 25, count)
local function stop() error("too long", 0) end
debug.sethook(stop, "", 100)
local ok, message = pcall(function() while true do end end)
debug.sethook()
assert(not ok and message == "too long")

-- What was set is told; nothing is set by an empty mask.
debug.sethook(stop, "x") assert(debug.gethook() == nil)
local function nothing() end
debug.sethook(nothing, "lrc", 77)
local f, mask, n = debug.gethook()
debug.sethook()
assert(f == nothing and mask == "crl" and n == 77)
assert(debug.gethook() == nil)

-- A hook is a function called in a hook's way, is not hooked itself, and may change the hook.
local name, what
debug.sethook(function()
  local info = debug.getinfo(1, "n")
  name, what = info.name, info.namewhat
  for i = 1, 3 do math.abs(i) end
  debug.sethook()
end, "l")
local x = 1
assert(name == "?" and what == "hook")

-- Errors of hooks are those of what is hooked; a hook cannot yield.
ok, message = pcall(function()
  debug.sethook(function(event) debug.sethook() error("in hook", 0) end, "c")
  math.abs(1)
end)
assert(not ok and message == "in hook")
local thread = coroutine.create(function() local a = 1
  return a end)
debug.sethook(thread, function() coroutine.yield() end, "l")
ok, message = coroutine.resume(thread)
assert(not ok and message == "attempt to yield across a C-call boundary")

-- Each thread has its own hook.
local mine, theirs = 0, 0
thread = coroutine.create(function()
  local a = 1
  coroutine.yield()
  local b = 1
end)
debug.sethook(thread, function() theirs = theirs + 1 end, "l")
assert(debug.gethook() == nil and debug.gethook(thread))
coroutine.resume(thread)
assert(theirs == 2)
debug.sethook(function() mine = mine + 1 end, "l")
coroutine.resume(thread)
debug.sethook()
assert(mine == 2 and theirs == 4, mine .. " " .. theirs)

-- Collections in the middle of everything.
local kept
debug.sethook(function() kept = {kept and #kept} collectgarbage() end, "crl", 3)
local text = {}
for i = 1, 20 do text[#text + 1] = string.rep("x", i) .. tostring(i) end
local t = setmetatable({}, {__index = function(_, k) return k .. "!" end, __concat = function(a, b) return "joined" end})
local joined = t.a .. "b" .. t
debug.sethook()
assert(table.concat(text):len() == 210 + 9 + 22 and joined == "a!joined")
local closed = false
debug.sethook(function() end, "crl", 1)
do local c <close> = setmetatable({}, {__close = function() closed = true end}) end
local function varargs(...) local c <close> = setmetatable({}, {__close = function() end}) return ... end
local packed = table.pack(varargs(1, nil, 3))
debug.sethook()
assert(closed and packed.n == 3 and packed[3] == 3)
