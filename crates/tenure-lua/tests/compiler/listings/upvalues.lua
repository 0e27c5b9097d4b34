local a, b = 1, 2
local function one()
  local c = a
  local function two()
    a = b + c
    return function() c = a; return _ENV, global end
  end
  return two
end
do
  local d = 1
  local function f() return d, f end
end
local function recursive() return recursive() end
local _ENV = {a = 1}
x = y
local function env() x = y; local _ENV <const> = nil; return z end
