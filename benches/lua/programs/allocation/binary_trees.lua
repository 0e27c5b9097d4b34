-- Trees that are built, walked and dropped, beside one that stays.
local function build(depth)
  if depth == 0 then return {} end
  return { build(depth - 1), build(depth - 1) }
end

local function count(tree)
  if not tree[1] then return 1 end
  return 1 + count(tree[1]) + count(tree[2])
end

local depth = 14
local long_lived = build(depth)
for d = 4, depth, 2 do
  local rounds = 1 << (depth - d + 4)
  local nodes = 0
  for _ = 1, rounds do nodes = nodes + count(build(d)) end
  print(rounds, d, nodes)
end
print(count(long_lived))
