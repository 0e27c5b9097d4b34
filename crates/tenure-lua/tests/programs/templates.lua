-- A template engine: a template becomes a program of Lua, which is loaded with an environment.
local function compile(template, name)
  local code, at = { "local _out, _escape = {}, ... " }, 1
  local function text(s) if #s > 0 then code[#code + 1] = ("_out[#_out + 1] = %q "):format(s) end end
  while true do
    local from, to, kind, inside = template:find("<%%([=%-]?)(.-)%%>", at)
    if not from then break end
    text(template:sub(at, from - 1))
    if kind == "=" then
      code[#code + 1] = ("_out[#_out + 1] = _escape(%s) "):format(inside)
    elseif kind == "-" then
      code[#code + 1] = ("_out[#_out + 1] = tostring(%s) "):format(inside)
    else
      code[#code + 1] = inside .. " "
    end
    at = to + 1
  end
  text(template:sub(at))
  code[#code + 1] = "return table.concat(_out)"
  return table.concat(code), "=" .. name
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
local function escape(value) return (tostring(value):gsub('[&<>"]', entities)) end

local function render(template, environment, name)
  local code, chunk_name = compile(template, name or "template")
  local f, message = load(code, chunk_name, "t", setmetatable(environment or {}, { __index = _G }))
  if not f then return nil, message end
  local ok, result = pcall(f, escape)
  if ok then return result end
  return nil, result
end

print(render("Hello <%= name %>!", { name = "<world>" }))
print(render([[
<ul><% for i, item in ipairs(items) do %>
  <li class="<%= i % 2 == 0 and "even" or "odd" %>"><%- item.html %> at <%= ("%.2f"):format(item.price) %></li><% end %>
</ul>]], { items = { { html = "<b>tea</b>", price = 2.5 }, { html = "milk", price = 1 }, { html = "a\0b", price = 1e3 } } }))
print(render("<% for i = 1, 3 do %><%= i %>,<% end %>"))
print(render("line\n<%= missing.field %>", {}))
print(render("line\n<% if x %>"))
print(render("<%= 1 + nil %>", nil, "sum"))
print(render("<% error({}, 0) %>") == nil)
local big = {}
for i = 1, 500 do big[i] = ("<%%= %d * factor %%>\n"):format(i) end
local out = render(table.concat(big), { factor = 3 })
print(#out, out:sub(-10))
