-- `collectgarbage`: section 6.1 of the reference manual.

equal(0)(collectgarbage())
equal(0)(collectgarbage("collect"))
equal("float", true)(math.type(collectgarbage("count")), collectgarbage("count") > 1)
equal(true)(collectgarbage("isrunning"))
fails("bad argument #1 to 'collectgarbage' (invalid option 'other')", collectgarbage, "other")

-- What is dropped is given back.
do
  local before = collectgarbage("count")
  local t = {}
  for i = 1, 2000 do t[i] = {i} end
  local large = string.rep("x", 1 << 20)
  assert(collectgarbage("count") > before + 1024)
  t, large = nil, nil
  collectgarbage()
  assert(collectgarbage("count") < before + 64, collectgarbage("count") - before)
end

-- ---- Stopping.
do
  equal(0)(collectgarbage("stop"))
  equal(false)(collectgarbage("isrunning"))
  local weak = setmetatable({{}}, {__mode = "v"})
  local finalized = false
  setmetatable({}, {__gc = function() finalized = true end})
  local before = collectgarbage("count")
  repeat local a = {} until collectgarbage("count") > before + 3000
  assert(weak[1] and not finalized)
  -- What is asked for happens.
  collectgarbage()
  assert(not weak[1] and finalized)
  assert(collectgarbage("count") < before + 1000)
  equal(false)(collectgarbage("isrunning"))
  equal(0)(collectgarbage("restart"))
  equal(true)(collectgarbage("isrunning"))
  finalized = false
  setmetatable({}, {__gc = function() finalized = true end})
  repeat local a = {} until finalized
end

-- ---- Modes, with their parameters, and what was there before.
do
  local first = collectgarbage("incremental", 160, 200, 12)
  equal(true)(first == "generational" or first == "incremental")
  equal("incremental")(collectgarbage("generational", 30, 90))
  equal("generational")(collectgarbage("generational"))
  equal("generational")(collectgarbage("incremental"))
  equal(160)(collectgarbage("setpause", 180))
  equal(180)(collectgarbage("setpause", 200))
  equal(200)(collectgarbage("setstepmul", 300))
  equal(300)(collectgarbage("setstepmul", 100))
  equal("incremental")(collectgarbage("incremental", 0, 0, 0))
  equal(200)(collectgarbage("setpause", 200))
  fails("bad argument #2 to 'collectgarbage' (number expected, got table)", collectgarbage, "incremental", {})
end

-- ---- Steps: a large one is a cycle, small ones add up to one.
do
  collectgarbage("incremental")
  collectgarbage()
  equal(true)(collectgarbage("step", 1000000))
  collectgarbage("stop")
  local weak = setmetatable({{}}, {__mode = "v"})
  local steps = 0
  repeat steps = steps + 1 until collectgarbage("step", 1)
  repeat until collectgarbage("step")
  repeat until collectgarbage("step")
  equal(nil)(weak[1])
  equal(false)(collectgarbage("isrunning"))
  collectgarbage("restart")
  fails("bad argument #2 to 'collectgarbage' (number expected, got table)", collectgarbage, "step", {})
end
print "collect"
