-- A splay tree whose nodes carry small payloads; the oldest nodes are replaced by new ones.
local state = 42
local function random()
  state = (state * 1103515245 + 12345) & 0x7fffffff
  return state
end

local function splay(root, key)
  local left_end, right_end = {}, {}
  local dummy = left_end
  local dummy_right = right_end
  local current = root
  while true do
    if key < current.key then
      local child = current.left
      if not child then break end
      if key < child.key then
        current.left = child.right
        child.right = current
        current = child
        if not current.left then break end
      end
      right_end.left = current
      right_end = current
      current = current.left
    elseif key > current.key then
      local child = current.right
      if not child then break end
      if key > child.key then
        current.right = child.left
        child.left = current
        current = child
        if not current.right then break end
      end
      left_end.right = current
      left_end = current
      current = current.right
    else
      break
    end
  end
  left_end.right = current.left
  right_end.left = current.right
  current.left = dummy.right
  current.right = dummy_right.left
  return current
end

local function payload(depth, tag)
  if depth == 0 then return { array = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, string = "String for key " .. tag } end
  return { left = payload(depth - 1, tag), right = payload(depth - 1, tag) }
end

local function insert(root, key)
  local node = { key = key, value = payload(3, key) }
  if not root then return node end
  root = splay(root, key)
  if key > root.key then
    node.left, node.right = root, root.right
    root.right = nil
  else
    node.right, node.left = root, root.left
    root.left = nil
  end
  return node
end

local function remove(root, key)
  root = splay(root, key)
  if root.key ~= key then return root end
  if not root.left then return root.right end
  local right = root.right
  root = splay(root.left, key)
  root.right = right
  return root
end

local function contains(root, key)
  root = splay(root, key)
  return root, root.key == key
end

local root
local keys = {}
local function insert_new()
  local key, found
  repeat
    key = random()
    found = false
    if root then root, found = contains(root, key) end
  until not found
  root = insert(root, key)
  return key
end
for i = 1, 4000 do keys[i] = insert_new() end
for i = 1, 30000 do
  local at = (i - 1) % #keys + 1
  root = remove(root, keys[at])
  keys[at] = insert_new()
end
local sum, nodes = 0, 0
local function walk(node)
  while node do
    walk(node.left)
    nodes = nodes + 1
    sum = (sum * 31 + node.key) & 0xffffffff
    node = node.right
  end
end
walk(root)
print(nodes, sum)
