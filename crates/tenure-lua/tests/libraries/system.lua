-- 'os', in UTC.

assert(os.clock() > 0 and math.type(os.clock()) == "float")
equal("2001-09-09 01:46:40 Sun")(os.date("!%Y-%m-%d %H:%M:%S %a", 1000000000))
equal("Thu Jan  1 00:00:00 1970", "")(os.date("!%c", 0), os.date("!", 0))
local date = os.date("!*t", 1000000000)
equal(2001, 9, 9, 1, 46, 40, 1, 252, false)(date.year, date.month, date.day, date.hour, date.min, date.sec, date.wday, date.yday, date.isdst)
fails("bad argument #1 to 'date' (invalid conversion specifier '%Ez')", function() os.date("%Ez") end)
fails("bad argument #2 to 'date' (number expected, got string)", function() os.date("%c", "x") end)
fails("date result cannot be represented in this installation", os.date, "!%c", 1 << 60)

local normalized = { year = 2021, month = 14, day = -3, min = 800 }
equal(os.time{ year = 2022, month = 1, day = 29, hour = 1, min = 20 })(os.time(normalized))
equal(2022, 1, 29, 1, 20, 0, 7, 29, false)(normalized.year, normalized.month, normalized.day, normalized.hour, normalized.min, normalized.sec, normalized.wday, normalized.yday, normalized.isdst)
equal(os.time{ year = 2020, month = 1, day = 1 })(os.time{ year = "2020", month = 1.0, day = "0x1", hour = 12 })
fails("field 'day' missing in date table", os.time, { year = 2020, month = 1 })
fails("field 'month' is not an integer", os.time, { year = 2020, month = "x", day = 1 })
fails("field 'year' is out-of-bound", os.time, { year = 1 << 40, month = 1, day = 1 })
fails("bad argument #1 to 'time' (table expected, got number)", function() os.time(1) end)
local assigned = {}
local virtual = setmetatable({}, {
  __index = function(_, key) return ({ year = 2001, month = 2, day = 30 })[key] end,
  __newindex = function(_, key, value) assigned[key] = value end,
})
equal(os.time{ year = 2001, month = 3, day = 2 })(os.time(virtual))
equal(3, 2, 12, nil)(assigned.month, assigned.day, assigned.hour, rawget(virtual, "year"))
equal("integer", 7.0)(math.type(os.time()), os.difftime(10, 3))
fails("bad argument #2 to 'difftime' (number expected, got no value)", function() os.difftime(1) end)

equal(nil)(os.getenv("TENURE_LUA_NO_SUCH_VARIABLE"))
assert(os.getenv("PATH"))
equal("C", "C", nil)(os.setlocale(), os.setlocale("C", "time"), os.setlocale("de_DE"))
fails("bad argument #2 to 'setlocale' (invalid option 'foo')", function() os.setlocale("C", "foo") end)

local name = os.tmpname()
equal(true)(os.rename(name, name .. ".x"))
equal(nil, "No such file or directory", 2)(os.rename(name, name .. ".y"))
equal(true)(os.remove(name .. ".x"))
equal(nil, name .. ".x: No such file or directory", 2)(os.remove(name .. ".x"))

equal(true)(os.execute())
equal(true, "exit", 0)(os.execute("true"))
equal(nil, "exit", 3)(os.execute("exit 3"))
equal(nil, "signal", 9)(os.execute("kill -9 $$"))
