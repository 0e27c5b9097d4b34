//! What is wrong with a text, in the words of the reference implementation.

use super::message;

/// Sources, and the reference implementation's messages behind the name of the chunk.
const MESSAGES: &[(&[u8], &[u8])] = &[
    (b"x = ", b"1: unexpected symbol near <eof>"),
    (b"x = = 1", b"1: unexpected symbol near '='"),
    (b"x", b"1: syntax error near <eof>"),
    (b"x.y", b"1: syntax error near <eof>"),
    (b"x, y", b"1: '=' expected near <eof>"),
    (b"f() = 1", b"1: syntax error near '='"),
    (b"(x) = 1", b"1: syntax error near '='"),
    (b"1", b"1: unexpected symbol near '1'"),
    (b"'s':f()", b"1: unexpected symbol near ''s''"),
    (b"= 1", b"1: unexpected symbol near '='"),
    (b"local", b"1: <name> expected near <eof>"),
    (b"local x = ", b"1: unexpected symbol near <eof>"),
    (b"local 1", b"1: <name> expected near '1'"),
    (b"local function", b"1: <name> expected near <eof>"),
    (b"local function f", b"1: '(' expected near <eof>"),
    (b"function f(", b"1: <name> or '...' expected near <eof>"),
    (b"function f(a,) end", b"1: <name> or '...' expected near ')'"),
    (b"function f(..., a) end", b"1: ')' expected near ','"),
    (b"function f(1) end", b"1: <name> or '...' expected near '1'"),
    (b"function f.1() end", b"1: '(' expected near '.1'"),
    (b"function f:a.b() end", b"1: '(' expected near '.'"),
    (b"for", b"1: <name> expected near <eof>"),
    (b"for x", b"1: '=' or 'in' expected near <eof>"),
    (b"for x = 1 do end", b"1: ',' expected near 'do'"),
    (b"for x = 1, 2", b"1: 'do' expected near <eof>"),
    (b"for x, in y do end", b"1: <name> expected near 'in'"),
    (b"for x in y", b"1: 'do' expected near <eof>"),
    (b"for 1 = 1, 2 do end", b"1: <name> expected near '1'"),
    (b"if x", b"1: 'then' expected near <eof>"),
    (b"if x then", b"1: 'end' expected near <eof>"),
    (b"if x then else elseif y then end", b"1: 'end' expected near 'elseif'"),
    (b"while x", b"1: 'do' expected near <eof>"),
    (b"while x do", b"1: 'end' expected near <eof>"),
    (b"repeat", b"1: 'until' expected near <eof>"),
    (b"repeat until", b"1: unexpected symbol near <eof>"),
    (b"do", b"1: 'end' expected near <eof>"),
    (b"end", b"1: <eof> expected near 'end'"),
    (b"until x", b"1: <eof> expected near 'until'"),
    (b"else", b"1: <eof> expected near 'else'"),
    (b"return return", b"1: unexpected symbol near 'return'"),
    (b"return 1 2", b"1: <eof> expected near '2'"),
    (b"return 1; x = 2", b"1: <eof> expected near 'x'"),
    (b"break x", b"1: syntax error near <eof>"),
    (b"break", b"1: break outside loop at line 1"),
    (b"goto", b"1: <name> expected near <eof>"),
    (b"goto 1", b"1: <name> expected near '1'"),
    (b"goto x", b"1: no visible label 'x' for <goto> at line 1"),
    (b"::x", b"1: '::' expected near <eof>"),
    (b"::x:: ::x::", b"1: label 'x' already defined on line 1"),
    (b"::x::\ndo\n::x:: end", b"3: label 'x' already defined on line 1"),
    (
        b"do goto x; local a; ::x:: f() end",
        b"1: <goto x> at line 1 jumps into the scope of local 'a'",
    ),
    (
        b"repeat goto c; local a; ::c:: until a",
        b"1: <goto c> at line 1 jumps into the scope of local 'a'",
    ),
    (b"goto x; do ::x:: end", b"1: no visible label 'x' for <goto> at line 1"),
    (b"while x do end break", b"1: break outside loop at line 1"),
    (b"function f() break end", b"1: break outside loop at line 1"),
    (
        b"for i = 1, 2 do f(function() break end) end",
        b"1: break outside loop at line 1",
    ),
    (b"f(", b"1: unexpected symbol near <eof>"),
    (b"f(1", b"1: ')' expected near <eof>"),
    (b"f(1\n2)", b"2: ')' expected (to close '(' at line 1) near '2'"),
    (b"f{1", b"1: '}' expected near <eof>"),
    (b"f\n{1\n", b"3: '}' expected (to close '{' at line 2) near <eof>"),
    (b"x = {1, 2", b"1: '}' expected near <eof>"),
    (b"x = {\n1,\n2", b"3: '}' expected (to close '{' at line 1) near <eof>"),
    (b"x = {a = }", b"1: unexpected symbol near '}'"),
    (b"x = {[1] 2}", b"1: '=' expected near '2'"),
    (b"x = {[1 = 2}", b"1: ']' expected near '='"),
    (b"x = {a b}", b"1: '}' expected near 'b'"),
    (b"x = {,}", b"1: unexpected symbol near ','"),
    (b"x = a[1", b"1: ']' expected near <eof>"),
    (b"x = a.", b"1: <name> expected near <eof>"),
    (b"x = a:b", b"1: function arguments expected near <eof>"),
    (b"x = a:b.c", b"1: function arguments expected near '.'"),
    (b"x = a.1", b"1: unexpected symbol near '.1'"),
    (b"x = (1", b"1: ')' expected near <eof>"),
    (b"x = (\n1", b"2: ')' expected (to close '(' at line 1) near <eof>"),
    (b"x = ()", b"1: unexpected symbol near ')'"),
    (b"x = function", b"1: '(' expected near <eof>"),
    (b"x = function() return", b"1: 'end' expected near <eof>"),
    (b"x = 1 +", b"1: unexpected symbol near <eof>"),
    (b"x = + 1", b"1: unexpected symbol near '+'"),
    (b"x = not", b"1: unexpected symbol near <eof>"),
    (b"x = a b", b"1: syntax error near <eof>"),
    (b"x = 1 = 2", b"1: unexpected symbol near '='"),
    (b"x = ..1", b"1: unexpected symbol near '..'"),
    (
        b"function f() return ... end",
        b"1: cannot use '...' outside a vararg function near '...'",
    ),
    (b"x = #", b"1: unexpected symbol near <eof>"),
    (b"x = a ~= ", b"1: unexpected symbol near <eof>"),
    (b"x = a ! b", b"1: unexpected symbol near '!'"),
    (b"x = a != b", b"1: unexpected symbol near '!'"),
    (b"x = @", b"1: unexpected symbol near '@'"),
    (b"x = $y", b"1: unexpected symbol near '$'"),
    (b"x = `", b"1: unexpected symbol near '`'"),
    (b"x = ?", b"1: unexpected symbol near '?'"),
    (b"x = \x01", b"1: unexpected symbol near '<\\1>'"),
    (b"x = \xe9", b"1: unexpected symbol near '<\\233>'"),
    (b"x = a \\ b", b"1: unexpected symbol near '\\'"),
    (b"x = y;;z", b"1: syntax error near <eof>"),
    (b"x = 3x", b"1: malformed number near '3x'"),
    (b"x = 0x", b"1: malformed number near '0x'"),
    (b"x = 0xg", b"1: malformed number near '0xg'"),
    (b"x = 1e", b"1: malformed number near '1e'"),
    (b"x = 1e+", b"1: malformed number near '1e+'"),
    (b"x = 1..2", b"1: malformed number near '1..2'"),
    (b"x = 1.2.3", b"1: malformed number near '1.2.3'"),
    (b"x = 0x1p", b"1: malformed number near '0x1p'"),
    (b"x = 0x1.8p+", b"1: malformed number near '0x1.8p+'"),
    (b"x = 3_", b"1: malformed number near '3_'"),
    (b"x = 08a", b"1: malformed number near '08a'"),
    (b"x = .5.", b"1: malformed number near '.5.'"),
    (b"x = 1e5e5", b"1: malformed number near '1e5e5'"),
    (b"x = 0b1", b"1: malformed number near '0b1'"),
    (b"x = 'a", b"1: unfinished string near <eof>"),
    (b"x = 'a\nb'", b"1: unfinished string near ''a'"),
    (b"x = \"a\\", b"1: unfinished string near <eof>"),
    (b"x = 'a\\\n", b"2: unfinished string near <eof>"),
    (b"x = 'a\\q'", b"1: invalid escape sequence near ''a\\q'"),
    (b"x = '\\300'", b"1: decimal escape too large near ''\\300''"),
    (b"x = '\\2567'", b"1: decimal escape too large near ''\\2567'"),
    (b"x = '\\xg0'", b"1: hexadecimal digit expected near ''\\xg'"),
    (b"x = '\\x1g'", b"1: hexadecimal digit expected near ''\\x1g'"),
    (b"x = '\\x1", b"1: hexadecimal digit expected near ''\\x1'"),
    (b"x = '\\u1'", b"1: missing '{' near ''\\u1'"),
    (b"x = '\\u{'", b"1: hexadecimal digit expected near ''\\u{''"),
    (b"x = '\\u{}'", b"1: hexadecimal digit expected near ''\\u{}'"),
    (b"x = '\\u{12'", b"1: missing '}' near ''\\u{12''"),
    (b"x = '\\u{12x}'", b"1: missing '}' near ''\\u{12x'"),
    (b"x = '\\u{80000000}'", b"1: UTF-8 value too large near ''\\u{80000000'"),
    (
        b"x = '\\u{7fffffffF}'",
        b"1: UTF-8 value too large near ''\\u{7fffffffF'",
    ),
    (b"x = '\\z  \n \\q'", b"2: invalid escape sequence near ''\\q'"),
    (b"x = 'ab\\", b"1: unfinished string near <eof>"),
    (b"x = [[a", b"1: unfinished long string (starting at line 1) near <eof>"),
    (
        b"x = [==[a]=]",
        b"1: unfinished long string (starting at line 1) near <eof>",
    ),
    (b"x = [=a", b"1: invalid long string delimiter near '[='"),
    (b"x = [=", b"1: invalid long string delimiter near '[='"),
    (b"--[[a", b"1: unfinished long comment (starting at line 1) near <eof>"),
    (
        b"--[==[\n\n]]",
        b"3: unfinished long comment (starting at line 1) near <eof>",
    ),
    (b"do [[a\nb]]", b"2: unexpected symbol near '[[a\nb]]'"),
    (b"do 'a\\nb'", b"1: unexpected symbol near ''a\nb''"),
    (b"do 'a\\0b'", b"1: unexpected symbol near ''a'"),
    (b"do 1e1", b"1: unexpected symbol near '1e1'"),
    (b"do 0x10", b"1: unexpected symbol near '0x10'"),
    (b"do ...", b"1: unexpected symbol near '...'"),
    (b"do //", b"1: unexpected symbol near '//'"),
    (b"x = ::", b"1: unexpected symbol near '::'"),
    (b"do <= ", b"1: unexpected symbol near '<='"),
    (b"x = while", b"1: unexpected symbol near 'while'"),
    (b"do [=[a]]b]=]", b"1: unexpected symbol near '[=[a]]b]=]'"),
    (b"x \x00", b"1: syntax error"),
    (
        b"x = \"\\x41\\u{48}\\065\\z  z\" 'b' 1",
        b"1: unexpected symbol near ''b''",
    ),
    (
        b"local x <const> = 1; x = 2",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <const> = f(); x = 2",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <close> = f(); x = 2",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <const> = 1; function g() x = 2 end",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <const> = f(); function g() return function() x = 2 end end",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <const> = 1; x, y = 1, 2",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <const> = 1; y, x = 1, 2",
        b"1: attempt to assign to const variable 'x'",
    ),
    (
        b"local x <const> = 1; function x() end",
        b"1: attempt to assign to const variable 'x'",
    ),
    (b"local x <foo> = 1", b"1: unknown attribute 'foo'"),
    (b"local x <const = 1", b"1: '>' expected near '='"),
    (b"local x < 1 > = 1", b"1: <name> expected near '1'"),
    (
        b"local x <close>, y <close> = 1",
        b"1: multiple to-be-closed variables in local list",
    ),
    (b"local x <const>; x = 1", b"1: attempt to assign to const variable 'x'"),
    (b"x = }", b"1: unexpected symbol near '}'"),
    (b"x = ]", b"1: unexpected symbol near ']'"),
    (b"x = )", b"1: unexpected symbol near ')'"),
    (b"f(x,)", b"1: unexpected symbol near ')'"),
    (b"f(,x)", b"1: unexpected symbol near ','"),
    (b"local x, = 1", b"1: <name> expected near '='"),
    (b"x, = 1", b"1: unexpected symbol near '='"),
    (b"x, 1 = 1", b"1: unexpected symbol near '1'"),
    (b"x, f() = 1", b"1: syntax error near '='"),
    (b"a.b:c = 1", b"1: function arguments expected near '='"),
    (b"a.b:c.d()", b"1: function arguments expected near '.'"),
    (b"local a.b = 1", b"1: unexpected symbol near '.'"),
    (b"function a() end end", b"1: <eof> expected near 'end'"),
    (b"x = function() end)", b"1: unexpected symbol near ')'"),
    (b"do end end", b"1: <eof> expected near 'end'"),
    (b"\n\n\nx = ", b"4: unexpected symbol near <eof>"),
    (b"x\n=\n=", b"3: unexpected symbol near '='"),
    (b"f\n(", b"2: unexpected symbol near <eof>"),
    (b"x = 'a\r\nb'", b"1: unfinished string near ''a'"),
    (b"\r\n\r\nx = =", b"3: unexpected symbol near '='"),
    (b"\n\r\n\rx = =", b"3: unexpected symbol near '='"),
    (b"\r\r\nx =", b"3: unexpected symbol near <eof>"),
];

#[test]
fn messages_are_those_of_the_reference() {
    for &(source, expected) in MESSAGES {
        let error = tenure_lua::compiler::compile(source, b"=s").map(|_| ()).unwrap_err();
        let expected = [b"s:", expected].concat();
        let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
        assert_eq!(show(error.message()), show(&expected), "for {}", show(source));
    }
}

#[test]
fn unfinished_chunks_are_told_from_wrong_ones() {
    let is_incomplete = |source: &[u8]| {
        tenure_lua::compiler::compile(source, b"=s")
            .unwrap_err()
            .is_incomplete()
    };
    for source in [
        &b"x ="[..],
        b"do",
        b"f(",
        b"x = [[",
        b"if x then y() else",
        b"for i = 1,",
    ] {
        assert!(is_incomplete(source), "{}", source.escape_ascii());
    }
    for source in [&b"x = ="[..], b"end", b"x = 'a\n", b"goto x"] {
        assert!(!is_incomplete(source), "{}", source.escape_ascii());
    }
}

#[test]
fn the_chunk_is_named_as_the_reference_names_it() {
    let named = |source: &str, name: &[u8]| {
        tenure_lua::compiler::compile(source.as_bytes(), name)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        named("x =", b"@dir/file.lua"),
        "dir/file.lua:1: unexpected symbol near <eof>"
    );
    assert_eq!(named("x =", b"=(load)"), "(load):1: unexpected symbol near <eof>");
    assert_eq!(named("x =", b"x ="), "[string \"x =\"]:1: unexpected symbol near <eof>");
    assert_eq!(
        named("\nx =", b"\nx ="),
        "[string \"...\"]:2: unexpected symbol near <eof>"
    );
    assert_eq!(named("x =", b"=cut\0here"), "cut:1: unexpected symbol near <eof>");
    assert_eq!(message(b"x ="), "s:1: unexpected symbol near <eof>");
}
