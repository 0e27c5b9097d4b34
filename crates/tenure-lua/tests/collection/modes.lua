-- A `__mode` that a metatable in use is given, loses, or changes is honored by the next collection.

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- Entries that a weak table would lose: with a weak value, with a weak key, and with both.
local function fill(t)
  for i = 1, 4 do
    t[i] = {}
    t["name" .. i] = {}
    t[{}] = i
    t[{}] = {}
  end
  return t
end

-- Given.
for mode, left in pairs { k = 8, v = 4, kv = 0 } do
  local mt = {}
  local t = fill(setmetatable({}, mt))
  collectgarbage()
  equal(16)(count(t))
  mt.__mode = mode
  collectgarbage()
  equal(left)(count(t))
end

-- Given by raw assignment, by a `__newindex` of the metatable's own, by a key that is computed, in a constructor's place.
do
  local mt = {}
  local t = fill(setmetatable({}, mt))
  rawset(mt, "__mode", "kv")
  local guarded = setmetatable({}, { __newindex = rawset })
  local u = fill(setmetatable({}, guarded))
  guarded.__mode = "kv"
  local computed = {}
  local v = fill(setmetatable({}, computed))
  computed["__" .. ("edom"):reverse()] = "kv"
  local own = fill {}
  own.__index = own
  setmetatable(own, own)
  own.__mode = "kv"
  collectgarbage()
  equal(0)(count(t))
  equal(0)(count(u))
  equal(0)(count(v))
  equal(2)(count(own))
end

-- Given where the metatable has room for it, and where it had one that was removed.
for spare = 0, 8 do
  local mt, emptied = {}, { __mode = "k" }
  for i = 1, spare do mt["field" .. i] = i end
  emptied.__mode = nil
  collectgarbage()
  local t, u = fill(setmetatable({}, mt)), fill(setmetatable({}, emptied))
  collectgarbage()
  equal(16, 16)(count(t), count(u))
  mt.__mode = "kv"
  collectgarbage()
  equal(0, 16)(count(t), count(u))
  emptied.__mode = "kv"
  collectgarbage()
  equal(0)(count(u))
end

-- Replaced, taken away and given back, and by what is no mode.
do
  local mt = { __mode = "k" }
  local t, key, value = setmetatable({}, mt), {}, {}
  local function set()
    t[1], t.name, t[key], t[{}] = {}, {}, {}, value
  end
  set()
  mt.__mode = "v"
  collectgarbage()
  assert(count(t) <= 1 and t[1] == nil and t.name == nil and t[key] == nil)
  mt.__mode = nil
  collectgarbage()
  set()
  collectgarbage()
  assert(count(t) >= 4 and t[1] and t.name and t[key])
  mt.__mode = "v"
  collectgarbage()
  assert(count(t) >= 1 and t[1] == nil and t.name == nil and t[key] == nil)
  mt.__mode = "kv"
  collectgarbage()
  equal(0)(count(t))
  for _, none in ipairs { "", 5, false, "KV" } do
    local other = {}
    local u = fill(setmetatable({}, other))
    other.__mode = none
    collectgarbage()
    equal(16)(count(u))
    other.__mode = "v"
    collectgarbage()
    equal(4)(count(u))
  end
  local odd = { __mode = "" }
  local u = fill(setmetatable({}, odd))
  odd.__mode = "kv"
  collectgarbage()
  equal(0)(count(u))
end

-- Tables are found wherever they are: a mode is given to all tables of a metatable.
do
  local mt = {}
  local function made() return fill(setmetatable({}, mt)) end
  local tables = {}
  for i = 1, 20 do tables[i] = made() end
  local upvalue = made()
  local function closure() return upvalue end
  local coroutines = coroutine.wrap(function()
    local inside = made()
    coroutine.yield()
    return inside
  end)
  coroutines()
  local key, nested = {}, {}
  local ephemerons = setmetatable({ [key] = made() }, { __mode = "k" })
  local values = setmetatable({ [made()] = key }, { __mode = "v" })
  debug.setmetatable(print, { of_functions = made() })
  setmetatable(nested, { inner = { [made()] = { made() } } })
  mt.__mode = "kv"
  collectgarbage()
  for i = 1, 20 do equal(0)(count(tables[i])) end
  equal(0)(count(closure()))
  equal(0)(count(coroutines()))
  equal(0)(count(ephemerons[key]))
  equal(0)(count((next(values))))
  equal(0)(count(debug.getmetatable(print).of_functions))
  debug.setmetatable(print, nil)
  local outer, inner = next(getmetatable(nested).inner)
  equal(0)(count(outer))
  equal(0)(count(inner[1]))
end

-- What was weak and is not any more keeps its entries.
do
  local mt = { __mode = "kv" }
  local t = setmetatable({}, mt)
  mt.__mode = nil
  t[1], t[{}] = {}, {}
  collectgarbage()
  equal(2)(count(t))
  setmetatable(t, { __mode = "k" })
  collectgarbage()
  equal(1)(count(t))
end
print "modes"
