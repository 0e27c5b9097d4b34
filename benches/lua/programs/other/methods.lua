-- Method calls through metatables, one level and three levels deep.
local Account = {}
Account.__index = Account
function Account.new(balance) return setmetatable({ balance = balance }, Account) end
function Account:deposit(amount) self.balance = self.balance + amount end
function Account:get() return self.balance end

local Special = setmetatable({}, { __index = Account })
Special.__index = Special
function Special.new(balance, limit)
  local account = Account.new(balance)
  account.limit = limit
  return setmetatable(account, Special)
end
function Special:withdraw(amount)
  if self.balance - amount >= -self.limit then self.balance = self.balance - amount end
end
local Deep = setmetatable({}, { __index = Special })
Deep.__index = Deep

local plain, special = Account.new(10), Special.new(100, 50)
local deep = setmetatable({ balance = 5, limit = 7 }, Deep)
for i = 1, 2000000 do
  plain:deposit(i)
  special:deposit(1)
  special:withdraw(2)
  deep:deposit(i & 3)
  if plain:get() < 0 then break end
end
print(plain:get(), special:get(), deep:get())

local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Vector) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end
local sum = setmetatable({ x = 0, y = 0 }, Vector)
local step = setmetatable({ x = 1, y = 2 }, Vector)
for _ = 1, 300000 do sum = sum + step end
print(sum.x, sum.y, sum == setmetatable({ x = 300000, y = 600000 }, Vector))
