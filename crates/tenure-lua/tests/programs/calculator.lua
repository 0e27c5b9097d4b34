-- A lexer and a recursive-descent parser for arithmetic, which makes closures; names in an environment, errors with places.
local function lexer(source)
  local at = 1
  return function()
    at = source:find("%S", at) or #source + 1
    local from = at
    for _, rule in ipairs { { "number", "^%d+%.?%d*[eE]?[+-]?%d*" }, { "name", "^[%a_][%w_]*" }, { "operator", "^[%+%-%*/%^%%%(%),=]" } } do
      local _, to = source:find(rule[2], at)
      if to and (rule[1] ~= "number" or tonumber(source:sub(at, to))) then
        at = to + 1
        return rule[1], source:sub(from, to), from
      end
    end
    if at > #source then return "end", "", at end
    error({ at = at, message = ("unexpected %q"):format(source:sub(at, at)) })
  end
end

local function parse(source)
  local next_token = lexer(source)
  local kind, text, at = next_token()
  local function advance() local old = text kind, text, at = next_token() return old end
  local function fail(message) error({ at = at, message = message }) end
  local function expect(what) if text ~= what then fail(("%q expected near %q"):format(what, text)) end advance() end
  local expression
  local function primary()
    if kind == "number" then
      local value = tonumber(advance())
      return function() return value end
    elseif kind == "name" then
      local name = advance()
      if text ~= "(" then return function(env) return env[name] or error({ message = "no " .. name }) end end
      advance()
      local arguments = {}
      while text ~= ")" do
        arguments[#arguments + 1] = expression(0)
        if text ~= ")" then expect "," end
      end
      advance()
      return function(env)
        local values = {}
        for i, argument in ipairs(arguments) do values[i] = argument(env) end
        return env[name](table.unpack(values))
      end
    elseif text == "(" then
      advance()
      local inside = expression(0)
      expect ")"
      return inside
    elseif text == "-" then
      advance()
      local operand = expression(7)
      return function(env) return -operand(env) end
    end
    fail(("unexpected %q"):format(text))
  end
  local operators = {
    ["+"] = { 5, 6, function(a, b) return a + b end }, ["-"] = { 5, 6, function(a, b) return a - b end },
    ["*"] = { 6, 7, function(a, b) return a * b end }, ["/"] = { 6, 7, function(a, b) return a / b end },
    ["%"] = { 6, 7, function(a, b) return a % b end }, ["^"] = { 9, 8, function(a, b) return a ^ b end },
  }
  function expression(limit)
    local left = primary()
    while true do
      local operator = operators[text]
      if not operator or operator[1] <= limit then return left end
      advance()
      local a, b, apply = left, expression(operator[2] - 1), operator[3]
      left = function(env) return apply(a(env), b(env)) end
    end
  end
  local result = expression(0)
  if kind ~= "end" then fail(("unexpected %q"):format(text)) end
  return result
end

local env = setmetatable({ x = 3, y = 4.5, max = math.max, twice = function(n) return 2 * n end }, { __index = math })
for _, source in ipairs {
  "1 + 2 * 3", "(1 + 2) * 3", "2 ^ 3 ^ 2", "-2 ^ 2", "10 % 4 - 1", "x * x + y", "max(1, x, twice(y))", "1e3 / 8", "sqrt(pi ^ 2) - pi",
  "1 +", "(1", "1 $ 2", "f()", "z", "max()", "1 2", "7 // 2", "tointeger(2.0) % 0",
} do
  local ok, result = pcall(function() return parse(source)(env) end)
  if not ok and type(result) == "table" then result = (result.at or "?") .. ": " .. result.message end
  print(source, ok, result)
end
local long = ("1 + "):rep(150) .. "1"
print(parse(long)({}), type(parse(("("):rep(150) .. "1" .. (")"):rep(150))))
