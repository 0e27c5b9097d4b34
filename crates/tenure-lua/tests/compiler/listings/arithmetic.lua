local a, b = 1, 2.5
local x
x = a + b; x = a + 1; x = 1 + a; x = a - 1; x = a - 127; x = a - 128; x = a + 128; x = a + 129
x = 1 - a; x = a * 2; x = 2 * a; x = a / 3; x = a % 4; x = a ^ 2; x = a // 5
x = a * b; x = a / b; x = a % b; x = a ^ b; x = a // b
x = a & 1; x = 1 | a; x = a ~ 2; x = a ~ 2.0; x = a & b; x = a | b
x = a << 1; x = 1 << a; x = a >> 1; x = a >> b; x = a << 200; x = a << -128
x = -a; x = ~a; x = not a; x = #a; x = - -a
x = a .. b .. 1 .. "s"; x = (a .. b) .. a
-- computed by the compiler
x = 1 + 2 * 3; x = 7 // 2; x = -7 % 3; x = 2 ^ 0.5; x = 1 << 63; x = ~0; x = -(3.0); x = "a" .. "b"
-- not computed: zeros, errors
x = 0.0 * 1; x = 1 // 0; x = 1 % 0; x = 1.5 & 1; x = 0 / 0; x = -0.0
