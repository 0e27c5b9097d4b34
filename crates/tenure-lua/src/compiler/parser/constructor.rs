//! Table constructors.
//!
//! The instruction that makes the table is emitted first, and gets its sizes when the closing brace was read. Items of the list part
//! wait in registers and are stored fifty at a time; the last waits longer, since a call or `...` at the end gives all its values.

use super::super::expression::{Expr, ExprKind};
use super::super::generator::LIST_ITEMS_PER_STORE;
use super::super::state::{Compiler, Result};
use super::super::token::Token;
use crate::bytecode::{Instruction, Opcode};

/// A constructor that is being read.
struct Constructor {
    table: u8,
    /// The last item of the list part, not in a register yet; or none.
    last_item: Expr,
    /// Items of the list part that are stored.
    stored: usize,
    /// Items of the list part that are not.
    waiting: usize,
    /// Fields with keys.
    keyed: usize,
}

const ITEMS_MAX: usize = i32::MAX as usize / 2;

impl Compiler<'_> {
    /// constructor -> '{' [ field { sep field } [sep] ] '}', sep -> ',' | ';'
    pub(super) fn constructor(&mut self) -> Result<Expr> {
        let line = self.lexer.line;
        let pc = self.emit_abc(Opcode::NewTable, 0, 0, 0);
        self.emit(Instruction::from_ax(Opcode::ExtraArg, 0));
        let table = self.function.free_register;
        self.reserve_registers(1)?;
        let last_item = Expr::new(ExprKind::Void);
        let mut constructor = Constructor {
            table,
            last_item,
            stored: 0,
            waiting: 0,
            keyed: 0,
        };
        self.skip(Token::Byte(b'{'))?;
        while self.token() != Token::Byte(b'}') {
            self.store_full_list(&mut constructor)?;
            self.constructor_field(&mut constructor)?;
            let items = constructor.stored + constructor.waiting + constructor.keyed;
            self.check_limit(
                self.function.proto.line_defined,
                items,
                ITEMS_MAX,
                "items in a constructor",
            )?;
            if !self.skip_if(Token::Byte(b','))? && !self.skip_if(Token::Byte(b';'))? {
                break;
            }
        }
        self.skip_closing(Token::Byte(b'}'), Token::Byte(b'{'), line)?;
        self.store_last_items(&mut constructor)?;
        self.set_table_size(pc, table, constructor.stored, constructor.keyed);
        Ok(Expr::new(ExprKind::Register(table)))
    }

    /// field -> NAME '=' expr | '[' expr ']' '=' expr | expr
    fn constructor_field(&mut self, constructor: &mut Constructor) -> Result {
        let is_keyed = match self.token() {
            Token::Name(_) => self.lexer.look_ahead()? == Token::Byte(b'='),
            Token::Byte(b'[') => true,
            _ => false,
        };
        if is_keyed {
            return self.keyed_field(constructor);
        }
        constructor.last_item = self.expression()?;
        constructor.waiting += 1;
        Ok(())
    }

    fn keyed_field(&mut self, constructor: &mut Constructor) -> Result {
        let free = self.function.free_register;
        let key = if let Token::Name(_) = self.token() {
            self.name_as_string()?
        } else {
            self.bracketed_key()?
        };
        constructor.keyed += 1;
        self.skip(Token::Byte(b'='))?;
        let mut field = Expr::new(ExprKind::Register(constructor.table));
        self.index(&mut field, key)?;
        let mut value = self.expression()?;
        self.store(&field, &mut value)?;
        self.function.free_register = free;
        Ok(())
    }

    /// Brings the last item into a register, and stores the items when enough wait.
    fn store_full_list(&mut self, constructor: &mut Constructor) -> Result {
        if constructor.last_item.kind == ExprKind::Void {
            return Ok(());
        }
        self.put_in_next_register(&mut constructor.last_item)?;
        constructor.last_item.kind = ExprKind::Void;
        if constructor.waiting == LIST_ITEMS_PER_STORE {
            self.emit_set_list(constructor.table, constructor.stored, Some(constructor.waiting as u8));
            constructor.stored += constructor.waiting;
            constructor.waiting = 0;
        }
        Ok(())
    }

    fn store_last_items(&mut self, constructor: &mut Constructor) -> Result {
        if constructor.waiting == 0 {
            return Ok(());
        }
        if constructor.last_item.is_multiple() {
            self.set_all_results(&constructor.last_item)?;
            self.emit_set_list(constructor.table, constructor.stored, None);
            // How many the last one gives is not known.
            constructor.stored += constructor.waiting - 1;
            return Ok(());
        }
        if constructor.last_item.kind != ExprKind::Void {
            self.put_in_next_register(&mut constructor.last_item)?;
        }
        self.emit_set_list(constructor.table, constructor.stored, Some(constructor.waiting as u8));
        constructor.stored += constructor.waiting;
        Ok(())
    }
}
