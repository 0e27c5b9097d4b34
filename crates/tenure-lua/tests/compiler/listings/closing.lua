local a <close> = f()
do local b <close>, c = f() end
for i = 1, 2 do local d <close> = f(i); if d then break end end
local function g() local e <close> = nil; return g() end
local function h() for k in f do return g(k) end return g() end
while x do local y <close> = f() if y then goto continue end g() ::continue:: end
repeat local z <close> = f() until z
return f(a)
