-- Closures made in loops: counters with their own variables, pipelines, and lists of functions.
local function counter(step)
  local value = 0
  return function() value = value + step return value end
end

local sum = 0
for i = 1, 1000000 do
  local next = counter(i)
  sum = sum + next() + next()
end
print(sum)

local function compose(f, g) return function(x) return f(g(x)) end end
local total = 0
for i = 1, 100000 do
  local f = function(x) return x + i end
  for k = 1, 4 do f = compose(f, function(x) return x ~ k end) end
  total = total + f(i)
end
print(total)

local checks = 0
for round = 1, 50 do
  local callbacks = {}
  for i = 1, 10000 do callbacks[i] = function() checks = checks + (i & round) end end
  for i = 1, #callbacks do callbacks[i]() end
end
print(checks)
