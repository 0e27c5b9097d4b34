-- Assertions of the programs beside this file.

-- Raises an error unless the values are as expected: equal(expected, ...)(values).
function equal(...)
  local expected = table.pack(...)
  return function(...)
    local given = table.pack(...)
    local same = given.n == expected.n
    for i = 1, expected.n do
      local a, b = given[i], expected[i]
      same = same and math.type(a) == math.type(b) and (a == b or (a ~= a and b ~= b))
    end
    if not same then
      local function text(values)
        for i = 1, values.n do values[i] = tostring(values[i]) end
        return table.concat(values, ", ")
      end
      error("expected (" .. text(expected) .. "), got (" .. text(given) .. ")", 2)
    end
  end
end

-- Raises an error unless the call fails with the message, which is without its position.
function fails(message, f, ...)
  local ok, error_message = pcall(f, ...)
  local given = not ok and tostring(error_message):gsub("^[%w_./]+:%d+: ", "")
  if given ~= message then error("expected failure '" .. message .. "', got '" .. tostring(given) .. "'", 2) end
end
