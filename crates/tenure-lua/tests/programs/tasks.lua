-- A scheduler of coroutines with channels: producers, filters, consumers; the sieve of primes as a pipeline; cancellation by closing.
local Channel = {}
Channel.__index = Channel
function Channel.new(size) return setmetatable({ size = size, first = 1, last = 0, items = {} }, Channel) end
function Channel:send(value)
  while self.last - self.first + 1 >= self.size do coroutine.yield() end
  self.last = self.last + 1
  self.items[self.last] = value
end
function Channel:receive()
  while self.first > self.last do
    if self.closed then return nil end
    coroutine.yield()
  end
  local value = self.items[self.first]
  self.items[self.first], self.first = nil, self.first + 1
  return value
end
function Channel:__call() return self:receive() end

local tasks, finished = {}, {}
local function spawn(name, f, ...)
  local arguments = table.pack(...)
  tasks[#tasks + 1] = { name = name, co = coroutine.create(function() return f(table.unpack(arguments, 1, arguments.n)) end) }
end
local function run(steps)
  while #tasks > 0 and steps > 0 do
    for index = #tasks, 1, -1 do
      local task = tasks[index]
      local ok, result = coroutine.resume(task.co)
      if coroutine.status(task.co) == "dead" then
        table.remove(tasks, index)
        finished[#finished + 1] = task.name .. ": " .. tostring(ok and result or "failed, " .. tostring(result))
      end
    end
    steps = steps - 1
  end
  for index = #tasks, 1, -1 do
    print("cancelled", tasks[index].name, coroutine.close(tasks[index].co))
    tasks[index] = nil
  end
end

local source, odd = Channel.new(2), Channel.new(1)
spawn("producer", function()
  for i = 1, 20 do source:send(i) end
  source.closed = true
  return "done"
end)
spawn("filter", function()
  for n in source do if n % 2 == 1 then odd:send(n) end end
  odd.closed = true
  return "done"
end)
spawn("consumer", function()
  local sum = 0
  for n in odd do sum = sum + n end
  return sum
end)
spawn("failing", function()
  local guard <close> = setmetatable({}, { __close = function(_, e) print("guard", e) end })
  coroutine.yield()
  error("on purpose", 0)
end)
spawn("endless", function()
  local guard <close> = setmetatable({}, { __close = function(_, e) print("guard of endless", e) end })
  while true do pcall(coroutine.yield) end
end)
run(100)
table.sort(finished)
print(table.concat(finished, "\n"))

local function generate() return coroutine.wrap(function() for n = 2, math.huge do coroutine.yield(n) end end) end
local function filter(prime, input)
  return coroutine.wrap(function() for n in input do if n % prime ~= 0 then coroutine.yield(n) end end end)
end
local primes, numbers = {}, generate()
for i = 1, 30 do
  primes[i] = numbers()
  numbers = filter(primes[i], numbers)
end
print(table.concat(primes, " "))

local function permutations(list, n)
  n = n or #list
  if n <= 1 then return coroutine.yield(list) end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    permutations(list, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end
local count, words = 0, {}
for list in coroutine.wrap(function() permutations { "a", "b", "c", "d" } end) do
  count = count + 1
  if count % 8 == 0 then words[#words + 1] = table.concat(list) end
end
print(count, table.concat(words, " "))
