local n = nil
local t, f = true, false
local i, j, k = 65536, 65537, -65535
local x, y, z = 1.0, 1.5, 65536.0
local s, long = "short", "a string of more than forty bytes is a long one"
local c <const> = 10
local d <const> = "name"
local e <const>, g = 1, 2
x = c + i; x = s[d]; x = n[c]; n[d] = c; x = d .. d; x = c == i
local function inner() return c, d, "short", 1.5 end
x = 1.5; x = "short"; x = {long = long, ["a string of more than forty bytes is a long one"] = 1}
