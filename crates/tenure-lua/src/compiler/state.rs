//! What the compiler knows while it reads: the function at hand, the functions around it, and the names in scope.
//!
//! Variables, labels and pending `goto`s of all open functions lie in one list each; a function and a block remember where theirs begin,
//! so leaving a scope is cutting a list. The struct has no behavior of its own: `parser` and `generator` give it theirs.

use super::error::SyntaxError;
use super::expression::{JumpList, Literal};
use super::generator::LineRecorder;
use super::lexer::Lexer;
use super::symbols::Symbol;
use crate::bytecode::{Bytes, Proto, VariableKind};
use std::collections::HashMap;
use std::sync::Arc;

/// What most steps of the compiler return.
pub(crate) type Result<T = ()> = std::result::Result<T, SyntaxError>;

/// The compiler of one chunk.
#[derive(Debug)]
pub(crate) struct Compiler<'s> {
    pub(crate) lexer: Lexer<'s>,
    /// The function that is being compiled.
    pub(crate) function: Function,
    /// The functions around it, the main function first.
    pub(crate) enclosing: Vec<Function>,
    /// Declared variables, of all open functions.
    pub(crate) variables: Vec<Variable>,
    /// Labels in scope, of all open functions.
    pub(crate) labels: Vec<Label>,
    /// Jumps whose labels have not been seen yet.
    pub(crate) gotos: Vec<Goto>,
    /// Where constants are in the tables that they were added to last. A hint: another function may have that table.
    pub(crate) constant_places: HashMap<Literal, usize>,
    /// How deeply constructs are nested.
    pub(crate) level: usize,
    pub(crate) source_name: Bytes,
}

/// A function that is being compiled.
#[derive(Debug, Default)]
pub(crate) struct Function {
    /// Code, upvalues, debug information. Lines and constants are added when the function is complete.
    pub(crate) proto: Proto,
    pub(crate) lines: LineRecorder,
    pub(crate) constants: Vec<Literal>,
    pub(crate) upvalue_names: Vec<Symbol>,
    /// Open blocks, the body first.
    pub(crate) blocks: Vec<Block>,
    /// The last position that a jump may lead to. Instructions before it are not to be merged with those behind.
    pub(crate) last_target: usize,
    /// Where the function's variables begin.
    pub(crate) first_variable: usize,
    /// Where the function's labels begin.
    pub(crate) first_label: usize,
    /// How many variables are in scope. More may be declared: the scope of `x` in `local x = x` begins behind the statement.
    pub(crate) active_variables: usize,
    /// The first register that is not in use.
    pub(crate) free_register: u8,
    /// Whether returning must close upvalues or variables.
    pub(crate) needs_close: bool,
}

impl Function {
    /// The position of the next instruction.
    pub(crate) fn pc(&self) -> usize {
        self.proto.code.len()
    }
}

/// A block whose end has not been seen yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Where the labels of the block begin.
    pub(crate) first_label: usize,
    /// Where pending `goto`s of the block begin.
    pub(crate) first_goto: usize,
    /// How many variables were in scope outside.
    pub(crate) active_variables: usize,
    /// Whether some variable of the block is an upvalue of a nested function, or is to be closed.
    pub(crate) has_upvalue: bool,
    pub(crate) is_loop: bool,
    /// Whether it lies in the scope of a variable to be closed, where calls cannot be tail calls.
    pub(crate) inside_to_be_closed: bool,
}

/// A declared local variable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Symbol,
    pub(crate) kind: VariableKind,
    pub(crate) register: u8,
    /// Its place among the prototype's local variables.
    pub(crate) debug_index: usize,
    /// Its value, for a compile-time constant.
    pub(crate) value: Literal,
}

/// A label that can be jumped back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) name: Symbol,
    pub(crate) line: u32,
    pub(crate) pc: usize,
    pub(crate) active_variables: usize,
}

/// A `goto` or `break` whose label has not been seen yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goto {
    pub(crate) name: Symbol,
    pub(crate) line: u32,
    pub(crate) jumps: JumpList,
    pub(crate) active_variables: usize,
    /// Whether it leaves the scope of an upvalue.
    pub(crate) needs_close: bool,
}

impl<'s> Compiler<'s> {
    pub(crate) fn new(source: &'s [u8], chunk_name: &[u8]) -> Self {
        Self {
            lexer: Lexer::new(source, chunk_name),
            function: Function::default(),
            enclosing: Vec::new(),
            variables: Vec::new(),
            labels: Vec::new(),
            gotos: Vec::new(),
            constant_places: HashMap::new(),
            level: 0,
            source_name: Arc::from(chunk_name),
        }
    }

    /// The function at a depth of nesting: 0 is the main function.
    pub(crate) fn function_at(&mut self, depth: usize) -> &mut Function {
        self.enclosing.get_mut(depth).unwrap_or(&mut self.function)
    }
}
