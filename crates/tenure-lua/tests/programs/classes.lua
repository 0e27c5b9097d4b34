-- Classes with inheritance, mixins and metamethods, in the way of the usual class libraries.
local Object = {}
Object.__index = Object
function Object:new() end
function Object:extend()
  local class = {}
  for name, value in pairs(self) do if name:find "^__" then class[name] = value end end
  class.__index, class.super = class, self
  return setmetatable(class, self)
end
function Object:implement(...)
  for _, mixin in ipairs { ... } do
    for name, value in pairs(mixin) do
      if self[name] == nil and type(value) == "function" then self[name] = value end
    end
  end
end
function Object:is(class)
  local meta = getmetatable(self)
  while meta do
    if meta == class then return true end
    meta = getmetatable(meta)
  end
  return false
end
function Object:__tostring() return "Object" end
function Object:__call(...)
  local object = setmetatable({}, self)
  object:new(...)
  return object
end

local Vector = Object:extend()
function Vector:new(x, y) self.x, self.y = x or 0, y or 0 end
function Vector.__add(a, b) return Vector(a.x + b.x, a.y + b.y) end
function Vector.__mul(a, b)
  if type(a) == "number" then a, b = b, a end
  return Vector(a.x * b, a.y * b)
end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y end
function Vector.__lt(a, b) return a.x * a.x + a.y * a.y < b.x * b.x + b.y * b.y end
function Vector.__le(a, b) return not (b < a) end
function Vector:__len() return 2 end
function Vector:__unm() return -1 * self end
function Vector:__tostring() return ("(%g, %g)"):format(self.x, self.y) end
function Vector.__concat(a, b) return tostring(a) .. tostring(b) end
function Vector:__close() print("closed " .. self) end

local a, b = Vector(1, 2), Vector(3, 4.5)
print(a + b, a * 2, 2 * a, -a, #a, a == Vector(1, 2), a ~= b, a < b, a <= b, a > b, "sum: " .. a + b)
do local v <close> = Vector(7) end

local Shape = Object:extend()
function Shape:new(name) self.name = name end
function Shape:area() return 0 end
function Shape:__tostring() return ("%s of area %.2f"):format(self.name, self:area()) end
local Circle = Shape:extend()
function Circle:new(radius)
  Circle.super.new(self, "circle")
  self.radius = radius
end
function Circle:area() return math.pi * self.radius ^ 2 end
local Square = Shape:extend()
function Square:new(side)
  Square.super.new(self, "square")
  self.side = side
end
function Square:area() return self.side ^ 2 end
local Printable = { describe = function(self) return "<" .. tostring(self) .. ">" end, area = function() error "not taken" end }
Square:implement(Printable)
local shapes = { Circle(1), Square(2), Shape "nothing", Circle(0.5) }
table.sort(shapes, function(x, y) return x:area() > y:area() end)
for _, shape in ipairs(shapes) do print(shape, shape:is(Shape), shape:is(Circle), shape.describe and shape:describe()) end
print(pcall(function() return Circle(1):describe() end))
print(pcall(function() return Circle(1) + 1 end))
print(pcall(function() return shapes < 1 end))
