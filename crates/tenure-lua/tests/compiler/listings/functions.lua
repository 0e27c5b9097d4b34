local function f(a, b) return a end
local function g(...) return ... end
local function h(a, ...) local b, c = ...; return (...) end
function global() end
function t.a.b(x) return x, x end
function t:method(x) return self, x end
local r = function() return r end
f(); f(1); f(1, 2, g()); f(g(), g()); f((g())); f "s"; f {1}; f [[long]]
t:method(); t:method(1, ...); t.a:b "s"; ("x"):rep(3)
local x, y, z = f(), g()
x, y, z = g(...)
x = f()()().y()
do return f(x) end
do return f(x), 1 end
do return t:method(f()) end
return f(...), g(...)
