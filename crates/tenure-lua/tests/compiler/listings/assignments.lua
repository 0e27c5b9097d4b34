local a, b, c
local d
local e, f = 1
local g, h = 1, 2, 3
a = b; a, b = b, a; a, b, c = 1; a, b = 1, 2, 3; a, b = f(); a, b, c = 1, f(); a, b = ...
global = a; global, a = a, global
a[b], a = 1, 2; a[1], a = 3, 4; a.x, b, a = 1, 2, 3; a[b], b = 5, 6; a[b][c], a, b = 1
local i <const>, j <const> = a, 5
local function up() a.x, a = 1, 2; a[b], b = 3, 4; a = j; c = up end
a.b.c = a.b; a = (f()); a = {f}; a, a.x = 1, a
