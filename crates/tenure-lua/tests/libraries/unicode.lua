-- 'utf8'.

equal("Hä€\u{10FFFF}", "", "\u{7FFFFFFF}")(utf8.char(72, 228, 8364, 0x10FFFF), utf8.char(), utf8.char(0x7FFFFFFF))
equal("[\0-\x7F\xC2-\xFD][\x80-\xBF]*")(utf8.charpattern)
local found = {}
for position, code in utf8.codes("aä€") do found[#found + 1] = position .. ":" .. code end
equal("1:97,2:228,4:8364")(table.concat(found, ","))
found = {}
for char in ("aä€"):gmatch(utf8.charpattern) do found[#found + 1] = char end
equal("a|ä|€")(table.concat(found, "|"))
equal(97, 228, 8364)(utf8.codepoint("aä€", 1, -1))
equal(228)(utf8.codepoint("aä€", 2))
equal()(utf8.codepoint("abc", 3, 2))
equal(3, 1)(utf8.len("aä€"), utf8.len("aä€", 4))
equal(nil, 3)(utf8.len("ab\xff"))
equal(1)(utf8.len("\u{D800}", 1, -1, true))
equal(nil, 1)(utf8.len("\u{D800}"))
equal(4, 4, nil, 2)(utf8.offset("aä€", 3), utf8.offset("aä€", -1), utf8.offset("abc", 9), utf8.offset("aä€", 0, 3))
fails("invalid UTF-8 code", utf8.codepoint, "\xff")
fails("bad argument #1 to 'char' (value out of range)", function() utf8.char(-1) end)
fails("bad argument #2 to 'len' (initial position out of bounds)", function() utf8.len("abc", 9) end)
fails("initial position is a continuation byte", utf8.offset, "ä", 1, 2)
fails("bad argument #1 to 'codes' (invalid UTF-8 code)", function() utf8.codes("\x80") end)
fails("invalid UTF-8 code", function() for _ in utf8.codes("a\xff") do end end)
for _, code in utf8.codes("\u{200000}", true) do equal(0x200000)(code) end
fails("invalid UTF-8 code", function() for _ in utf8.codes("\u{200000}") do end end)
