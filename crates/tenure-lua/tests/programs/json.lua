-- dkjson writes and reads JSON.
local json = require "dkjson"

print(json.encode({ 1, 2, 3, { a = "b" } }))
print(json.encode({ name = "x", list = {}, object = setmetatable({}, { __jsontype = "object" }), n = 1e300, i = 2 ^ 53, f = 0.1 }, {
  keyorder = { "name", "list", "object", "n", "i", "f" },
}))
print(json.encode({ b = { 1, 2 }, a = "x\ny\"\\\u{20ac}\0" }, { indent = true, keyorder = { "a", "b" } }))
print(json.encode(setmetatable({ 1, 2 }, { __tojson = function(self, state) return "custom " .. #self end })))
print(tostring(json.null) == "null", json.encode({ json.null, nil, 3, n = 3 }, { keyorder = { 1 } }))
print(pcall(json.encode, { print }))
local cycle = {}
cycle[1] = cycle
print(pcall(json.encode, cycle))

local text = [==[
{ "id": 17, "price": -12.5e-1, "on": true, "off": false, "none": null, // a comment
  "text": "\u00e4\u20ac\ud83d\ude00 \"quoted\" \\ \/ \b\f\n\r\t", "list": [1, [2, [3, []]], {}] }
]==]
local object, position, message = json.decode(text, 1, nil)
print(position, message, object.id, math.type(object.id), object.price, object.on, object.off, object.none, object.text)
print(#object.list, #object.list[2][2], getmetatable(object.list).__jsontype, getmetatable(object).__jsontype)
for _, wrong in ipairs { "{", "[1, 2", '{"a" 1}', '"open', "nul", "[1 2]", "" } do
  local value, at, message = json.decode(wrong)
  print(wrong, type(value), at, message)
end

-- What is written is read again, and written the same.
local rows = {}
for i = 1, 200 do rows[i] = { id = i, name = ("name %d"):format(i), score = i / 7, flags = { i % 2 == 0, i % 3 == 0 } } end
local order = { keyorder = { "id", "name", "score", "flags" } }
local written = json.encode(rows, order)
print(#written, json.encode(json.decode(written), order) == written)
