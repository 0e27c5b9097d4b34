//! What the command `lua` does with a state: the table `arg`, chunks with a traceback, modules, and lines typed in.
//!
//! Everything that programs can see of the command is here, so that another command can be made; what its user sees, arguments and the
//! terminal, is not. A chunk runs under a message handler that adds the traceback where the error is raised. Costs nothing beside what
//! runs. Signals are the command's matter, which has [`Lua::interrupter`].

use crate::chunk;
use crate::embed::Lua;
use crate::library::{self, display_text};
use crate::native::{Call, NativeFunction, Reply, Throw};
use crate::object::{LuaValue, Table, TableMethods, Type, Val, border, new_table, symbol};
use crate::system::FileId;
use crate::vm::load::load_chunk;
use crate::vm::message;
use crate::vm::metamethod::{Field, field};
use crate::vm::stack::Stack;
use tenure::prelude::*;

/// What the compiler says at the end of a chunk that more input could complete.
const END_MARK: &[u8] = b"<eof>";

/// A message to show when something did not end well.
pub type Message = Vec<u8>;

/// What became of a line that was typed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It ran; its results were printed.
    Done,
    /// It is the beginning of something: another line is to be added. If there is none, this is the error.
    Incomplete(Message),
}

/// Adds a traceback to an error's message. What is no string may say itself what it is.
fn handle_error(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let error = call.argument(1);
    if matches!(error.type_of(), Type::String | Type::Number) {
        let text = display_text(call.heap(), error);
        return reply_traceback(call, &text);
    }
    match field(call.heap(), error, Field::ToString) {
        Some(method) => call.call_then(method, &[error], |call| {
            let text = call.result(1);
            if text.type_of() == Type::String {
                return call.reply(text);
            }
            reply_unknown(call)
        }),
        None => reply_unknown(call),
    }
}

fn reply_unknown(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let name = call.argument(1).type_of().name();
    reply_traceback(call, format!("(error object is a {name} value)").as_bytes())
}

fn reply_traceback(call: &mut Call<'_, '_>, text: &[u8]) -> Result<Reply, Throw> {
    let trace = message::traceback(call.heap(), Stack::running(call.vm, call.heap()), 1);
    let text = call.string_of(&[text, b"\n", &trace])?;
    call.reply(text)
}

/// Returns a global variable without asking metamethods.
fn global<'h>(call: &Call<'_, 'h>, name: &[u8]) -> Result<Val<'h>, Throw> {
    let name = symbol(call.heap(), name)?;
    let globals = call.heap().roots().globals.get();
    Ok(globals.map_or(Value::nil(), |globals| globals.get_str(name)))
}

fn set_global(call: &Call<'_, '_>, name: &[u8], value: Val<'_>) -> Result<(), Throw> {
    let name = symbol(call.heap(), name)?;
    match call.heap().roots().globals.get() {
        Some(globals) => globals.set_str(call.heap(), name, value).map_err(Throw::of_set),
        None => Ok(()),
    }
}

impl Lua {
    /// Makes the table `arg` of the words of the command, the one numbered `script` being the name of the script, at index 0.
    ///
    /// # Errors
    ///
    /// The message that memory is short.
    pub fn set_arguments(&mut self, words: &[&[u8]], script: usize) -> Result<(), Message> {
        self.between(|call| {
            let table = new_table(call.heap(), words.len().saturating_sub(script + 1), 0).map_err(Throw::of_set)?;
            for (index, word) in words.iter().enumerate() {
                let word = call.string(word)?;
                let set = table.set_int(call.heap(), index as i64 - script as i64, word);
                set.map_err(Throw::of_set)?;
            }
            set_global(call, b"arg", table.into())
        })
    }

    /// Compiles a chunk and runs it; a script gets the values in the table `arg`.
    ///
    /// # Errors
    ///
    /// The compiler's message, or the error's with a traceback.
    pub fn run_chunk(&mut self, source: &[u8], chunk_name: &[u8], is_script: bool) -> Result<(), Message> {
        let proto = chunk::load(source, chunk_name, b"bt").map_err(|error| error.into_message())?;
        let pushed = self.between(|call| {
            let globals = call.heap().roots().globals.get();
            let function = load_chunk(call.heap(), &proto, globals.into())?;
            let arguments = if is_script { script_arguments(call)? } else { Vec::new() };
            push_traced(call, function.into(), &arguments)
        })?;
        self.call_traced(pushed).map(|_| ())
    }

    /// Compiles a file, or the standard input if there is no name, and runs it, as [`Lua::run_chunk`] does.
    ///
    /// # Errors
    ///
    /// That the file cannot be read; or as [`Lua::run_chunk`].
    pub fn run_file(&mut self, name: Option<&[u8]>, is_script: bool) -> Result<(), Message> {
        let source = self.services().read_source(name)?;
        let chunk_name = name.map_or(b"=stdin".to_vec(), |name| [b"@", name].concat());
        self.run_chunk(&source, &chunk_name, is_script)
    }

    /// Calls `require` with the name of a module, and makes the module a global variable.
    ///
    /// # Errors
    ///
    /// The error's message with a traceback.
    pub fn require(&mut self, module: &[u8], name: &[u8]) -> Result<(), Message> {
        let pushed = self.between(|call| {
            let require = global(call, b"require")?;
            let module = call.string(module)?;
            push_traced(call, require, &[module])
        })?;
        let (at, _) = self.call_traced(pushed)?;
        self.between(|call| {
            let module = call.register(at + 1);
            set_global(call, name, module)
        })
    }

    /// Runs a line, or several that belong together, and prints the results: of a line that is an expression, or of a `return`.
    ///
    /// ```
    /// use tenure::prelude::*;
    /// use tenure_lua::{Line, Lua, Services};
    /// let mut lua = Lua::new(HeapConfig::new(), Services::new(std::io::sink(), std::io::sink(), 1))?;
    /// assert!(matches!(lua.run_line(b"for i = 1, 2 do"), Ok(Line::Incomplete(_))));
    /// assert_eq!(lua.run_line(b"for i = 1, 2 do\nend"), Ok(Line::Done));
    /// assert_eq!(lua.run_line(b"x ="), Ok(Line::Incomplete(b"stdin:1: unexpected symbol near <eof>".to_vec())));
    /// assert_eq!(lua.run_line(b"x = }"), Err(b"stdin:1: unexpected symbol near '}'".to_vec()));
    /// # Ok::<(), tenure_lua::LuaError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The compiler's message, or the error's with a traceback.
    pub fn run_line(&mut self, line: &[u8]) -> Result<Line, Message> {
        const NAME: &[u8] = b"=stdin";
        let is_one_line = !line.contains(&b'\n');
        let expression = is_one_line.then(|| chunk::load(&[b"return ", line, b";"].concat(), NAME, b"t"));
        let statement = || chunk::load(line, NAME, b"t");
        let proto = match expression.and_then(Result::ok).map_or_else(statement, Ok) {
            Ok(proto) => proto,
            Err(error) if error.message().ends_with(END_MARK) => return Ok(Line::Incomplete(error.into_message())),
            Err(error) => return Err(error.into_message()),
        };
        let pushed = self.between(|call| {
            let globals = call.heap().roots().globals.get();
            let function = load_chunk(call.heap(), &proto, globals.into())?;
            push_traced(call, function.into(), &[])
        })?;
        let (at, count) = self.call_traced(pushed)?;
        if count > 1 {
            // `print` takes the place of what says that all is well, before the results.
            self.between(|call| {
                let print = global(call, b"print")?;
                call.set_register(at, print);
                Ok(())
            })?;
            let printed = self.call_registers((at, count - 1));
            printed.map_err(|error| [b"error calling 'print' (", &error[..], b")"].concat())?;
        }
        Ok(Line::Done)
    }

    /// Returns what stands before a line that is typed in: the value of `_PROMPT`, or of `_PROMPT2` before a further line.
    ///
    /// # Errors
    ///
    /// What `tostring` of the value raises.
    pub fn prompt(&mut self, is_first: bool) -> Result<Vec<u8>, Message> {
        let (name, default) = if is_first {
            (&b"_PROMPT"[..], &b"> "[..])
        } else {
            (&b"_PROMPT2"[..], &b">> "[..])
        };
        let pushed = self.between(|call| {
            let value = global(call, name)?;
            if value.is_nil() {
                return Ok(None);
            }
            let text = library::new_native(call.heap(), NativeFunction::Region(library::to_string), &[])?;
            call.push_call(text, &[value]).map(Some)
        })?;
        let Some(pushed) = pushed else {
            return Ok(default.to_vec());
        };
        let (at, _) = self.call_registers(pushed)?;
        self.between(|call| Ok(display_text(call.heap(), call.register(at)).into_owned()))
    }

    /// Reads a line of the standard input, without its end; nothing at the end.
    pub fn read_line(&mut self) -> Option<Vec<u8>> {
        let input = self.services().files.get(FileId::INPUT)?;
        input.read_line(false).ok().flatten()
    }

    /// Writes to the standard output, at once.
    pub fn write_output(&mut self, bytes: &[u8]) {
        if let Some(output) = self.services().files.get(FileId::OUTPUT) {
            // Who went away need not be told anything.
            let _ = output.write(bytes).and_then(|()| output.flush());
        }
    }

    /// Turns warnings on or off, as `warn("@on")` does.
    pub fn set_warnings(&mut self, are_on: bool) {
        self.services().are_warnings_on = are_on;
    }

    /// Calls what [`push_traced`] put into registers; returns them when all is well.
    fn call_traced(&mut self, pushed: (usize, usize)) -> Result<(usize, usize), Message> {
        let (at, count) = self.call_registers(pushed)?;
        self.between(|call| {
            if call.register(at).as_bool() == Some(true) {
                return Ok(Ok((at, count)));
            }
            let error = call.register(at + 1);
            Ok(Err(match error.type_of() {
                Type::String | Type::Number => display_text(call.heap(), error).into_owned(),
                _ => b"(error message not a string)".to_vec(),
            }))
        })?
    }
}

/// Puts a function and its arguments into registers, to be called under the message handler.
fn push_traced<'h>(call: &mut Call<'_, 'h>, function: Val<'h>, arguments: &[Val<'h>]) -> Result<(usize, usize), Throw> {
    let protected = library::new_native(call.heap(), NativeFunction::Region(library::xpcall), &[])?;
    let handler = library::new_native(call.heap(), NativeFunction::Region(handle_error), &[])?;
    let arguments = [&[function, handler], arguments].concat();
    call.push_call(protected, &arguments)
}

/// Returns what is in the table `arg` for the script.
fn script_arguments<'h>(call: &mut Call<'_, 'h>) -> Result<Vec<Val<'h>>, Throw> {
    match global(call, b"arg")?.cast::<Table>() {
        Some(table) => Ok((1..=border(table)).map(|index| table.get_int(index)).collect()),
        None => Err(call.error(b"'arg' is not a table")),
    }
}
