-- MessagePack packs values into bytes: integers of all widths, floats, strings, arrays, maps.
local mp = require "MessagePack"

local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

for _, n in ipairs { 0, 1, 127, 128, 255, 256, 65535, 65536, 0xffffffff, 0x100000000, math.maxinteger, -1, -32, -33, -128, -129, -32768, -32769, math.mininteger } do
  print(n, hex(mp.pack(n)), mp.unpack(mp.pack(n)) == n)
end
for _, x in ipairs { 0.0, 1.5, -0.1, 1e300, 1 / 0, -1 / 0 } do print(x, hex(mp.pack(x)), mp.unpack(mp.pack(x)) == x) end
print(hex(mp.pack(nil)), hex(mp.pack(true)), hex(mp.pack(false)), hex(mp.pack("")), hex(mp.pack({})))
for _, length in ipairs { 31, 32, 255, 256, 65535, 65536 } do
  local s = ("x"):rep(length)
  print(length, #mp.pack(s), hex(mp.pack(s):sub(1, 6)), mp.unpack(mp.pack(s)) == s)
end
print(hex(mp.pack({ 1, 2, { "a", { b = 1.5 } } })))
local deep = mp.unpack(mp.pack({ list = { 1, { 2, { 3, { 4 } } } }, text = "ok" }))
print(deep.text, deep.list[2][2][2][1])
for _, value in mp.unpacker(mp.pack(1) .. mp.pack("two") .. mp.pack({ 3 })) do print(type(value), type(value) == "table" and value[1] or value) end
mp.set_string "binary"
print(hex(mp.pack("bin")))
mp.set_number "float"
print(hex(mp.pack(1.5)))
print(pcall(mp.unpack, "\x92\x01"))
print(pcall(mp.unpack, 7))
print(pcall(mp.pack, print))
