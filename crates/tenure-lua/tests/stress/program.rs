//! Programs of Lua, drawn from bytes: each compiles, ends, and prints the same in every heap.
//!
//! A recursive descent that asks one byte at each choice and takes the first one when there are none left; so a prefix of the bytes draws
//! a prefix of the program, and what a fuzzer or proptest shortens stays a program. Linear in the bytes. It draws no weak tables, no
//! finalizers and nothing else whose results depend on when the collector works.

/// What every program begins with.
pub(crate) const PRELUDE: &str = include_str!("prelude.lua");

/// Statements and expressions inside of each other.
const DEPTH_MAX: usize = 5;
/// Statements of a program.
const STATEMENTS_MAX: usize = 120;

const VARIABLES: [&str; 6] = ["a", "b", "c", "d", "p", "q"];
const LITERALS: [&str; 24] = [
    "1",
    "2",
    "0",
    "-3",
    "10",
    "1.5",
    "-0.0",
    "1e15",
    "9007199254740993",
    "math.maxinteger",
    "math.mininteger",
    "1e308",
    "0x7p-1",
    "1125899906842624",
    "nil",
    "true",
    "false",
    "''",
    "'x'",
    "'y'",
    "'10'",
    "'0x1p4'",
    "'a longer string that is no short one'",
    "'\\0\\xff'",
];
const BINARY: [&str; 21] = [
    "+", "-", "*", "/", "//", "%", "^", "&", "|", "~", "<<", ">>", "==", "~=", "<", "<=", ">", ">=", "and", "or", "..",
];

/// Draws a program.
pub(crate) fn program(bytes: &[u8]) -> String {
    let mut generator = Generator {
        bytes,
        text: PRELUDE.to_string(),
        depth: 0,
        statements: 0,
        functions: Vec::new(),
        named: 0,
        loops: 0,
    };
    while !generator.bytes.is_empty() && generator.statements < STATEMENTS_MAX {
        // What fails is told, and the next part goes on.
        if generator.choose(4) == 0 {
            generator.function();
        } else {
            generator.text += "part(pcall(function(...)\n";
            generator.block();
            generator.text += "end, 1, c, 'rest'))\n";
        }
    }
    generator.text += "part(a, b, c, d, p, q, k)\n";
    generator.text
}

struct Generator<'a> {
    bytes: &'a [u8],
    text: String,
    depth: usize,
    statements: usize,
    /// Functions in scope, by number: a function calls earlier ones by name.
    functions: Vec<usize>,
    /// Names given to functions and labels.
    named: usize,
    /// Loops of the function around that a `break` ends.
    loops: usize,
}

impl Generator<'_> {
    fn choose(&mut self, count: usize) -> usize {
        match self.bytes.split_first() {
            Some((&byte, rest)) => {
                self.bytes = rest;
                usize::from(byte) % count
            }
            None => 0,
        }
    }

    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.choose(texts.len())]
    }

    fn one_of_pairs(&mut self, pairs: &[(&'static str, &'static str)]) -> (&'static str, &'static str) {
        pairs[self.choose(pairs.len())]
    }

    fn variable(&mut self) -> &'static str {
        self.one_of(&VARIABLES)
    }

    fn name(&mut self) -> usize {
        self.named += 1;
        self.named
    }

    /// Statements, with a scope of their own.
    fn block(&mut self) {
        let functions = self.functions.len();
        self.depth += 1;
        for _ in 0..1 + self.choose(4) {
            self.statement();
        }
        self.depth -= 1;
        self.functions.truncate(functions);
    }

    /// A block whose loops end at its edge.
    fn body(&mut self) {
        let loops = std::mem::take(&mut self.loops);
        self.text += "tick()\n";
        self.block();
        if self.choose(2) == 1 {
            self.text += "do return ";
            self.expressions();
            self.text += " end\n";
        }
        self.loops = loops;
    }

    fn function(&mut self) {
        let number = self.name();
        self.text += &format!("local function f{number}(p, q, ...)\n");
        self.body();
        self.text += "end\n";
        self.functions.push(number);
    }

    fn inside_loop(&mut self, head: &str, end: &str) {
        let label = self.name();
        self.loops += 1;
        self.text += head;
        self.text += " tick()\n";
        if self.choose(3) == 1 {
            self.text += "if ";
            self.expression();
            self.text += &format!(" then goto continue{label} end\n");
        }
        self.text += "do\n";
        self.block();
        self.text += &format!("end\n::continue{label}::\n{end}\n");
        self.loops -= 1;
    }

    fn statement(&mut self) {
        self.statements += 1;
        let most = if self.depth < DEPTH_MAX && self.statements < STATEMENTS_MAX {
            24
        } else {
            10
        };
        match self.choose(most) {
            0 => {
                self.text += "say(";
                self.expressions();
                self.text += ")\n";
            }
            1 | 2 => self.assignment(),
            3 => {
                let (x, y) = self.one_of_pairs(&[("d", "k"), ("k", "d"), ("p", "d"), ("c", "q"), ("q", "b")]);
                self.text += &format!("{x}, {y}, c[key({x})] = {y}, {x}, ");
                self.expressions();
                self.text += "\n";
            }
            4 => {
                let table = self.one_of(&["c", "q", "c", "q", "b", "d"]);
                self.text += &format!("{table}[key(");
                self.expression();
                self.text += ")] = ";
                self.expression();
                self.text += "\n";
            }
            5 => {
                let (table, field) = (self.one_of(&["c", "q", "b", "d"]), self.one_of(&["x", "y", "z", "n"]));
                self.text += &format!("{table}.{field} = ");
                self.expression();
                self.text += "\n";
            }
            6 => {
                let (table, meta) = (self.one_of(&["c", "q", "c", "d"]), self.choose(6));
                let meta = if meta == 0 { "nil".into() } else { meta.to_string() };
                self.text += &format!("meta({table}, {meta})\n");
            }
            7 => {
                let table = self.one_of(&["c", "q", "c", "q", "a", "d"]);
                let call = [
                    "table.insert(X, q)",
                    "table.remove(X)",
                    "table.insert(X, 1, b)",
                    "table.sort(X, before)",
                    "table.move(X, 1, 3, 2)",
                    "X[#X + 1] = #X",
                ];
                let call = self.one_of(&call);
                self.text += &call.replace('X', table);
                self.text += "\n";
            }
            8 => {
                let text = [
                    "collectgarbage()",
                    "collectgarbage('step')",
                    "coroutine.yield(a)",
                    "error(b, 0)",
                    "error({ code = p })",
                    "error('positioned')",
                    "break",
                    "do return end",
                ];
                let text = self.one_of(&text);
                match text {
                    "break" if self.loops == 0 => {}
                    "break" => self.text += "do break end\n",
                    _ => self.text += &format!("{text}\n"),
                }
            }
            9 => {
                self.text += "local x, y <const>, z = ";
                self.expressions();
                self.text += "\nsay(x, y, z)\n";
            }
            10 => {
                let number = self.name();
                self.text += &format!("local guard <close> = closer('guard{number}')\n");
            }
            11 => {
                self.text += "if ";
                self.expression();
                self.text += " then\n";
                self.block();
                if self.choose(2) == 1 {
                    self.text += "elseif ";
                    self.expression();
                    self.text += " then\n";
                    self.block();
                }
                self.text += "else\n";
                self.block();
                self.text += "end\n";
            }
            12 => {
                let range = [
                    "1, 3",
                    "3, 1, -1",
                    "1, 2, 0.5",
                    "math.maxinteger - 1, math.maxinteger",
                    "1, #b",
                    "a, 4",
                    "-1, 1",
                ];
                let range = self.one_of(&range);
                self.inside_loop(&format!("for k = {range} do local k = k c[1] = k"), "end");
            }
            13 => self.inside_loop("do local n = 0 while n < 3 do n = n + 1 local k = n", "end end"),
            14 => self.inside_loop(
                "do local n = 0 repeat n = n + 1 local k = { n }",
                "until n >= 3 or k[1] == d end",
            ),
            15 => {
                let table = self.variable();
                self.inside_loop(&format!("for k, d in each({table}) do local p = d"), "end");
            }
            16 => self.inside_loop("for k, p in step, 3, 0, closer('loop') do", "end"),
            17 => self.inside_loop("for i, q in ipairs(c) do if i > 4 then break end", "end"),
            18 | 19 => self.function(),
            20 => {
                self.text += "say(pcall(function(p, ...)\n";
                self.body();
                self.text += "end, ";
                self.expressions();
                self.text += "))\n";
            }
            21 => {
                self.text += "say(xpcall(function(p, ...)\n";
                self.body();
                self.text += "end, function(e) tick() return { e } end, ";
                self.expressions();
                self.text += "))\n";
            }
            22 => {
                let (number, times) = (self.name(), 1 + self.choose(4));
                self.text += &format!("do local co{number} = coroutine.create(function(p, q, ...)\n");
                self.body();
                self.text += &format!("end)\nfor k = 1, {times} do say(k, coroutine.resume(co{number}, ");
                self.expressions();
                self.text += &format!(")) end\nsay(coroutine.status(co{number}), coroutine.close(co{number})) end\n");
            }
            _ => {
                let target = self.variable();
                self.text += &format!("{target} = coroutine.wrap(function(p, q, ...)\n");
                self.body();
                self.text += "end)\n";
            }
        }
    }

    fn expressions(&mut self) {
        for index in 0..1 + self.choose(3) {
            if index > 0 {
                self.text += ", ";
            }
            self.expression();
        }
        match self.choose(6) {
            1 => self.text += ", ...",
            2 => self.text += ", (...)",
            _ => {}
        }
    }

    fn expression(&mut self) {
        if self.depth >= DEPTH_MAX + 2 {
            return self.leaf();
        }
        self.depth += 1;
        match self.choose(20) {
            0..=3 => self.leaf(),
            4..=6 => self.number(),
            7 => {
                let operator = self.one_of(&BINARY);
                self.text += if operator == ".." { "cut((" } else { "((" };
                self.expression();
                self.text += &format!(") {operator} (");
                self.expression();
                self.text += "))";
            }
            8 => self.string(),
            9 => {
                let operator = self.one_of(&["-(", "not (", "#(", "~("]);
                self.text += operator;
                self.expression();
                self.text += ")";
            }
            10 => {
                self.text += "{";
                self.expressions();
                self.text += ", x = ";
                self.expression();
                self.text += ", [key(";
                self.expression();
                self.text += ")] = a, ...}";
            }
            11 if self.choose(2) == 0 => {
                self.text += "function(p, q, ...)\n";
                self.body();
                self.text += "end";
            }
            11 | 12 => {
                let (table, field) = (
                    self.one_of(&["c", "q", "c", "b", "d"]),
                    self.one_of(&["x", "y", "z", "n"]),
                );
                self.text += &format!("{table}.{field}");
            }
            13 => {
                let table = self.one_of(&["c", "q", "c", "q", "b", "d"]);
                self.text += &format!("{table}[key(");
                self.expression();
                self.text += ")]";
            }
            14 | 15 => {
                match self.functions.len() {
                    0 => self.text += "closer",
                    count => {
                        let index = self.choose(count);
                        let number = self.functions[index];
                        self.text += &format!("f{number}");
                    }
                }
                self.text += "(";
                self.expressions();
                self.text += ")";
            }
            16 => {
                // Calls of whatever stands in a variable: fuel ends it.
                let function = self.one_of(&["a", "d", "p", "c", "closer", "each"]);
                self.text += &format!("({function})(");
                self.expressions();
                self.text += ")";
            }
            17 => {
                let call = [
                    "cut(tostring(tonumber(X)))",
                    "math.type(X)",
                    "math.tointeger(X)",
                    "select('#', X, ...)",
                    "select(2, X, ...)",
                    "#keys(X)",
                    "rawlen(X)",
                    "rawequal(X, d)",
                    "table.unpack(X, 1, 3)",
                    "table.pack(X, ...)",
                    "type(X)",
                    "next({}, X)",
                ];
                let call = self.one_of(&call);
                self.call_of(call);
            }
            18 => {
                let call = [
                    "cut(string.rep(X, 3))",
                    "string.sub(X, 2, -2)",
                    "string.byte(X, 1, -1)",
                    "string.upper(X)",
                    "string.reverse(X)",
                    "string.find(X, '(.)(%w*)')",
                    "cut(string.gsub(X, '%w', '%0%0'))",
                    "cut(string.gsub(X, '.', function(s) tick() return q end))",
                    "cut(string.format('%5.2s|%g', X, k))",
                    "string.len(X)",
                    "cut(table.concat(X, ','))",
                    "string.match(X, '^%s*(.-)%s*$')",
                    "string.pack('z', X)",
                ];
                let call = self.one_of(&call);
                self.call_of(call);
            }
            _ => {
                self.text += "pcall(a, ";
                self.expressions();
                self.text += ")";
            }
        }
        self.depth -= 1;
    }

    /// Mostly a number.
    fn number(&mut self) {
        if self.depth >= DEPTH_MAX + 2 {
            self.text += "1";
            return;
        }
        self.depth += 1;
        match self.choose(10) {
            0..=2 => {
                let literal = self.one_of(&LITERALS[..14]);
                self.text += literal;
            }
            3 => {
                let variable = self.one_of(&["k", "p"]);
                self.text += variable;
            }
            4..=6 => {
                let operator = self.one_of(&BINARY[..12]);
                self.text += "((";
                self.number();
                self.text += &format!(") {operator} (");
                self.number();
                self.text += "))";
            }
            7 => self.call_of("(tonumber(X) or 2)"),
            8 => {
                self.text += "#";
                self.table();
            }
            _ => self.expression(),
        }
        self.depth -= 1;
    }

    /// Mostly a string.
    fn string(&mut self) {
        if self.depth >= DEPTH_MAX + 2 {
            self.text += "''";
            return;
        }
        self.depth += 1;
        match self.choose(8) {
            0..=2 => {
                let literal = self.one_of(&LITERALS[17..]);
                self.text += literal;
            }
            3 => self.call_of("cut(show(X, 1))"),
            4 | 5 => {
                self.text += "cut((";
                self.string();
                self.text += ") .. (";
                self.number();
                self.text += "))";
            }
            6 => self.text += "b",
            _ => self.expression(),
        }
        self.depth -= 1;
    }

    /// Mostly a table.
    fn table(&mut self) {
        let table = self.one_of(&["c", "q", "{ 1, 2, 3 }", "{ x = 1 }", "a", "b"]);
        self.text += table;
    }

    /// Assigns to a variable, mostly of the type that it has from the beginning, so that not every statement fails.
    fn assignment(&mut self) {
        match self.choose(12) {
            0..=2 => {
                self.text += "p = ";
                self.number();
            }
            3 | 4 => {
                self.text += "b = ";
                self.string();
            }
            5 => {
                let target = self.one_of(&["c", "q", "d"]);
                self.text += &format!("{target} = {{");
                self.expressions();
                self.text += ", x = ";
                self.expression();
                self.text += "}";
            }
            6 => {
                let (x, y) = self.one_of_pairs(&[("c", "q"), ("q", "c"), ("d", "c"), ("d", "a")]);
                self.text += &format!("{x} = {y}");
            }
            7 => {
                self.text += "a = function(p, q, ...)\n";
                self.body();
                self.text += "end";
            }
            8..=10 => {
                self.text += "d = ";
                self.expression();
            }
            _ => {
                let variable = self.variable();
                self.text += variable;
                self.text += " = ";
                self.expression();
            }
        }
        self.text += "\n";
    }

    /// A call with an expression where `X` stands.
    fn call_of(&mut self, call: &str) {
        let (start, end) = call.split_once('X').unwrap_or((call, ""));
        self.text += start;
        self.text += "(";
        match start {
            _ if self.choose(8) == 7 => self.expression(),
            _ if start.contains("string.") => self.string(),
            _ if start.contains("math.") => self.number(),
            _ if start.contains("table.") || start.contains("keys") => self.table(),
            _ => self.expression(),
        }
        self.text += ")";
        self.text += end;
    }

    fn leaf(&mut self) {
        let leaf = match self.choose(4) {
            0 => self.one_of(&LITERALS),
            1 => "k",
            _ => self.variable(),
        };
        self.text += leaf;
    }
}
