goto forward
do local a; f(function() return a end); goto forward end
::forward::
do
  local i = 1
  ::back::
  local j = i
  g(function() return j end)
  if i then goto back end
end
while x do
  local y
  if z then goto continue end
  h(function() return y end)
  ::continue::
end
do goto e; local unused; ::e:: ; ::f:: end
for i = 1, 2 do for j = 1, 2 do if j then goto outer end end ::outer:: end
::last:: ::after_last::
