-- The queens' problem, where boards and results are lists of pairs, as a functional language does it.
local function cons(head, tail) return { head = head, tail = tail } end

local function safe(column, distance, queens)
  while queens do
    local other = queens.head
    if other == column or other == column + distance or other == column - distance then return false end
    distance, queens = distance + 1, queens.tail
  end
  return true
end

local function extend(size, boards)
  local result = nil
  while boards do
    local board = boards.head
    for column = 1, size do
      if safe(column, 1, board) then result = cons(cons(column, board), result) end
    end
    boards = boards.tail
  end
  return result
end

local function count(list)
  local length = 0
  while list do
    length, list = length + 1, list.tail
  end
  return length
end

for size = 6, 11 do
  local boards = cons(nil, nil)
  for _ = 1, size do boards = extend(size, boards) end
  print(size, count(boards))
end
