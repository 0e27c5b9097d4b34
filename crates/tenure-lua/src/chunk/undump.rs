//! Bytes to prototypes.
//!
//! A reader that never takes the input's word: before a list is read its length is compared with what is left of the input, so no more
//! is allocated than a small multiple of the input, and functions may nest only as deeply as the compiler nests them. What is read is
//! verified before it is given away. Bytes behind the chunk are not looked at.

use super::format::{self, LAST_BYTE};
use super::verify::verify;
use crate::bytecode::{
    AbsoluteLine, Bytes, Constant, Instruction, LineInfo, LocalVariable, Proto, UpvalueDesc, VariableKind,
};
use crate::compiler::{MAX_LEVELS, SyntaxError};
use std::sync::Arc;

/// Reads a binary chunk. `chunk_name` is for messages only: the functions' names are in the chunk.
///
/// # Errors
/// `bad binary format`, and what is bad: the input is no chunk, ends early, or holds code that the verifier refuses.
pub fn undump(bytes: &[u8], chunk_name: &[u8]) -> Result<Proto, SyntaxError> {
    let mut reader = Reader { rest: bytes, level: 0 };
    reader.chunk().map_err(|why| {
        let name = match chunk_name {
            [b'@' | b'=', rest @ ..] => rest,
            [first, ..] if *first == format::SIGNATURE[0] => b"binary string",
            name => name,
        };
        SyntaxError::new([name, b": bad binary format (", why.as_bytes(), b")"].concat())
    })
}

type Read<T> = Result<T, String>;

struct Reader<'a> {
    rest: &'a [u8],
    level: usize,
}

impl<'a> Reader<'a> {
    fn chunk(&mut self) -> Read<Proto> {
        self.header()?;
        let upvalue_count = self.byte()?;
        let proto = self.function(None)?;
        if proto.upvalues.len() != usize::from(upvalue_count) {
            return Err("number of upvalues mismatch".to_string());
        }
        verify(&proto).map_err(|invalid| invalid.to_string())?;
        Ok(proto)
    }

    fn header(&mut self) -> Read<()> {
        self.literal(format::SIGNATURE, "not a binary chunk")?;
        self.literal(&[format::VERSION], "version mismatch")?;
        self.literal(&[format::FORMAT], "format mismatch")?;
        self.literal(format::DAMAGE_CHECK, "corrupted chunk")?;
        for (bytes, name) in format::SIZES_BYTES {
            self.literal(&[bytes], &format!("{name} size mismatch"))?;
        }
        self.literal(&format::INTEGER_CHECK.to_le_bytes(), "integer format mismatch")?;
        self.literal(&format::FLOAT_CHECK.to_le_bytes(), "float format mismatch")
    }

    fn function(&mut self, outer_source: Option<&Bytes>) -> Read<Proto> {
        self.level += 1;
        if self.level > MAX_LEVELS {
            return Err("functions nest too deeply".to_string());
        }
        let source = self.string()?.or_else(|| outer_source.cloned());
        let line_defined = self.small_number()?;
        let last_line_defined = self.small_number()?;
        let parameter_count = self.byte()?;
        let is_vararg = self.flag()?;
        let max_stack_size = self.byte()?;
        let code = self.list(4, |reader| {
            Ok(Instruction::from_bits(u32::from_le_bytes(reader.array()?)))
        })?;
        let constants = self.list(1, Self::constant)?;
        let mut upvalues = self.list(3, Self::upvalue)?;
        let protos = self.list(1, |reader| reader.function(source.as_ref()).map(Arc::new))?;
        let deltas = self.list(1, |reader| Ok(reader.byte()? as i8))?;
        let absolute = self.list(2, |reader| {
            Ok(AbsoluteLine {
                pc: reader.small_number()?,
                line: reader.small_number()?,
            })
        })?;
        let local_variables = self.list(3, |reader| {
            Ok(LocalVariable {
                name: reader.string()?,
                start_pc: reader.small_number()?,
                end_pc: reader.small_number()?,
            })
        })?;
        self.upvalue_names(&mut upvalues)?;
        self.level -= 1;
        Ok(Proto {
            parameter_count,
            is_vararg,
            max_stack_size,
            line_defined,
            last_line_defined,
            code,
            constants,
            upvalues,
            protos,
            line_info: LineInfo { deltas, absolute },
            local_variables,
            source,
        })
    }

    fn constant(&mut self) -> Read<Constant> {
        match self.byte()? {
            format::NIL => Ok(Constant::Nil),
            format::FALSE => Ok(Constant::False),
            format::TRUE => Ok(Constant::True),
            format::INTEGER => Ok(Constant::Integer(i64::from_le_bytes(self.array()?))),
            format::FLOAT => Ok(Constant::Float(f64::from_le_bytes(self.array()?))),
            format::SHORT_STRING | format::LONG_STRING => {
                let string = self.string()?.ok_or("bad format for constant string")?;
                Ok(Constant::String(string))
            }
            other => Err(format!("unknown kind {other:#04x} of constant")),
        }
    }

    fn upvalue(&mut self) -> Read<UpvalueDesc> {
        let in_stack = self.flag()?;
        let index = self.byte()?;
        let kind = VariableKind::from_number(self.byte()?).ok_or("unknown kind of upvalue")?;
        Ok(UpvalueDesc {
            name: None,
            in_stack,
            index,
            kind,
        })
    }

    fn upvalue_names(&mut self, upvalues: &mut [UpvalueDesc]) -> Read<()> {
        let count = self.small_number()? as usize;
        if count == 0 {
            return Ok(());
        }
        if count != upvalues.len() {
            return Err("number of upvalue names mismatch".to_string());
        }
        for upvalue in upvalues {
            upvalue.name = self.string()?;
        }
        Ok(())
    }

    /// A list behind its length. Each item takes at least `item_bytes`, so a length that the rest cannot hold is refused at once.
    fn list<T>(&mut self, item_bytes: usize, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.small_number()? as usize;
        if count > self.rest.len() / item_bytes {
            return Err(truncated());
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn string(&mut self) -> Read<Option<Bytes>> {
        let Some(length) = self.number(usize::MAX)?.checked_sub(1) else {
            return Ok(None);
        };
        self.take(length).map(|bytes| Some(Arc::from(bytes)))
    }

    fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("{other} where 0 or 1 must be")),
        }
    }

    /// A number of at most 31 bits.
    fn small_number(&mut self) -> Read<u32> {
        Ok(self.number(i32::MAX as usize)? as u32)
    }

    fn number(&mut self, max: usize) -> Read<usize> {
        let mut number: usize = 0;
        loop {
            let byte = self.byte()?;
            if number >= max >> 7 {
                return Err("integer overflow".to_string());
            }
            number = number << 7 | usize::from(byte & !LAST_BYTE);
            if byte & LAST_BYTE != 0 {
                return Ok(number);
            }
        }
    }

    fn literal(&mut self, expected: &[u8], message: &str) -> Read<()> {
        if self.take(expected.len())? == expected {
            Ok(())
        } else {
            Err(message.to_string())
        }
    }

    fn byte(&mut self) -> Read<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (first, rest) = self.rest.split_at_checked(length).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(first)
    }
}

fn truncated() -> String {
    "truncated chunk".to_string()
}
