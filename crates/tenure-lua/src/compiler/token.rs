//! The words of the language.
//!
//! A token is a number or two; names and strings are symbols. Symbols of one character stand for themselves, so a byte that begins no
//! token of Lua is a token that no rule of the grammar accepts. What a token looked like in the source is the lexer's knowledge.

use super::symbols::Symbol;

/// A token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token {
    /// A symbol of one character, or a byte that is no part of the language.
    Byte(u8),
    And,
    Break,
    Do,
    Else,
    ElseIf,
    End,
    False,
    For,
    Function,
    Goto,
    If,
    In,
    Local,
    Nil,
    Not,
    Or,
    Repeat,
    Return,
    Then,
    True,
    Until,
    While,
    /// `//`
    FloorDivide,
    /// `..`
    Concat,
    /// `...`
    Dots,
    /// `==`
    Equal,
    /// `>=`
    GreaterEqual,
    /// `<=`
    LessEqual,
    /// `~=`
    NotEqual,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `::`
    DoubleColon,
    EndOfSource,
    Float(f64),
    Integer(i64),
    Name(Symbol),
    String(Symbol),
}

/// The reserved words, in the order of their symbols.
pub(crate) const RESERVED_WORDS: [(&str, Token); 22] = [
    ("and", Token::And),
    ("break", Token::Break),
    ("do", Token::Do),
    ("else", Token::Else),
    ("elseif", Token::ElseIf),
    ("end", Token::End),
    ("false", Token::False),
    ("for", Token::For),
    ("function", Token::Function),
    ("goto", Token::Goto),
    ("if", Token::If),
    ("in", Token::In),
    ("local", Token::Local),
    ("nil", Token::Nil),
    ("not", Token::Not),
    ("or", Token::Or),
    ("repeat", Token::Repeat),
    ("return", Token::Return),
    ("then", Token::Then),
    ("true", Token::True),
    ("until", Token::Until),
    ("while", Token::While),
];

impl Token {
    /// How messages speak of the token, whatever its text.
    pub(crate) fn describe(self) -> String {
        let fixed = match self {
            Self::Byte(byte) if (b' '..=b'~').contains(&byte) => return format!("'{}'", char::from(byte)),
            Self::Byte(byte) => return format!("'<\\{byte}>'"),
            Self::EndOfSource => return "<eof>".to_string(),
            Self::Float(_) => return "<number>".to_string(),
            Self::Integer(_) => return "<integer>".to_string(),
            Self::Name(_) => return "<name>".to_string(),
            Self::String(_) => return "<string>".to_string(),
            Self::FloorDivide => "//",
            Self::Concat => "..",
            Self::Dots => "...",
            Self::Equal => "==",
            Self::GreaterEqual => ">=",
            Self::LessEqual => "<=",
            Self::NotEqual => "~=",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
            Self::DoubleColon => "::",
            word => RESERVED_WORDS
                .iter()
                .find(|(_, token)| *token == word)
                .map_or("?", |(text, _)| *text),
        };
        format!("'{fixed}'")
    }
}
