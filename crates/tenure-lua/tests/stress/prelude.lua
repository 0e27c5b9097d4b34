-- What the drawn programs call. Everything that repeats costs fuel, so that each part of a program ends, and so early that no recursion
-- comes near the reference implementation's limit of 200 levels in C; strings stay short; nothing shows an address or an order that
-- depends on one.
local fuel
local function refill() fuel = 90 end
refill()
local function tick()
  fuel = fuel - 1
  if fuel < 0 then error("out of fuel", 0) end
end

local function cut(s) return type(s) == "string" and #s > 120 and s:sub(1, 120) or s end

-- A value that may be a key, and whose order among others is the same everywhere.
local function key(x)
  local kind = type(x)
  if kind == "string" or kind == "boolean" or kind == "number" and x == x then return x end
  return kind
end

local function before(x, y)
  local a, b = type(x), type(y)
  if a ~= b then return a < b end
  if a == "boolean" then return not x and y end
  return x < y
end

local function keys(t)
  local list = {}
  for k in next, t do list[#list + 1] = k end
  table.sort(list, before)
  return list
end

local function each(t)
  local list, at = type(t) == "table" and keys(t) or {}, 0
  return function()
    tick()
    at = at + 1
    local k = list[at]
    if k ~= nil then return k, rawget(t, k) end
  end
end

local function show(x, depth)
  local kind = type(x)
  if x ~= x then return "nan" end
  if kind == "table" then
    if depth == 0 then return "{...}" end
    local parts = {}
    for i, k in ipairs(keys(x)) do
      if i > 6 then break end
      parts[i] = tostring(k) .. "=" .. show(rawget(x, k), depth - 1)
    end
    return "{" .. table.concat(parts, ",") .. "}"
  elseif kind == "function" or kind == "thread" then
    return kind
  end
  return string.format("%q", x)
end

local function say(...)
  tick()
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = show(parts[i], 3) end
  print(table.concat(parts, " "))
end

local function part(...)
  refill()
  say("part", ...)
  refill()
end

local function closer(name)
  return setmetatable({}, { __close = function(_, e) say("close", name, e) end })
end

local function step(limit, at)
  tick()
  if at < limit then return at + 1, at * at end
end

local metas = {
  { __index = function(t, k) tick() return k end, __len = function() tick() return 3 end },
  { __newindex = function(t, k, v) tick() rawset(t, k, { v }) end, __call = function(self, ...) tick() return ..., self end },
  {
    __add = function(x, y) tick() return { x, y } end, __sub = function() tick() return 7 end,
    __mul = function(x, y) tick() return x end, __concat = function(x, y) tick() return "joined" end,
    __unm = function(x) tick() return x end, __band = function() tick() return 255 end,
  },
  {
    __eq = function() tick() return true end, __lt = function(x, y) tick() return type(x) == "table" end,
    __le = function() tick() return nil end, __idiv = function(x, y) tick() coroutine.yield(y) return 1 end,
  },
  { __index = { x = 1, y = "two" }, __pairs = function(t) tick() return step, 3, 0 end, __name = "Named" },
}
metas[5].__index.z = setmetatable({}, metas[1])

local function meta(t, n)
  if type(t) == "table" then setmetatable(t, n and metas[n]) end
  return t
end

local a, b, c, d, p, q, k = function(...) return ... end, "two", { 3, x = 4 }, nil, 5.5, {}, 0
