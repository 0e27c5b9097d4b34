-- binaryheap keeps priority queues: plain and with payloads; then Dijkstra's algorithm on a grid.
local heaps = require "binaryheap"

local least = heaps.minHeap()
for _, n in ipairs { 5, 3, 8, 1, 9, 2, 7, 2 } do least:insert(n) end
local drained = {}
while least:peek() do drained[#drained + 1] = least:pop() end
print(table.concat(drained, " "))

local longest = heaps.maxHeap(function(a, b) return #a > #b end)
for word in ("the quick brown fox jumped over lazy dogs extraordinarily"):gmatch "%a+" do longest:insert(word) end
print(longest:pop(), longest:size())

local jobs = heaps.minUnique()
for i, name in ipairs { "wash", "dry", "fold", "iron" } do jobs:insert(10 - i, name) end
jobs:update("wash", 1)
jobs:remove("fold")
print(jobs:peek())
print(jobs:valueByPayload("iron"), jobs:valueByPayload("fold"))
while jobs:size() > 0 do io.write(tostring(jobs:pop()), " ") end
print(pcall(jobs.insert, jobs, nil, "x"))

local size, cost = 40, {}
local seed = 42
local function random() seed = (seed * 1103515245 + 12345) & 0x7fffffff return seed >> 16 end
for i = 1, size * size do cost[i] = random() % 9 + 1 end
local distance, queue = { [1] = 0 }, heaps.minUnique()
queue:insert(0, 1)
while queue:size() > 0 do
  local at, so_far = queue:pop()
  local row, column = (at - 1) // size, (at - 1) % size
  for _, step in ipairs { { -1, 0 }, { 1, 0 }, { 0, -1 }, { 0, 1 } } do
    local r, c = row + step[1], column + step[2]
    if r >= 0 and r < size and c >= 0 and c < size then
      local to = r * size + c + 1
      local new = so_far + cost[to]
      if not distance[to] then
        distance[to] = new
        queue:insert(new, to)
      elseif new < distance[to] then
        distance[to] = new
        queue:update(to, new)
      end
    end
  end
end
print(distance[size * size], distance[size], distance[size * (size - 1) + 1])
