-- table.sort without and with a function, and a quicksort written in Lua.
local state = 7
local function random()
  state = (state * 1103515245 + 12345) & 0x7fffffff
  return state
end

local function fill(n)
  local list = {}
  for i = 1, n do list[i] = random() end
  return list
end

local function checksum(list)
  local sum = 0
  for i = 1, #list do sum = (sum * 31 + list[i]) & 0xffffffff end
  return sum
end

local list = fill(150000)
table.sort(list)
print(checksum(list))

list = fill(60000)
table.sort(list, function(a, b) return a > b end)
print(checksum(list))

local words = {}
for i = 1, 20000 do words[i] = "w" .. random() % 100000 end
table.sort(words)
print(words[1], words[10000], words[20000])

local function quicksort(t, low, high)
  while low < high do
    local pivot, i, j = t[(low + high) // 2], low, high
    while i <= j do
      while t[i] < pivot do i = i + 1 end
      while t[j] > pivot do j = j - 1 end
      if i <= j then
        t[i], t[j] = t[j], t[i]
        i, j = i + 1, j - 1
      end
    end
    if j - low < high - i then
      quicksort(t, low, j)
      low = i
    else
      quicksort(t, i, high)
      high = j
    end
  end
end
list = fill(200000)
quicksort(list, 1, #list)
print(checksum(list))
