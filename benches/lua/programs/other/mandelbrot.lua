-- Floats in registers.
local n = 900
local inside, bits = 0, 0
for y = 0, n - 1 do
  local ci = 2 * y / n - 1
  for x = 0, n - 1 do
    local cr = 2 * x / n - 1.5
    local zr, zi, zrr, zii = 0.0, 0.0, 0.0, 0.0
    local escaped = false
    for _ = 1, 50 do
      zi = 2 * zr * zi + ci
      zr = zrr - zii + cr
      zrr, zii = zr * zr, zi * zi
      if zrr + zii > 4 then
        escaped = true
        break
      end
    end
    if not escaped then
      inside = inside + 1
      bits = (bits * 31 + x) & 0xffffffff
    end
  end
end
print(inside, bits)
