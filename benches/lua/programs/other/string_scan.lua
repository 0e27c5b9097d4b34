-- Strings that are read: bytes, patterns, searches, and counts of words.
local parts = {}
for i = 1, 8000 do parts[i] = "the quick brown fox " .. i .. " jumps over the lazy dog, said " .. i % 17 .. ".\n" end
local text = table.concat(parts)

local hash = 0
for round = 1, 10 do
  for i = 1, #text do hash = (hash * 33 + text:byte(i)) & 0xffffffff end
end
print(#text, hash)

local counts = {}
for round = 1, 5 do
  for word in text:gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
end
print(counts.the, counts.fox, counts.dog)

local found, at = 0, 1
for round = 1, 10 do
  at = 1
  while true do
    local first, last = text:find("lazy dog", at, true)
    if not first then break end
    found, at = found + 1, last + 1
  end
end
print(found)

local numbers = 0
for round = 1, 5 do
  for line in text:gmatch("[^\n]+") do
    local id, group = line:match("fox (%d+) .- said (%d+)")
    numbers = numbers + tonumber(id) + tonumber(group)
  end
end
print(numbers)
