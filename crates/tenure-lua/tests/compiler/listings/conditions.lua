local a, b, c, d
local x = a and b
x = a or b; x = a and b or c; x = not (a and b); x = (a or b) and c
x = a == 1; x = 1 ~= a; x = a == 1.0; x = a == "s"; x = a == nil; x = a == b; x = a == 1000; x = a == 300.0
x = a < b; x = a < 1; x = 1 < a; x = a <= 1.0; x = a > 1; x = 1 >= a; x = 1 <= a; x = a >= b; x = a < 300
x = a < b and b < c; x = a < b or c; x = not (a < b); x = a and 1; x = nil or a; x = false and a; x = 1 and a
if a then f() end
if not a then f() else g() end
if a and b or c then f() elseif a == d then g() else h() end
if nil then f() end
if 1 then f() end
while a and not b do f() end
while true do if a then break end end
while a do if b then break; end; if c then break else d() end end
return a and b, a or b, not a
