-- Data that stays: records that refer to each other, lists of them, and strings.
local live = {}
while collectgarbage("count") < FILL_MIB * 1024 do
  local list = {}
  for i = 1, 1000 do
    list[i] = { id = i, name = "live " .. #live .. "/" .. i, next = list[i - 1], position = { i, -i, i / 2 } }
  end
  live[#live + 1] = list
end
