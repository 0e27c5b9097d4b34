//! Expressions.
//!
//! Operators are parsed by precedence climbing: an operand takes to itself all operators that bind tighter than what stands before it.
//! One table of priorities replaces a rule per level. An expression's code is emitted as it is read; what its value will be used for is
//! known only afterwards, so rules return descriptions.

use super::super::expression::{Expr, ExprKind};
use super::super::generator::{BinaryOperator, UnaryOperator};
use super::super::state::{Compiler, Result};
use super::super::token::Token;
use crate::bytecode::Opcode;

/// The priority of prefix operators: only `^` binds tighter.
const PREFIX_PRIORITY: u8 = 12;

/// How tight an operator binds to its left and to its right. A right-associative one binds tighter to the left.
fn priority(operator: BinaryOperator) -> (u8, u8) {
    use BinaryOperator as Op;
    match operator {
        Op::Or => (1, 1),
        Op::And => (2, 2),
        Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => (3, 3),
        Op::BitOr => (4, 4),
        Op::BitXor => (5, 5),
        Op::BitAnd => (6, 6),
        Op::ShiftLeft | Op::ShiftRight => (7, 7),
        Op::Concat => (9, 8),
        Op::Add | Op::Subtract => (10, 10),
        Op::Multiply | Op::Divide | Op::FloorDivide | Op::Modulo => (11, 11),
        Op::Power => (14, 13),
    }
}

fn unary_operator(token: Token) -> Option<UnaryOperator> {
    Some(match token {
        Token::Not => UnaryOperator::Not,
        Token::Byte(b'-') => UnaryOperator::Minus,
        Token::Byte(b'~') => UnaryOperator::BitNot,
        Token::Byte(b'#') => UnaryOperator::Length,
        _ => return None,
    })
}

fn binary_operator(token: Token) -> Option<BinaryOperator> {
    use BinaryOperator as Op;
    Some(match token {
        Token::Byte(b'+') => Op::Add,
        Token::Byte(b'-') => Op::Subtract,
        Token::Byte(b'*') => Op::Multiply,
        Token::Byte(b'%') => Op::Modulo,
        Token::Byte(b'^') => Op::Power,
        Token::Byte(b'/') => Op::Divide,
        Token::FloorDivide => Op::FloorDivide,
        Token::Byte(b'&') => Op::BitAnd,
        Token::Byte(b'|') => Op::BitOr,
        Token::Byte(b'~') => Op::BitXor,
        Token::ShiftLeft => Op::ShiftLeft,
        Token::ShiftRight => Op::ShiftRight,
        Token::Concat => Op::Concat,
        Token::Equal => Op::Equal,
        Token::Byte(b'<') => Op::Less,
        Token::LessEqual => Op::LessEqual,
        Token::NotEqual => Op::NotEqual,
        Token::Byte(b'>') => Op::Greater,
        Token::GreaterEqual => Op::GreaterEqual,
        Token::And => Op::And,
        Token::Or => Op::Or,
        _ => return None,
    })
}

impl Compiler<'_> {
    /// expr -> subexpr
    pub(super) fn expression(&mut self) -> Result<Expr> {
        Ok(self.operators_above(0)?.0)
    }

    /// subexpr -> (simpleexp | unop subexpr) { binop subexpr }, as long as operators bind tighter than `limit`.
    ///
    /// Returns the first operator that does not, too.
    fn operators_above(&mut self, limit: u8) -> Result<(Expr, Option<BinaryOperator>)> {
        self.enter_level()?;
        let mut e = if let Some(operator) = unary_operator(self.token()) {
            let line = self.lexer.line;
            self.next()?;
            let (mut e, _) = self.operators_above(PREFIX_PRIORITY)?;
            self.prefix(operator, &mut e, line)?;
            e
        } else {
            self.simple_expression()?
        };
        let mut next = binary_operator(self.token());
        while let Some(operator) = next
            && priority(operator).0 > limit
        {
            let line = self.lexer.line;
            self.next()?;
            self.infix(operator, &mut e)?;
            let (second, following) = self.operators_above(priority(operator).1)?;
            self.postfix(operator, &mut e, second, line)?;
            next = following;
        }
        self.leave_level();
        Ok((e, next))
    }

    /// simpleexp -> FLOAT | INTEGER | STRING | NIL | TRUE | FALSE | '...' | constructor | FUNCTION body | suffixedexp
    fn simple_expression(&mut self) -> Result<Expr> {
        let kind = match self.token() {
            Token::Float(value) => ExprKind::Float(value),
            Token::Integer(value) => ExprKind::Integer(value),
            Token::String(symbol) => ExprKind::String(symbol),
            Token::Nil => ExprKind::Nil,
            Token::True => ExprKind::True,
            Token::False => ExprKind::False,
            Token::Dots => {
                if !self.function.proto.is_vararg {
                    return Err(self.lexer.syntax_error("cannot use '...' outside a vararg function"));
                }
                ExprKind::VarArg(self.emit_abc(Opcode::VarArg, 0, 0, 1))
            }
            Token::Byte(b'{') => return self.constructor(),
            Token::Function => {
                self.next()?;
                return self.function_body(false, self.lexer.line);
            }
            _ => return self.suffixed_expression(),
        };
        self.next()?;
        Ok(Expr::new(kind))
    }

    /// primaryexp -> NAME | '(' expr ')'
    fn primary_expression(&mut self) -> Result<Expr> {
        match self.token() {
            Token::Byte(b'(') => {
                let line = self.lexer.line;
                self.next()?;
                let mut e = self.expression()?;
                self.skip_closing(Token::Byte(b')'), Token::Byte(b'('), line)?;
                self.discharge_variable(&mut e);
                Ok(e)
            }
            Token::Name(_) => self.named_variable(),
            _ => Err(self.lexer.syntax_error("unexpected symbol")),
        }
    }

    /// suffixedexp -> primaryexp { '.' NAME | '[' expr ']' | ':' NAME funcargs | funcargs }
    pub(super) fn suffixed_expression(&mut self) -> Result<Expr> {
        let mut e = self.primary_expression()?;
        loop {
            match self.token() {
                Token::Byte(b'.') => self.field(&mut e)?,
                Token::Byte(b'[') => {
                    self.put_in_register_or_upvalue(&mut e)?;
                    let key = self.bracketed_key()?;
                    self.index(&mut e, key)?;
                }
                Token::Byte(b':') => {
                    self.next()?;
                    let key = self.name_as_string()?;
                    self.index_method(&mut e, key)?;
                    self.arguments(&mut e)?;
                }
                Token::Byte(b'(' | b'{') | Token::String(_) => {
                    self.put_in_next_register(&mut e)?;
                    self.arguments(&mut e)?;
                }
                _ => return Ok(e),
            }
        }
    }

    /// ['.' | ':'] NAME
    pub(super) fn field(&mut self, e: &mut Expr) -> Result {
        self.put_in_register_or_upvalue(e)?;
        self.next()?;
        let key = self.name_as_string()?;
        self.index(e, key)
    }

    /// '[' expr ']'
    pub(super) fn bracketed_key(&mut self) -> Result<Expr> {
        self.next()?;
        let mut key = self.expression()?;
        self.make_value(&mut key)?;
        self.skip(Token::Byte(b']'))?;
        Ok(key)
    }

    pub(super) fn name_as_string(&mut self) -> Result<Expr> {
        Ok(Expr::new(ExprKind::String(self.skip_name()?)))
    }

    /// explist -> expr { ',' expr }
    ///
    /// All but the last are in registers. Returns the last, and how many there are.
    pub(super) fn expression_list(&mut self) -> Result<(Expr, usize)> {
        let mut count = 1;
        let mut e = self.expression()?;
        while self.skip_if(Token::Byte(b','))? {
            self.put_in_next_register(&mut e)?;
            e = self.expression()?;
            count += 1;
        }
        Ok((e, count))
    }

    /// funcargs -> '(' [ explist ] ')' | constructor | STRING
    ///
    /// The function is in a register, and arguments go to those behind it.
    fn arguments(&mut self, e: &mut Expr) -> Result {
        let line = self.lexer.line;
        let mut last = match self.token() {
            Token::Byte(b'(') => {
                self.next()?;
                let mut last = Expr::new(ExprKind::Void);
                if self.token() != Token::Byte(b')') {
                    last = self.expression_list()?.0;
                    if last.is_multiple() {
                        self.set_all_results(&last)?;
                    }
                }
                self.skip_closing(Token::Byte(b')'), Token::Byte(b'('), line)?;
                last
            }
            Token::Byte(b'{') => self.constructor()?,
            Token::String(symbol) => {
                self.next()?;
                Expr::new(ExprKind::String(symbol))
            }
            _ => return Err(self.lexer.syntax_error("function arguments expected")),
        };
        let ExprKind::Register(base) = e.kind else {
            return Ok(());
        };
        let b = if last.is_multiple() {
            0
        } else {
            if last.kind != ExprKind::Void {
                self.put_in_next_register(&mut last)?;
            }
            self.function.free_register - base
        };
        *e = Expr::new(ExprKind::Call(self.emit_abc(Opcode::Call, base, b, 2)));
        self.fix_line(line);
        // The call leaves its first result where the function was.
        self.function.free_register = base + 1;
        Ok(())
    }
}
