//! The grammar, by recursive descent.
//!
//! One method per rule, with its rule above it. A rule takes tokens, and has code emitted for what it has understood so far; only in
//! table constructors does it look one token further. Blocks and variables are entered and left as their tokens are met. Linear in the
//! number of tokens. The first error ends everything: nothing is repaired.

mod assignment;
mod blocks;
mod constructor;
mod expressions;
mod functions;
mod labels;
mod loops;
mod statements;
mod variables;

use super::MAX_LEVELS;
use super::error::SyntaxError;
use super::state::{Compiler, Result};
use super::symbols::Symbol;
use super::token::Token;

impl Compiler<'_> {
    fn token(&self) -> Token {
        self.lexer.token
    }

    fn next(&mut self) -> Result {
        self.lexer.next()
    }

    /// Goes to the next token if the current one is `token`.
    fn skip_if(&mut self, token: Token) -> Result<bool> {
        let matches = self.token() == token;
        if matches {
            self.next()?;
        }
        Ok(matches)
    }

    /// Demands that the current token is `token`.
    fn expect(&self, token: Token) -> Result {
        if self.token() == token {
            Ok(())
        } else {
            Err(self.expected(token))
        }
    }

    /// Demands `token`, and goes to the next one.
    fn skip(&mut self, token: Token) -> Result {
        self.expect(token)?;
        self.next()
    }

    /// Demands the token that ends what `opening` began in `line`.
    fn skip_closing(&mut self, closing: Token, opening: Token, line: u32) -> Result {
        if self.skip_if(closing)? {
            return Ok(());
        }
        if line == self.lexer.line {
            return Err(self.expected(closing));
        }
        let (closing, opening) = (closing.describe(), opening.describe());
        Err(self
            .lexer
            .syntax_error(&format!("{closing} expected (to close {opening} at line {line})")))
    }

    /// Demands a name, and goes to the next token.
    fn skip_name(&mut self) -> Result<Symbol> {
        let Token::Name(name) = self.token() else {
            return Err(self.lexer.syntax_error("<name> expected"));
        };
        self.next()?;
        Ok(name)
    }

    #[cold]
    fn expected(&self, token: Token) -> SyntaxError {
        self.lexer.syntax_error(&format!("{} expected", token.describe()))
    }

    /// Enters a construct that may contain itself. The native stack grows by as much each time.
    fn enter_level(&mut self) -> Result {
        self.level += 1;
        // The reference implementation counts native calls, of which the parser's are only some: hence the message, and no position.
        if self.level >= MAX_LEVELS {
            Err(SyntaxError::new("C stack overflow"))
        } else {
            Ok(())
        }
    }

    fn leave_level(&mut self) {
        self.level -= 1;
    }

    /// Refuses a number of things above what the current function may have.
    fn check_limit(&self, line_defined: u32, count: usize, limit: usize, what: &str) -> Result {
        if count <= limit {
            return Ok(());
        }
        let place = match line_defined {
            0 => "main function".to_string(),
            line => format!("function at line {line}"),
        };
        Err(self
            .lexer
            .syntax_error(&format!("too many {what} (limit is {limit}) in {place}")))
    }

    /// Whether the current token ends a block. `until` does too, but not the scope of the block's variables.
    fn at_block_end(&self, with_until: bool) -> bool {
        match self.token() {
            Token::Else | Token::ElseIf | Token::End | Token::EndOfSource => true,
            Token::Until => with_until,
            _ => false,
        }
    }
}
