-- inspect.lua shows tables: nested, cyclic, with metatables and processed.
local inspect = require "inspect"

print(inspect({ 1, 2, 3, "four", { 5.5, -0.0 } }))
print(inspect({ a = 1, ["b c"] = 2, [10] = "ten", [true] = false, [1.5] = "x", ["end"] = 0 }))
print(inspect("quotes \" and ' and\nnewlines \0 \7 \127"))
print(inspect(nil), inspect(12), inspect(1 / 3), inspect(print):match("^<function %d+>$"))

local cycle = { name = "cycle" }
cycle.self, cycle.list = cycle, { cycle, {} }
print(inspect(cycle))
print(inspect(setmetatable({ 1, x = 2 }, { __index = { y = 3 }, __call = print })))
print(inspect({ a = { b = { c = { d = {} } } } }, { depth = 2 }))
print(inspect({ 1, { 2, { 3 } } }, { newline = "@", indent = ">>" }))
print(inspect({ name = "n", password = "secret", list = { { password = "x", ok = 1 } } }, {
  process = function(item, path)
    if path[#path] ~= "password" then return item end
  end,
}))
local log = {}
for i = 1, 30 do log[i] = { id = i, tags = { "t" .. i, i % 3 == 0 and "fizz" or nil }, when = { y = 2000 + i, m = i % 12 } } end
print(#inspect(log), inspect(log):sub(-120))
