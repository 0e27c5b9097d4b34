-- package and require.

assert(package.loaded._G == _G and package.loaded.package == package and package.loaded.string == string)
assert(package.config == "/\n;\n?\n!\n-\n")
assert(type(package.path) == "string" and type(package.cpath) == "string" and #package.searchers == 4)
assert(debug.getregistry()._LOADED == package.loaded and debug.getregistry()._PRELOAD == package.preload)

local name = os.tmpname()
local folder, base = name:match("^(.*)/([^/]*)$")
local file = folder .. "/" .. base .. ".lua"

local function write(text)
  local f <close> = assert(io.open(file, "w"))
  f:write(text)
end

package.path = folder .. "/?.lua;./no-such-folder/?.lua"
package.cpath = "./no-such-folder/?.so"

-- A module is loaded once; its loader gets name and file.
write("loads = (loads or 0) + 1 return {args = {...}}")
local module, where = require(base)
assert(where == file and module.args[1] == base and module.args[2] == file and #module.args == 2)
assert(require(base) == module and loads == 1 and package.loaded[base] == module)
assert(select("#", require(base)) == 1)
package.loaded[base] = nil
assert(require(base) ~= module and loads == 2)

-- Nothing, false, and a value set by the module itself.
for _, case in ipairs {{"", true}, {"return false", false}, {"package.loaded[...] = 'own'", "own"}} do
  package.loaded[base] = nil
  write(case[1])
  assert(require(base) == case[2])
end

-- Errors.
package.loaded[base] = nil
write("x =")
local ok, message = pcall(require, base)
local expected = "error loading module '" .. base .. "' from file '" .. file .. "':\n\t"
assert(not ok and message:sub(1, #expected) == expected and message:find(":1: unexpected symbol near <eof>", 1, true), message)
write("error('inside', 0)")
ok, message = pcall(require, base)
assert(not ok and message == "inside" and package.loaded[base] == nil)

ok, message = pcall(require, "no.module")
assert(not ok and message == "module 'no.module' not found:\n\z
  \tno field package.preload['no.module']\n\z
  \tno file '" .. folder .. "/no/module.lua'\n\z
  \tno file './no-such-folder/no/module.lua'\n\z
  \tno file './no-such-folder/no/module.so'\n\z
  \tno file './no-such-folder/no.so'", message)

local path = package.path
package.path = nil
ok, message = pcall(require, "x")
assert(not ok and message:find("'package.path' must be a string", 1, true))
package.path = path
local searchers = package.searchers
package.searchers = 1
ok, message = pcall(require, "x")
assert(not ok and message:find("'package.searchers' must be a table", 1, true))
package.searchers = searchers

-- Preloaded, by a function and by a metamethod.
package.preload.first = function(...) return {...} end
local first, data = require "first"
assert(first[1] == "first" and first[2] == ":preload:" and data == ":preload:")
setmetatable(package.preload, {__index = function(_, name) if name == "second" then return function() return name .. "!" end end end})
assert(require "second" == "second!")
setmetatable(package.preload, nil)

-- A searcher of one's own; what is neither function nor message is passed over.
table.insert(package.searchers, 2, function() return nil, "ignored" end)
table.insert(package.searchers, 3, function(name)
  if name == "third" then return function(_, extra) return extra .. "?" end, "extra" end
  return "nothing of mine"
end)
local third, extra = require "third"
assert(third == "extra?" and extra == "extra")
ok, message = pcall(require, "fourth")
assert(message:find("['fourth']\n\tnothing of mine\n\tno file '", 1, true), message)
table.remove(package.searchers, 2)
table.remove(package.searchers, 2)

-- Loaders may collect, and require in their turn.
package.preload.outer = function()
  local t = {}
  for i = 1, 200 do t[i] = {i} end
  return require("inner") + #t
end
package.preload.inner = function() collectgarbage() return 1 end
assert(require "outer" == 201)

-- searchpath
assert(package.searchpath(base, package.path) == file)
local none
none, message = package.searchpath("a.b", "?;x?y")
assert(none == nil and message == "no file 'a/b'\n\tno file 'xa/by'")
assert(select(2, package.searchpath("a.b-c", "?", "-", "+")) == "no file 'a.b+c'")
assert(select(2, package.searchpath("a.b", "?", "")) == "no file 'a.b'")

os.remove(file)
os.remove(name)
