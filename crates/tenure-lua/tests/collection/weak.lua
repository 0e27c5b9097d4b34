-- Weak tables: section 2.5.4 of the reference manual.

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- Runs a function whose registers are gone afterwards, then collects everything.
local function after(f, ...)
  local results = table.pack(f(...))
  collectgarbage()
  return table.unpack(results, 1, results.n)
end

-- ---- Weak keys.
do
  local t = setmetatable({}, {__mode = "k"})
  local kept = {}
  after(function()
    t[kept] = {"kept"}
    t[{}] = 1
    t[function() return t end] = 2
    t[coroutine.create(print)] = 3
    t[1], t[2], t.name, t[1.5], t[true] = {}, {}, {}, {}, {}
    t[string.rep("s", 100)] = {}
    t[2^53] = {}
    t[math.maxinteger] = {}
    assert(count(t) >= 9)
  end)
  equal(9)(count(t))
  equal("kept")(t[kept][1])
  assert(t[1] and t[2] and t.name and t[1.5] and t[true] and t[string.rep("s", 100)])
  assert(t[2^53] and t[1 << 53] == t[2^53] and t[math.maxinteger])
  equal(2)(#t)
end

-- An ephemeron: the value refers to the key, and values to other keys.
do
  local t = setmetatable({}, {__mode = "k"})
  local head = after(function()
    local first = {}
    local key = first
    for i = 1, 100 do
      local next_key = {i}
      t[key] = {key, next_key}
      key = next_key
    end
    for i = 1, 50 do
      local a, b = {}, {}
      t[a], t[b] = {b}, {a}
    end
    assert(count(t) >= 100)
    return first
  end)
  equal(100)(count(t))
  local key, steps = head, 0
  while t[key] do
    key, steps = t[key][2], steps + 1
  end
  equal(100)(steps)
  key = nil
  head = nil
  collectgarbage()
  equal(0)(count(t))
  equal(nil)(next(t))
end

-- ---- Weak values.
do
  local t = setmetatable({}, {__mode = "v"})
  local kept, key = {}, {}
  after(function()
    for i = 1, 20 do t[i] = {} end
    for i = 1, 20 do t["name" .. i] = {} end
    for i = 1, 20 do t[{}] = {} end
    t[3], t.name3, t[key] = kept, kept, kept
    t[21], t[22], t.text, t.number, t.flag = "text" .. 21, 22, "t" .. "ext", 1.5, false
    t[math.mininteger] = math.maxinteger
    for i = 1, 5 do t[{}] = "a string is a value " .. i end
    local own = {}
    t[own] = own -- the key is kept by the table, so the value is
    assert(count(t) >= 15)
  end)
  equal(15)(count(t))
  assert(t[3] == kept and t.name3 == kept and t[key] == kept)
  equal("text21", 22, "text", 1.5, false)(t[21], t[22], t.text, t.number, t.flag)
  equal(nil, nil)(t[1], t.name1)
  equal(math.maxinteger)(t[math.mininteger])
  for k, v in pairs(t) do
    if type(k) == "table" and k ~= key then assert(v == k or v:find("^a string is a value")) end
  end
  -- What became nil can be assigned again.
  t[1], t.name1 = kept, kept
  collectgarbage()
  assert(t[1] == kept and t.name1 == kept)
  t[key] = "now a string"
  collectgarbage()
  equal("now a string")(t[key])
  t[key] = kept
  equal(kept)(t[key])
  t[key] = nil
  equal(nil)(t[key])
end

-- ---- Both.
do
  local t = setmetatable({}, {__mode = "kv"})
  local key, value = {}, {}
  after(function()
    t[key] = value
    t[{}] = value
    t[key] = value
    t[value] = {}
    t[{}] = {}
    t[1], t[2], t.x = {}, value, "string"
    local own = {}
    t[own] = own
    local alone = {}
    t[alone] = "a string"
    assert(count(t) >= 3)
  end)
  equal(3)(count(t))
  equal(value, value, "string", nil)(t[key], t[2], t.x, t[value])
  t[key] = "text"
  collectgarbage()
  equal("text")(t[key])
  key = nil
  collectgarbage()
  equal(2)(count(t))
end

-- ---- The length and sequences.
do
  local t = setmetatable({}, {__mode = "v"})
  local kept = {}
  for i = 1, 10 do
    kept[i] = {i}
    t[#t + 1] = kept[i]
  end
  equal(10)(#t)
  collectgarbage()
  equal(10)(#t)
  kept[10], kept[9] = nil, nil
  collectgarbage()
  equal(8, 8)(#t, rawlen(t))
  table.insert(t, kept[1])
  equal(9, kept[1])(#t, t[9])
  equal(kept[1])(table.remove(t))
  equal(8)(#t)
  equal(8)(select("#", table.unpack(t)))
  local sum = 0
  for i, v in ipairs(t) do
    equal(i)(v[1])
    sum = sum + i
  end
  equal(36)(sum)
  table.sort(t, function(a, b) return a[1] > b[1] end)
  equal(8, 1)(t[1][1], t[8][1])
  table.move(t, 1, 8, 2)
  equal(8, 8, 1)(t[1][1], t[2][1], t[9][1])
  local strings = setmetatable({}, {__mode = "v"})
  for i = 1, 5 do strings[i] = "s" .. i end
  collectgarbage()
  equal("s1,s2,s3,s4,s5")(table.concat(strings, ","))
end

-- ---- Traversal: what is assigned and removed on the way, also by collections.
for _, mode in ipairs {"k", "v", "kv"} do
  local t = setmetatable({}, {__mode = mode})
  local kept = {}
  for i = 1, 30 do
    kept[i] = {i}
    t[kept[i]] = kept[i]
    t["x" .. i] = kept[i]
    t[i] = kept[i]
  end
  local seen = 0
  for k, v in pairs(t) do
    seen = seen + 1
    if seen % 3 == 0 then t[k] = nil else t[k] = kept[1] end
    if seen % 10 == 0 then collectgarbage() end
  end
  equal(90)(seen)
  equal(60)(count(t))
  for k in pairs(t) do t[k] = nil end
  equal(nil)(next(t))
  -- Values that die while their keys are looked at.
  local objects = setmetatable({}, {__mode = mode})
  local keys = {}
  for i = 1, 10 do
    keys[i] = {i}
    objects[keys[i]] = {i}
  end
  seen = 0
  for k, v in pairs(objects) do
    v = nil
    seen = seen + 1
    collectgarbage()
  end
  equal(mode == "k" and 10 or true)(mode == "k" and seen or seen <= 10)
  fails("invalid key to 'next'", next, t, {})
end

-- ---- Changing the mode.
do
  local t, mt = {}, {}
  local key = {}
  t[key], t[{}], t.x, t[1] = {"v"}, {}, {}, {}
  setmetatable(t, mt)
  collectgarbage()
  equal(4)(count(t))
  mt.__mode = "k"
  setmetatable(t, mt)
  collectgarbage()
  equal(3)(count(t))
  -- Back to a strong one.
  setmetatable(t, nil)
  local held = {}
  t[held] = 1
  collectgarbage()
  equal(4, "v")(count(t), t[key][1])
  -- From keys to values.
  setmetatable(t, {__mode = "k"})
  setmetatable(t, {__mode = "v"})
  collectgarbage()
  equal(1, 1)(count(t), t[held]) -- the number is a value
  setmetatable(t, {__mode = "nonsense"})
  t.y = {}
  collectgarbage()
  assert(t.y)
  setmetatable(t, {__mode = 1})
  t.z = {}
  collectgarbage()
  assert(t.z)
end

-- The metatable gets its mode after it was set.
do
  local mt = {}
  local t = setmetatable({}, mt)
  mt.__mode = "k"
  t[{}] = 1
  collectgarbage()
  equal(nil)(next(t))
  mt.__mode = nil
  t[{}] = 1
  collectgarbage()
  equal(1)(count(t))
  mt.__mode = "v"
  t.a = {}
  t.a = {}
  collectgarbage()
  equal(1, nil)(count(t), t.a)
  local own = {}
  setmetatable(own, own)
  own.__mode = "k"
  own.__index = function(_, k) return k .. "!" end
  own[{}] = 1
  collectgarbage()
  equal("k", "x!")(own.__mode, own.x)
  equal(2)(count(own))
end

-- ---- Metamethods of weak tables.
do
  local log = {}
  local t = setmetatable({}, {
    __mode = "k",
    __index = function(_, k) return "none" end,
    __newindex = function(t, k, v)
      log[#log + 1] = tostring(v)
      rawset(t, k, v)
    end,
  })
  local key = {}
  equal("none")(t[key])
  t[key] = 1
  t[key] = 2
  t.x = 3
  t.x = 4
  equal(2, 4, "1 3")(t[key], t.x, table.concat(log, " "))
  equal(2, nil)(rawget(t, key), rawget(t, "y"))
  t[key] = nil
  equal("none", nil)(t[key], rawget(t, key))
  local class = setmetatable({}, {__mode = "v"})
  class.method = function() return "called" end
  local keep = class.method
  class.__index = class
  local object = setmetatable({}, class)
  equal("called")(object:method())
  collectgarbage()
  equal("called")(object.method())
end

-- ---- Many keys come and go, and the table stays small.
do
  local t = setmetatable({}, {__mode = "k"})
  local u = setmetatable({}, {__mode = "v"})
  for i = 1, 600 do
    t[{}] = i
    u[i] = {}
    u["k" .. i] = {}
    u[{}] = {}
  end
  collectgarbage()
  equal(0, 0)(count(t), count(u))
end

-- Values that are read are there.
do
  local cache = setmetatable({}, {__mode = "v"})
  local function get(name)
    local v = cache[name]
    if not v then
      v = {name}
      cache[name] = v
    end
    return v
  end
  for i = 1, 500 do
    local v = get("n" .. i % 7)
    equal("n" .. i % 7)(v[1])
  end
end
print "weak"

-- A string is let go of with the value that died; a traversal that is at its key goes on.
do
  local t = setmetatable({}, { __mode = "v" })
  collectgarbage() collectgarbage()
  local before = collectgarbage("count")
  local held = {}
  for i = 1, 4 do
    held[i] = {}
    t[string.rep(tostring(i), 2 ^ 18)] = held[i]
  end
  t.kept = 1
  assert(collectgarbage("count") > before + 1000)
  held = nil
  -- The reference implementation lets go of such a key one collection later than of its value.
  collectgarbage() collectgarbage()
  assert(collectgarbage("count") < before + 300, collectgarbage("count") - before)
  assert(next(t) == "kept" and next(t, "kept") == nil)
  t = setmetatable({}, { __mode = "v" })
  local held = {}
  for i = 1, 20 do held[i] = {} t["key" .. i] = held[i] end
  local count = 0
  for key, value in pairs(t) do
    count = count + 1
    held, value = nil
    collectgarbage()
  end
  assert(count >= 1 and next(t) == nil)
  for i = 1, 20 do t["key" .. i] = i end
  count = 0
  for _ in pairs(t) do count = count + 1 end
  assert(count == 20)
end
