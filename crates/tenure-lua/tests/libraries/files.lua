-- 'io', and the methods of files.

local name = os.tmpname()
local function contents() local f <close> = assert(io.open(name, "rb")) return f:read("a") end
local function write(text) local f <close> = assert(io.open(name, "w")) assert(f:write(text)) end

-- Opening.
equal(nil, "/nonexistent/x: No such file or directory", 2)(io.open("/nonexistent/x"))
fails("bad argument #2 to 'open' (invalid mode)", function() io.open(name, "rw") end)
fails("bad argument #1 to 'open' (string expected, got no value)", function() io.open() end)

-- Reading.
write("first\n12 0x1F -3.5e1 .5 nan x\nlast")
local f = assert(io.open(name))
equal("first", 12, 31, -35.0, 0.5, nil)(f:read("l", "n", "n", "n", "n", "n"))
equal("nan x\n")(f:read("L"))
equal("", "la", "st")(f:read(0, 2, "a"))
equal("", nil)(f:read("a", "l"))
equal(nil)(f:read(0))
equal(nil, "Bad file descriptor", 9)(f:write("x"))
fails("bad argument #1 to 'read' (invalid format)", function() f:read("x") end)
fails("bad argument #2 to 'read' (string expected, got table)", function() f:seek("set") f:read(0, {}) end)
equal(2, "rst\n", 6)(f:seek("set", 2), f:read("*L"), f:seek())
equal(34, nil)(f:seek("end"), f:read())
equal(nil, "Invalid argument", 22)(f:seek("set", -1))
fails("bad argument #1 to 'seek' (invalid option 'bad')", function() f:seek("bad") end)
equal("file", true, "closed file", "file (closed)")(io.type(f), f:close(), io.type(f), tostring(f))
fails("attempt to use a closed file", f.read, f)
fails("attempt to use a closed file", function() f:close() end)
equal(nil)(io.type(1))
fails("bad argument #1 to 'type' (value expected)", function() io.type() end)
fails("bad argument #1 to 'read' (FILE* expected, got number)", function() f.read(1) end)
fails("calling 'read' on bad self (FILE* expected, got table)", function() local t = { read = f.read } t:read() end)
equal(nil, "Is a directory", 21)(assert(io.open("/")):read("a"))

-- Writing.
f = assert(io.open(name, "w+"))
equal(f)(f:write("a", 1, 2.5, 1.0, -0.0, "\n"))
equal("a12.51-0\n")((f:seek("set") and nil) or f:read("a"))
equal(f, 4)(f:write("tail"), #contents() - #"a12.51-0\n" + (f:flush() and 4))
fails("bad argument #2 to 'write' (string expected, got table)", function() f:write("before", {}, "behind") end)
f:close()
equal("a12.51-0\ntailbefore")(contents())
f = assert(io.open(name, "a"))
equal(19)(f:seek("cur"))
f:seek("set")
f:write("END")
f:close()
equal("a12.51-0\ntailbeforeEND")(contents())
f = assert(io.open(name, "r+"))
equal("a1", f, ".5")(f:read(2), f:seek("set", 2) and f:write("3"), f:read(2))
f:close()
equal("a13.51")(contents():sub(1, 6))
do
  local full = io.open("/dev/full", "w")
  if full then
    full:write("x")
    equal(nil, "No space left on device", 28)(full:flush())
    equal(true)(full:close())
  end
end

-- Buffers.
f = assert(io.open(name, "w"))
f:write("unwritten")
equal("")(contents())
equal(true)(f:setvbuf("no"))
equal("unwritten", f, "unwritten!")(contents(), f:write("!"), contents())
equal(true, f)(f:setvbuf("line", 100), f:write("\nline\nrest"))
equal("unwritten!\nline\n")(contents():sub(1, 16))
equal(true)(f:setvbuf("full"))
fails("bad argument #1 to 'setvbuf' (invalid option 'x')", function() f:setvbuf("x") end)
fails("bad argument #1 to 'setvbuf' (string expected, got no value)", function() f:setvbuf() end)
f:close()

-- Lines.
write("1 one\n2 two\n\n3 three")
local lines = {}
for line in io.lines(name) do lines[#lines + 1] = line end
equal("1 one|2 two||3 three")(table.concat(lines, "|"))
lines = {}
for number, rest in io.lines(name, "n", "L") do lines[#lines + 1] = number .. rest end
equal("1 one\n2 two\n3 three")(table.concat(lines))
f = assert(io.open(name))
local iterator = f:lines(1)
equal("1", " ", "file")(iterator(), iterator(), io.type(f))
f:close()
fails("file is already closed", iterator)
iterator = io.lines(name, "a")
equal("1 one\n2 two\n\n3 three", "", "")(iterator(), iterator(), iterator())
local function count_results(...) return select("#", ...), io.type((select(4, ...))) end
equal(4, "file")(count_results(io.lines(name)))
local opened
for _ in io.lines(name) do break end
do
  local next_line, _, _, file = io.lines(name)
  for _ in next_line do end
  equal("closed file")(io.type(file))
  fails("file is already closed", next_line)
end
fails("cannot open file '/nonexistent' (No such file or directory)", function() io.lines("/nonexistent") end)
fails("bad argument #252 to 'lines' (too many arguments)", function() io.lines(name, table.unpack({}, 1, 251)) end)
fails("Is a directory", function() for _ in io.lines("/") do end end)

-- Default files.
equal("file", "file")(io.type(io.input()), io.type(io.output()))
io.output(name)
equal(io.output())(io.write("default ", 1))
equal(true)(io.flush())
equal("default 1")(contents())
equal(true)(io.close())
fails("default output file is closed", io.write, "x")
fails("attempt to use a closed file", io.close)
io.output(io.stdout)
io.input(name)
equal("default", 1)(io.read(7, "n"))
lines = {}
for text in io.lines(nil, 1) do lines[#lines + 1] = text end
equal(0)(#lines)
io.input():close()
fails("default input file is closed", io.read)
io.input(io.stdin)
fails("cannot open file '/nonexistent/x' (No such file or directory)", io.output, "/nonexistent/x")
fails("bad argument #1 to 'input' (FILE* expected, got table)", function() io.input({}) end)
equal(nil, "cannot close standard file", "file")(io.stderr:close(), select(2, io.stderr:close()), io.type(io.stderr))

-- Pipes.
local pipe = assert(io.popen("echo hi; exit 3"))
equal("hi\n", nil, "exit", 3)(pipe:read("a"), pipe:close())
pipe = assert(io.popen("cat > " .. name, "w"))
equal(nil, "Bad file descriptor", 9)(pipe:read())
equal(pipe, true, "exit", 0)(pipe:write("through a pipe"), pipe:close())
equal("through a pipe")(contents())
equal(nil, "Illegal seek", 29)(assert(io.popen("true")):seek())
fails("bad argument #2 to 'popen' (invalid mode)", function() io.popen("true", "rw") end)

-- Temporary files, and closing.
f = assert(io.tmpfile())
equal(f, 0, "abc")(f:write("abc"), f:seek("set"), f:read("a"))
do local closed <close> = f end
equal("closed file")(io.type(f))
getmetatable(f).__gc(f)
equal("FILE*", true)(getmetatable(f).__name, getmetatable(f).__index.read == io.stdin.read)
assert(tostring(io.stdout):match("^file %(0x%x+%)$"))

-- Many files, and long lines.
local files = {}
for i = 1, 100 do files[i] = assert(io.tmpfile()) files[i]:write(("line %d\n"):format(i):rep(i)) end
for i = 100, 1, -1 do
  local count = 0
  files[i]:seek("set")
  for line in files[i]:lines() do count = count + 1 equal("line " .. i)(line) end
  equal(i)(count)
  files[i]:close()
end
write(("x"):rep(100000) .. "\n" .. ("y"):rep(5000))
local long = {}
for line in io.lines(name) do long[#long + 1] = #line end
equal(100000, 5000)(table.unpack(long))
equal(true)(os.remove(name))
