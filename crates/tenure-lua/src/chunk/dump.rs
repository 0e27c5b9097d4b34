//! Prototypes to bytes.
//!
//! One walk over the prototype and those nested in it. The source's name is written once, for the outermost one. Without debug
//! information names, lines and variables are left out, and messages at run time will say `?` where they would have said more.

use super::format::{self, LAST_BYTE};
use crate::bytecode::{Bytes, Constant, Proto};

/// Writes a function as a binary chunk; `strip` leaves out debug information. Linear in what it writes.
pub fn dump(proto: &Proto, strip: bool) -> Vec<u8> {
    let mut dumper = Dumper {
        bytes: Vec::new(),
        strip,
    };
    dumper.header();
    dumper.bytes.push(proto.upvalues.len() as u8);
    dumper.function(proto, None);
    dumper.bytes
}

struct Dumper {
    bytes: Vec<u8>,
    strip: bool,
}

impl Dumper {
    fn header(&mut self) {
        self.bytes.extend_from_slice(format::SIGNATURE);
        self.bytes.extend_from_slice(&[format::VERSION, format::FORMAT]);
        self.bytes.extend_from_slice(format::DAMAGE_CHECK);
        self.bytes.extend(format::SIZES_BYTES.map(|(bytes, _)| bytes));
        self.bytes.extend_from_slice(&format::INTEGER_CHECK.to_le_bytes());
        self.bytes.extend_from_slice(&format::FLOAT_CHECK.to_le_bytes());
    }

    fn function(&mut self, proto: &Proto, outer_source: Option<&Bytes>) {
        let source = proto
            .source
            .as_ref()
            .filter(|&source| !self.strip && outer_source != Some(source));
        self.string(source.map(|source| &**source));
        self.number(proto.line_defined as usize);
        self.number(proto.last_line_defined as usize);
        self.bytes
            .extend_from_slice(&[proto.parameter_count, u8::from(proto.is_vararg), proto.max_stack_size]);
        self.number(proto.code.len());
        for instruction in &proto.code {
            self.bytes.extend_from_slice(&instruction.bits().to_le_bytes());
        }
        self.number(proto.constants.len());
        for constant in &proto.constants {
            self.constant(constant);
        }
        self.number(proto.upvalues.len());
        for upvalue in &proto.upvalues {
            self.bytes
                .extend_from_slice(&[u8::from(upvalue.in_stack), upvalue.index, upvalue.kind as u8]);
        }
        self.number(proto.protos.len());
        for nested in &proto.protos {
            self.function(nested, proto.source.as_ref());
        }
        if self.strip {
            // No lines, no absolute lines, no local variables, no names of upvalues.
            (0..4).for_each(|_| self.number(0));
        } else {
            self.debug_information(proto);
        }
    }

    fn debug_information(&mut self, proto: &Proto) {
        self.number(proto.line_info.deltas.len());
        self.bytes
            .extend(proto.line_info.deltas.iter().map(|&delta| delta as u8));
        self.number(proto.line_info.absolute.len());
        for entry in &proto.line_info.absolute {
            self.number(entry.pc as usize);
            self.number(entry.line as usize);
        }
        self.number(proto.local_variables.len());
        for variable in &proto.local_variables {
            self.string(variable.name.as_deref());
            self.number(variable.start_pc as usize);
            self.number(variable.end_pc as usize);
        }
        self.number(proto.upvalues.len());
        for upvalue in &proto.upvalues {
            self.string(upvalue.name.as_deref());
        }
    }

    fn constant(&mut self, constant: &Constant) {
        match constant {
            Constant::Nil => self.bytes.push(format::NIL),
            Constant::False => self.bytes.push(format::FALSE),
            Constant::True => self.bytes.push(format::TRUE),
            Constant::Integer(value) => {
                self.bytes.push(format::INTEGER);
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            Constant::Float(value) => {
                self.bytes.push(format::FLOAT);
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            Constant::String(bytes) => {
                let is_short = bytes.len() <= format::SHORT_STRING_BYTES_MAX;
                self.bytes.push(if is_short {
                    format::SHORT_STRING
                } else {
                    format::LONG_STRING
                });
                self.string(Some(bytes));
            }
        }
    }

    /// A string behind its length plus one, or a zero.
    fn string(&mut self, string: Option<&[u8]>) {
        self.number(string.map_or(0, |string| string.len() + 1));
        self.bytes.extend_from_slice(string.unwrap_or_default());
    }

    fn number(&mut self, number: usize) {
        let bits = usize::BITS - number.leading_zeros();
        for group in (0..bits.div_ceil(7).max(1)).rev() {
            let byte = (number >> (7 * group)) as u8 & !LAST_BYTE;
            self.bytes.push(if group == 0 { byte | LAST_BYTE } else { byte });
        }
    }
}
