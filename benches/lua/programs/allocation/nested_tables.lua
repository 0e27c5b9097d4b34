-- Tables of tables: records in lists in records, grids of rows, and an index by name.
local people = {}
for round = 1, 4 do
  people = {}
  for i = 1, 50000 do
    people[i] = {
      id = i,
      name = "person " .. i % 1000,
      position = { x = i, y = -i },
      tags = { "a", "b", i },
    }
  end
end
local by_name = {}
for _, person in ipairs(people) do
  local list = by_name[person.name]
  if not list then
    list = {}
    by_name[person.name] = list
  end
  list[#list + 1] = person
end
local groups, sum = 0, 0
for _, list in pairs(by_name) do
  groups = groups + 1
  for _, person in ipairs(list) do sum = sum + person.position.x + person.tags[3] end
end
print(groups, sum)

local grid = {}
for generation = 1, 30 do
  local next = {}
  for y = 1, 150 do
    local row, above = {}, grid[y - 1]
    for x = 1, 150 do row[x] = { value = x * y % 7 + generation, left = row[x - 1], above = above and above[x] } end
    next[y] = row
  end
  grid = next
end
local cells = 0
for y = 1, 150 do
  for x = 1, 150 do cells = cells + grid[y][x].value end
end
print(cells)
