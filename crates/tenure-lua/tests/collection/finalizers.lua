-- Finalizers: section 2.5.3 of the reference manual.

-- Runs a function whose registers are gone afterwards, then collects everything.
local function after(f, ...)
  f(...)
  collectgarbage()
end

-- ---- Called once, in the reverse order of marking.
do
  local log = {}
  local mt = {__gc = function(o) log[#log + 1] = o.name end}
  after(function()
    local all = {}
    for i = 1, 10 do all[i] = setmetatable({name = i}, mt) end
  end)
  equal("10 9 8 7 6 5 4 3 2 1")(table.concat(log, " "))
  collectgarbage()
  equal(10)(#log)
end

-- ---- Only what had a `__gc` when its metatable was set is marked.
do
  local called = 0
  local late = {}
  after(function() setmetatable({}, late) late.__gc = function() called = called + 1 end end)
  equal(0)(called)
  after(function() setmetatable({}, late) end)
  equal(1)(called)
  -- A placeholder is enough, and what is there when it runs is called.
  local placeholder = {__gc = true}
  after(function()
    local o = setmetatable({}, placeholder)
    placeholder.__gc = function() called = called + 10 end
    assert(o)
  end)
  equal(11)(called)
  after(function()
    local o = setmetatable({}, placeholder)
    placeholder.__gc = nil
    assert(o)
  end)
  equal(11)(called)
  after(function()
    local t = setmetatable({}, {__gc = function() called = called + 100 end})
    setmetatable(t, {__gc = function() called = called + 1000 end}) -- the second one, once
  end)
  equal(1011)(called)
  after(function()
    local t = setmetatable({}, {__gc = function() called = -1 end})
    setmetatable(t, nil)
  end)
  equal(1011)(called)
end

-- ---- Resurrection.
do
  local times, last = 0, nil
  local mt
  mt = {__gc = function(o)
    times, last = times + 1, o
    if times < 3 then setmetatable(o, mt) end
  end}
  after(function() setmetatable({name = "again"}, mt) end)
  equal(1, "again")(times, last.name)
  last = nil
  collectgarbage()
  equal(2)(times)
  last = nil
  collectgarbage()
  equal(3)(times)
  last = nil
  collectgarbage()
  equal(3)(times)
end

-- What a dead object refers to is there when its finalizer runs.
do
  local text
  after(function()
    local inner = {text = "inner" .. 1}
    setmetatable({inner}, {__gc = function(o) text = o[1].text end})
  end)
  equal("inner1")(text)
end

-- A cycle, and finalizers of both.
do
  local n = 0
  local mt = {__gc = function(o) assert(o.other.other == o) n = n + 1 end}
  after(function()
    local a, b = setmetatable({}, mt), setmetatable({}, mt)
    a.other, b.other = b, a
  end)
  equal(2)(n)
end

-- ---- Weak tables: gone from the values before the finalizer runs, and from the keys afterwards.
do
  local keys, values = setmetatable({}, {__mode = "k"}), setmetatable({}, {__mode = "v"})
  local by_key, by_value
  after(function()
    local o = setmetatable({}, {__gc = function(o) by_key, by_value = keys[o], values[1] end})
    keys[o], values[1] = "property", o
  end)
  equal("property", nil)(by_key, by_value)
  collectgarbage()
  equal(nil)(next(keys))
end

-- ---- Errors are warnings, and the others run.
do
  local n = 0
  local mt = {__gc = function(o)
    n = n + 1
    if o.value then error(o.value, 0) end
  end}
  warn("@on")
  after(function()
    local all = {
      setmetatable({}, mt),
      setmetatable({value = "broken"}, mt),
      setmetatable({value = {}}, mt),
      setmetatable({}, mt),
    }
    assert(#all == 4)
  end)
  equal(4)(n)
  after(function() setmetatable({}, {__gc = function() error("with a position") end}) end)
  warn("@off")
  after(function() setmetatable({value = "silent"}, mt) end)
  equal(5)(n)
  warn("@on")
  after(function() setmetatable({}, {__gc = function() local x <close> = setmetatable({}, {__close = function() n = n + 1 end}) error("closed", 0) end}) end)
  equal(6)(n)
  after(function() setmetatable({}, {__gc = function() coroutine.yield() end}) end)
  after(function() setmetatable({}, {__gc = {}}) end)
  after(function() coroutine.wrap(function() setmetatable({}, {__gc = function() coroutine.yield() end}) collectgarbage() end)() end)
end

-- ---- The collector does not obey a finalizer.
do
  local answers
  after(function()
    setmetatable({}, {__gc = function()
      answers = table.pack(collectgarbage(), collectgarbage("count"), collectgarbage("step"), collectgarbage("isrunning"),
        collectgarbage("stop"))
    end})
  end)
  equal(nil, nil, nil, nil, nil)(table.unpack(answers, 1, 5))
  equal(true)(collectgarbage("isrunning"))
end

-- ---- Finalizers run in the middle of everything else.
do
  local made, closed = 0, 0
  local mt = {__gc = function(o) closed = closed + 1 assert(#o.text == 10) return {}, "results", "go nowhere" end}
  local function work(i)
    made = made + 1
    local o = setmetatable({text = string.rep("x", 10)}, mt)
    return i, o.text .. i, {i}
  end
  local sum = 0
  for i = 1, 120 do
    local a, b, c = work(i)
    sum = sum + a + #b + c[1]
    local t = {work(i)}
    assert(#t == 3 and t[1] == i and t[3][1] == i)
    local s = select("#", work(i), work(i))
    equal(4)(s)
    local co = coroutine.wrap(function(...) local x = coroutine.yield(work(...)) return x, work(i) end)
    assert(co(i) == i and select(3, co("x")) == "xxxxxxxxxx" .. i)
    local ok, err = pcall(function() work(i) error({work(i)}) end)
    assert(not ok and err[1] == i)
    assert(tostring(setmetatable({}, {__tostring = function() return (select(2, work(i))) end})) == "xxxxxxxxxx" .. i)
  end
  collectgarbage()
  equal(made)(closed)
end

-- A finalizer that makes another object each time.
do
  local n = 0
  local mt = {}
  mt.__gc = function() n = n + 1 if n < 20 then setmetatable({}, mt) end end
  after(function() setmetatable({}, mt) end)
  while n < 20 do collectgarbage() end
  equal(20)(n)
end

-- Files that nobody has any more are closed.
do
  local name = os.tmpname()
  after(function()
    local f = assert(io.open(name, "w"))
    f:write("a line")
  end)
  for i = 1, 3000 do assert(io.open(name)) end
  local f = assert(io.open(name))
  equal("a line")(f:read("a"))
  f:close()
  os.remove(name)
end

-- ---- The end of the state: all that is left, the last one first, and nothing that is marked then.
for i = 1, 3 do
  _G["left" .. i] = setmetatable({}, {__gc = function()
    print("closing " .. i)
    setmetatable({}, {__gc = function() print("never") end})
    if i == 2 then error("at the end", 0) end
  end})
end
print "finalizers"
