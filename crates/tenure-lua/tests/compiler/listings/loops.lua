for i = 1, 10 do f(i) end
for i = a, b, -1 do local j = i; f(j) end
for k in pairs(t) do f(k) end
for k, v, w in next, t, nil, closer do if v then break end f(k, v, w) end
repeat local x = f() until x
repeat local x = f(); g(function() return x end) until x
while f() do local y = 1; g(function() y = y + 1 end) end
for i = 1, 3 do g(function() return i end) if i then break end end
for a, b in f do for c = 1, 2 do goto continue end ::continue:: end
