-- Coroutines: switches between two, a chain of filters, and many short ones.
local function generator(n)
  return coroutine.wrap(function()
    for i = 1, n do coroutine.yield(i) end
  end)
end
local sum = 0
for value in generator(3000000) do sum = sum + value end
print(sum)

local function filter(source, divisor)
  return coroutine.wrap(function()
    for value in source do
      if value % divisor ~= 0 then coroutine.yield(value) end
    end
  end)
end
local primes, last = 0, 0
for _ = 1, 36 do
  -- Each filter nests one more resumption, of which the reference allows about a hundred.
  local source = generator(270)
  source()
  while true do
    local prime = source()
    if not prime then break end
    primes, last = primes + 1, prime
    source = filter(source, prime)
  end
end
print(primes, last)

local total = 0
for i = 1, 60000 do
  local co = coroutine.create(function(a)
    local b = coroutine.yield(a + 1)
    return a + b
  end)
  local _, first = coroutine.resume(co, i)
  local _, second = coroutine.resume(co, first)
  total = total + second
end
print(total)
