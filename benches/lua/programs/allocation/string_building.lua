-- Strings made of others: by concatenation, formats, substitution and table.concat.
local lines = {}
for round = 1, 8 do
  lines = {}
  for i = 1, 30000 do
    local name = "key" .. i
    lines[#lines + 1] = name .. "=" .. (i * round) .. ";" .. name:upper()
  end
end
local text = table.concat(lines, "\n")
print(#text)

local accumulated, length = "", 0
for i = 1, 12000 do
  accumulated = accumulated .. string.char(97 + i % 26)
  if #accumulated > 2000 then
    length = length + #accumulated
    accumulated = ""
  end
end
print(length + #accumulated)

local replaced, count = text:gsub("key(%d+)", "<%1>")
print(#replaced, count)

local words = {}
for word in text:gmatch("%a+%d+") do words[#words + 1] = word:reverse() end
print(#words, words[1], words[#words])

local bytes = 0
for i = 1, 150000 do
  local formatted = string.format("%05d %s %x", i, "item", i)
  bytes = bytes + #formatted:sub(3, -2)
end
print(bytes)
