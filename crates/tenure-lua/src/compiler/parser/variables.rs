//! Names: which variable one means, and where it is.
//!
//! A name is looked for among the variables in scope, the innermost first, then among the function's upvalues, then in the enclosing
//! functions; found there, it becomes an upvalue of each function in between. A name found nowhere is a field of `_ENV`. The search is
//! linear in the variables in scope, of which a function has at most 200.

use super::super::error::SyntaxError;
use super::super::expression::{Expr, ExprKind, Literal};
use super::super::state::{Compiler, Result, Variable};
use super::super::symbols::Symbol;
use crate::bytecode::{LocalVariable, UpvalueDesc, VariableKind};

/// Variables in scope at once, of one function. Each has a register, and temporary values need some too.
const VARIABLES_MAX: usize = 200;
/// Upvalues of a function: what an instruction's operand can tell.
const UPVALUES_MAX: usize = 255;
/// Variables of all open functions together, and variables of one function's debug information.
const DECLARATIONS_MAX: usize = 32767;

impl Compiler<'_> {
    /// Declares a variable. Its scope begins later. Returns its number in the function.
    pub(super) fn declare_variable(&mut self, name: Symbol) -> Result<usize> {
        let number = self.variables.len() - self.function.first_variable;
        self.check_limit(
            self.function.proto.line_defined,
            number + 1,
            VARIABLES_MAX,
            "local variables",
        )?;
        if self.variables.len() + 2 > DECLARATIONS_MAX {
            return Err(too_many_declarations());
        }
        self.variables.push(Variable {
            name,
            kind: VariableKind::Regular,
            register: 0,
            debug_index: 0,
            value: Literal::Nil,
        });
        Ok(number)
    }

    pub(super) fn variable(&mut self, number: usize) -> &mut Variable {
        &mut self.variables[self.function.first_variable + number]
    }

    /// Begins the scope of the next `count` declared variables, in the next registers.
    pub(super) fn activate_variables(&mut self, count: usize) -> Result {
        let first = self.variable_registers();
        for offset in 0..count {
            let number = self.function.active_variables;
            let name = self.variable(number).name;
            let debug_index = self.add_debug_variable(name)?;
            self.function.active_variables += 1;
            let variable = self.variable(number);
            variable.register = first + offset as u8;
            variable.debug_index = debug_index;
        }
        Ok(())
    }

    fn add_debug_variable(&mut self, name: Symbol) -> Result<usize> {
        let name = self.lexer.symbols.bytes(name).clone();
        let start_pc = self.function.pc() as u32;
        let variables = &mut self.function.proto.local_variables;
        if variables.len() >= DECLARATIONS_MAX {
            return Err(too_many_declarations());
        }
        variables.push(LocalVariable {
            name: Some(name),
            start_pc,
            end_pc: 0,
        });
        Ok(variables.len() - 1)
    }

    /// Lets the scope of the innermost variable begin at the next instruction.
    pub(super) fn restart_scope(&mut self, number: usize) {
        let pc = self.function.pc() as u32;
        let index = self.variable(number).debug_index;
        self.function.proto.local_variables[index].start_pc = pc;
    }

    /// Ends the scopes of all variables but the `count` first ones. Their declarations stay.
    pub(super) fn deactivate_variables(&mut self, count: usize) {
        let pc = self.function.pc() as u32;
        while self.function.active_variables > count {
            self.function.active_variables -= 1;
            let variable = *self.variable(self.function.active_variables);
            if variable.kind != VariableKind::CompileTimeConstant {
                self.function.proto.local_variables[variable.debug_index].end_pc = pc;
            }
        }
    }

    /// NAME, as a variable.
    pub(super) fn named_variable(&mut self) -> Result<Expr> {
        let name = self.skip_name()?;
        let depth = self.enclosing.len();
        if let Some(kind) = self.find_variable(depth, name, true)? {
            return Ok(Expr::new(kind));
        }
        // The main function has the upvalue `_ENV`, so that name is always found.
        let environment = self.find_variable(depth, Symbol::ENV, true)?.unwrap_or(ExprKind::Nil);
        let mut e = Expr::new(environment);
        self.put_in_register_or_upvalue(&mut e)?;
        self.index(&mut e, Expr::new(ExprKind::String(name)))?;
        Ok(e)
    }

    /// Looks for a variable, from the function at `depth` outwards. `is_own` is false if a nested function asks.
    fn find_variable(&mut self, depth: usize, name: Symbol, is_own: bool) -> Result<Option<ExprKind>> {
        if let Some((number, variable)) = self.find_local(depth, name) {
            if variable.kind == VariableKind::CompileTimeConstant {
                let first = self.function_at(depth).first_variable;
                return Ok(Some(ExprKind::CompileTime(first + number)));
            }
            if !is_own {
                self.mark_upvalue(depth, number);
            }
            return Ok(Some(ExprKind::Local {
                register: variable.register,
                variable: number,
            }));
        }
        if let Some(index) = self
            .function_at(depth)
            .upvalue_names
            .iter()
            .position(|&upvalue| upvalue == name)
        {
            return Ok(Some(ExprKind::Upvalue(index as u8)));
        }
        let Some(outer) = depth.checked_sub(1) else {
            return Ok(None);
        };
        match self.find_variable(outer, name, false)? {
            Some(found @ (ExprKind::Local { .. } | ExprKind::Upvalue(_))) => {
                self.add_upvalue(depth, name, found).map(Some)
            }
            other => Ok(other),
        }
    }

    fn find_local(&mut self, depth: usize, name: Symbol) -> Option<(usize, Variable)> {
        let function = self.function_at(depth);
        let (first, count) = (function.first_variable, function.active_variables);
        let active = &self.variables[first..first + count];
        let number = active.iter().rposition(|variable| variable.name == name)?;
        Some((number, active[number]))
    }

    /// Notes that a nested function keeps a variable, so that its block must close it.
    fn mark_upvalue(&mut self, depth: usize, number: usize) {
        let function = self.function_at(depth);
        if let Some(block) = function
            .blocks
            .iter_mut()
            .rev()
            .find(|block| block.active_variables <= number)
        {
            block.has_upvalue = true;
        }
        function.needs_close = true;
    }

    /// Adds an upvalue to the function at `depth`: a variable or an upvalue of the function around it.
    fn add_upvalue(&mut self, depth: usize, name: Symbol, outer: ExprKind) -> Result<ExprKind> {
        let (in_stack, index, kind) = match outer {
            ExprKind::Local { register, variable } => {
                let first = self.function_at(depth - 1).first_variable;
                (true, register, self.variables[first + variable].kind)
            }
            ExprKind::Upvalue(index) => {
                let upvalue = &self.function_at(depth - 1).proto.upvalues[usize::from(index)];
                (false, index, upvalue.kind)
            }
            other => return Ok(other),
        };
        let bytes = self.lexer.symbols.bytes(name).clone();
        self.push_upvalue(
            depth,
            name,
            UpvalueDesc {
                name: Some(bytes),
                in_stack,
                index,
                kind,
            },
        )
    }

    pub(super) fn push_upvalue(&mut self, depth: usize, name: Symbol, upvalue: UpvalueDesc) -> Result<ExprKind> {
        let function = self.function_at(depth);
        let (line, count) = (function.proto.line_defined, function.proto.upvalues.len());
        self.check_limit(line, count + 1, UPVALUES_MAX, "upvalues")?;
        let function = self.function_at(depth);
        function.proto.upvalues.push(upvalue);
        function.upvalue_names.push(name);
        Ok(ExprKind::Upvalue(count as u8))
    }

    /// Refuses a variable that cannot be assigned to.
    pub(super) fn check_assignable(&mut self, e: &Expr) -> Result {
        let (name, kind) = match e.kind {
            ExprKind::CompileTime(index) => (self.variables[index].name, VariableKind::CompileTimeConstant),
            ExprKind::Local { variable, .. } => {
                let variable = self.variable(variable);
                (variable.name, variable.kind)
            }
            ExprKind::Upvalue(index) => {
                let index = usize::from(index);
                (
                    self.function.upvalue_names[index],
                    self.function.proto.upvalues[index].kind,
                )
            }
            _ => return Ok(()),
        };
        if kind == VariableKind::Regular {
            return Ok(());
        }
        let name = self.lexer.symbols.name(name);
        Err(self
            .lexer
            .semantic_error(&format!("attempt to assign to const variable '{name}'")))
    }
}

#[cold]
fn too_many_declarations() -> SyntaxError {
    SyntaxError::new(format!("too many local variables (limit is {DECLARATIONS_MAX})"))
}
