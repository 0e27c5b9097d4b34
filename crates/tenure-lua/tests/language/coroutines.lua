-- Manual 2.6: coroutines; yields across pcall, metamethods, iterators; errors, closing, limits.
local function trace(f, ...)
  local co, results = coroutine.create(f), {}
  local values = table.pack(coroutine.resume(co, ...))
  while true do
    results[#results + 1] = table.concat(values, ",", 2, values.n)
    if coroutine.status(co) == "dead" then return values[1], table.concat(results, " ") end
    values = table.pack(coroutine.resume(co, #results))
  end
end

equal(true, "1,2 3 end,2")(trace(function(a, b)
  coroutine.yield(a, b)
  return "end", (coroutine.yield(3))
end, 1, 2))

-- Through pcall, xpcall and error handlers; errors after a yield are caught where the call was.
equal(true, "in out 2")(trace(function()
  local ok, message = pcall(function()
    coroutine.yield("in")
    error("out", 0)
  end)
  return coroutine.yield(message)
end))
equal(true, "x handled:late")(trace(function()
  local ok, message = xpcall(function() coroutine.yield "x" error("late", 0) end, function(e) return "handled:" .. e end)
  return message
end))
equal(true, "deep 1")(trace(function()
  return select(4, pcall(pcall, pcall, function() return coroutine.yield "deep" end))
end))

-- Through iterators, table.sort's comparison not, string.gsub's replacement not.
equal(true, "1 2 3 done")(trace(function()
  for i in function(_, i) i = (i or 0) + 1 if i < 4 then coroutine.yield(i) return i end end do end
  return "done"
end))
equal(true, "a b 3")(trace(function()
  local n = 0
  for k, v in pairs(setmetatable({}, { __pairs = function() coroutine.yield "a" return next, { coroutine.yield "b" }, nil end })) do n = n + k + v end
  return n
end))
local co = coroutine.wrap(function() return pcall(table.sort, { 3, 2, 1 }, function() coroutine.yield() end) end)
equal(false, "attempt to yield across a C-call boundary")(co())
co = coroutine.wrap(function() return pcall(string.gsub, "abc", ".", function() coroutine.yield() end) end)
equal(false, "attempt to yield across a C-call boundary")(co())
fails("attempt to yield from outside a coroutine", coroutine.yield)

-- Closing: variables are closed in order, with the error; the state afterwards.
local log = {}
local function closing(name, fail)
  return setmetatable({}, { __close = function(_, e)
    log[#log + 1] = name .. "=" .. tostring(e)
    if fail then error(fail, 0) end
  end })
end
co = coroutine.create(function()
  local a <close> = closing("a")
  local b <close> = closing("b", "from b")
  coroutine.yield(1)
end)
coroutine.resume(co)
equal(false, "from b")(coroutine.close(co))
equal("b=nil a=from b", "dead", true)(table.concat(log, " "), coroutine.status(co), coroutine.close(co))
log = {}
co = coroutine.create(function() local a <close> = closing "a" error("broken", 0) end)
equal(false, "broken")(coroutine.resume(co))
equal(0, false, "broken")(#log, coroutine.close(co))
equal("a=broken")(table.concat(log, " "))
equal(true)(coroutine.close(coroutine.create(print)))
fails("cannot close a running coroutine", function() coroutine.close(coroutine.running()) end)
log = {}
local wrapped = coroutine.wrap(function() local a <close> = closing "w" error("oops", 0) end)
fails("oops", wrapped)
equal("w=oops")(table.concat(log, " "))
-- A yield while closing, on the way out of an error.
equal(true, "closing caught:err")(trace(function()
  local ok, e = pcall(function()
    local c <close> = setmetatable({}, { __close = function() coroutine.yield "closing" end })
    error("err", 0)
  end)
  return "caught:" .. e
end))

-- Status, running, isyieldable, wrap, and resuming what cannot be resumed.
local main, is_main = coroutine.running()
equal("thread", true, false)(type(main), is_main, coroutine.isyieldable())
local outer
outer = coroutine.create(function()
  local inner = coroutine.create(function() return coroutine.status(outer), coroutine.isyieldable(), coroutine.isyieldable(outer) end)
  return coroutine.status(outer), coroutine.resume(inner)
end)
equal(true, "running", true, "normal", true, true)(coroutine.resume(outer))
equal(false, "cannot resume dead coroutine")(coroutine.resume(outer))
equal(false, "cannot resume non-suspended coroutine")(coroutine.resume(coroutine.running()))
co = coroutine.wrap(function() return co() end)
fails("cannot resume non-suspended coroutine", co)
fails("cannot resume dead coroutine", co)

-- Errors keep values; a coroutine's error does not unwind the caller.
local value = {}
co = coroutine.create(function() error(value) end)
local ok, e = coroutine.resume(co)
equal(false, true, "dead")(ok, e == value, coroutine.status(co))

-- Many, deep, and with many values.
local made = {}
for i = 1, 200 do made[i] = coroutine.wrap(function() local n = i while true do n = n + coroutine.yield(n) end end) end
local sum = 0
for turn = 1, 5 do for i = 1, 200 do sum = sum + made[i](turn) end end
equal(5 * 20100 + 200 * (2 + 5 + 9 + 14))(sum)
local function nest(n) if n == 0 then return "bottom" end return coroutine.wrap(nest)(n - 1) end
equal("bottom")(nest(100))
ok, e = pcall(nest, 100000)
equal(false, true)(ok, e:find("stack overflow", 1, true) ~= nil)
co = coroutine.wrap(function(...) return select("#", coroutine.yield(...)) end)
equal(2000)(select("#", co(table.unpack({}, 1, 2000))))
equal(3000)(co(table.unpack({}, 1, 3000)))
co = coroutine.wrap(function() local function f(n) if n == 0 then coroutine.yield "deep" return 0 end return 1 + f(n - 1) end return f(10000) end)
equal("deep")(co())
equal(10000)(co())

-- Upvalues of a suspended coroutine are shared with who else has them.
local get, set
co = coroutine.wrap(function()
  local shared = 1
  get, set = function() return shared end, function(v) shared = v end
  coroutine.yield()
  shared = shared * 2
  coroutine.yield(shared)
end)
co()
set(21)
collectgarbage()
equal(21, 42, 42)(get(), co(), get())
