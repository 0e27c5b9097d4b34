-- A document printed as JSON and parsed again, several times.
local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }
local unescapes = { ['"'] = '"', ["\\"] = "\\", n = "\n", t = "\t" }

local function encode(value, out)
  local kind = type(value)
  if kind == "table" then
    if #value > 0 then
      out[#out + 1] = "["
      for i, element in ipairs(value) do
        if i > 1 then out[#out + 1] = "," end
        encode(element, out)
      end
      out[#out + 1] = "]"
    else
      local keys = {}
      for key in pairs(value) do keys[#keys + 1] = key end
      table.sort(keys)
      out[#out + 1] = "{"
      for i, key in ipairs(keys) do
        if i > 1 then out[#out + 1] = "," end
        encode(key, out)
        out[#out + 1] = ":"
        encode(value[key], out)
      end
      out[#out + 1] = "}"
    end
  elseif kind == "string" then
    out[#out + 1] = '"' .. value:gsub('["\\\n\t]', escapes) .. '"'
  else
    out[#out + 1] = tostring(value)
  end
end

local function stringify(value)
  local out = {}
  encode(value, out)
  return table.concat(out)
end

local parse_value

local function skip(text, at) return text:find("[^ \n\t]", at) end

local function parse_string(text, at)
  local parts, start = nil, at + 1
  while true do
    local stop = text:find('["\\]', start)
    local part = text:sub(start, stop - 1)
    if text:byte(stop) == 34 then
      if not parts then return part, stop + 1 end
      parts[#parts + 1] = part
      return table.concat(parts), stop + 1
    end
    parts = parts or {}
    parts[#parts + 1] = part
    parts[#parts + 1] = unescapes[text:sub(stop + 1, stop + 1)]
    start = stop + 2
  end
end

function parse_value(text, at)
  at = skip(text, at)
  local first = text:sub(at, at)
  if first == "{" then
    local object = {}
    at = skip(text, at + 1)
    if text:sub(at, at) == "}" then return object, at + 1 end
    while true do
      local key
      key, at = parse_string(text, skip(text, at))
      at = skip(text, at)
      object[key], at = parse_value(text, at + 1)
      at = skip(text, at)
      if text:sub(at, at) == "}" then return object, at + 1 end
      at = at + 1
    end
  elseif first == "[" then
    local list = {}
    at = skip(text, at + 1)
    if text:sub(at, at) == "]" then return list, at + 1 end
    while true do
      list[#list + 1], at = parse_value(text, at)
      at = skip(text, at)
      if text:sub(at, at) == "]" then return list, at + 1 end
      at = at + 1
    end
  elseif first == '"' then
    return parse_string(text, at)
  elseif first == "t" then
    return true, at + 4
  elseif first == "f" then
    return false, at + 5
  end
  local _, stop = text:find("^-?%d+%.?%d*[eE]?[-+]?%d*", at)
  return tonumber(text:sub(at, stop)), stop + 1
end

local document = {}
for i = 1, 1500 do
  document[i] = {
    id = i,
    price = i / 8,
    name = "item \"" .. i .. "\"\n",
    available = i % 3 == 0,
    tags = { "red", "green", "number " .. i },
    size = { width = i * 2, height = i * 3, label = "a\\b" },
  }
end
local text = stringify(document)
for _ = 1, 12 do
  local again = parse_value(text, 1)
  local printed = stringify(again)
  assert(printed == text)
end
print(#text, text:sub(1, 90))
