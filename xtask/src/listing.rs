//! x86-64 assembly listings, in AT&T or Intel syntax, and the length of a function's fast path.
//!
//! The fast path is the longest way from the entry to a `ret` that calls nothing, jumps out of the function nowhere and repeats no
//! instruction: whatever leaves for an outlined slow path is not on it. Exponential in the branches of one function at worst,
//! which are a handful here. It does not estimate time: one instruction is one instruction.

use std::collections::HashMap;
use std::fmt::Write as _;

/// Registers that carry a result.
const RETURN_REGISTERS: [&str; 2] = ["rax", "rdx"];
/// Registers that carry arguments.
const ARGUMENT_REGISTERS: [&str; 6] = ["rdi", "rsi", "rdx", "rcx", "r8", "r9"];

/// One instruction in neutral form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// As in the listing.
    pub(crate) text: String,
    /// Lower case, without AT&T's size suffix for the few that matter here.
    mnemonic: String,
    /// Destination first, as Intel writes them.
    operands: Vec<String>,
}

/// A function of a listing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Function {
    pub(crate) instructions: Vec<Instruction>,
    /// Index of the instruction after each label.
    labels: HashMap<String, usize>,
}

/// An instruction of the fast path, and whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) index: usize,
    /// `None` when it counts, else why not.
    pub(crate) excused: Option<&'static str>,
}

impl Function {
    /// The function called `name` of a listing; its symbol may be mangled.
    pub(crate) fn find(listing: &str, name: &str) -> Option<Function> {
        let mangled = format!("{}{name}", name.len());
        let is_start = |line: &&str| {
            let symbol = line.trim().strip_suffix(':').map(|symbol| symbol.trim_matches('"'));
            let is_code = |symbol: &str| !symbol.contains(".cold") && !symbol.starts_with('.');
            symbol.is_some_and(|symbol| symbol == name || (is_code(symbol) && symbol.contains(&mangled)))
        };
        let mut lines = listing.lines().skip_while(|line| !is_start(line));
        lines.next()?;
        let body: Vec<&str> = lines.take_while(|line| !ends_function(line)).collect();
        let is_att = body.iter().any(|line| line.contains('%'));
        let mut function = Function::default();
        for line in body {
            let line = without_comment(line).trim();
            if let Some(label) = line.strip_suffix(':') {
                function.labels.insert(label.to_string(), function.instructions.len());
            } else if !line.is_empty() && !line.starts_with('.') {
                function.instructions.push(parse(line, is_att));
            }
        }
        Some(function)
    }

    /// The fast path, or `None` when every way to a `ret` goes through a call.
    pub(crate) fn fast_path(&self) -> Option<Vec<Step>> {
        let mut best: Option<Vec<Step>> = None;
        self.walk(0, &mut Vec::new(), &mut |path| {
            let steps = self.steps(path);
            if best.as_ref().is_none_or(|best| counted(best) < counted(&steps)) {
                best = Some(steps);
            }
        });
        best
    }

    /// The listing with the fast path numbered.
    pub(crate) fn annotated(&self, path: &[Step]) -> String {
        let mut text = String::new();
        let mut number = 0;
        for (index, instruction) in self.instructions.iter().enumerate() {
            for (label, _) in self
                .labels
                .iter()
                .filter(|(label, at)| **at == index && self.is_target(label))
            {
                let _ = writeln!(text, "         {label}:");
            }
            let mark = match path.iter().find(|step| step.index == index) {
                Some(Step { excused: None, .. }) => {
                    number += 1;
                    format!("{number:>6}")
                }
                Some(Step { excused: Some(why), .. }) => format!("{why:>6}"),
                None => " ".repeat(6),
            };
            let _ = writeln!(text, "  {mark}     {}", instruction.text);
        }
        text
    }

    fn is_target(&self, label: &str) -> bool {
        self.instructions
            .iter()
            .any(|instruction| instruction.operands.iter().any(|operand| operand == label))
    }

    fn walk(&self, at: usize, path: &mut Vec<usize>, found: &mut impl FnMut(&[usize])) {
        let Some(instruction) = self.instructions.get(at) else {
            return;
        };
        if path.contains(&at) {
            return;
        }
        path.push(at);
        let target = instruction
            .operands
            .first()
            .and_then(|label| self.labels.get(label))
            .copied();
        match instruction.mnemonic.as_str() {
            "ret" => found(path),
            "call" | "ud2" | "int3" | "hlt" => {}
            "jmp" => {
                if let Some(target) = target {
                    self.walk(target, path, found);
                }
            }
            jump if jump.starts_with('j') => {
                self.walk(at + 1, path, found);
                if let Some(target) = target {
                    self.walk(target, path, found);
                }
            }
            _ => self.walk(at + 1, path, found),
        }
        path.pop();
    }

    fn steps(&self, path: &[usize]) -> Vec<Step> {
        let mut written: Vec<String> = Vec::new();
        let mut spilled = false;
        let work_ends = path
            .iter()
            .rposition(|&index| self.instructions[index].is_work())
            .map_or(0, |at| at + 1);
        let mut steps = Vec::new();
        for (at, &index) in path.iter().enumerate() {
            let instruction = &self.instructions[index];
            let excused = if instruction.is_frame() {
                Some("frame")
            } else if instruction.passes_argument(&written, spilled) {
                Some("arg")
            } else if work_ends <= at && instruction.passes_result() {
                Some("result")
            } else {
                None
            };
            spilled |= instruction.stores_to_stack();
            written.extend(instruction.destination_register());
            steps.push(Step { index, excused });
        }
        steps
    }
}

/// How many instructions of a path count.
pub(crate) fn counted(path: &[Step]) -> usize {
    path.iter().filter(|step| step.excused.is_none()).count()
}

impl Instruction {
    /// Sets up or takes down the stack frame.
    fn is_frame(&self) -> bool {
        let stack = |at: usize| {
            self.operands
                .get(at)
                .is_some_and(|operand| matches!(operand.as_str(), "rsp" | "rbp"))
        };
        match self.mnemonic.as_str() {
            "push" | "pop" | "ret" | "leave" | "nop" | "endbr64" => true,
            "sub" | "add" => stack(0),
            "mov" => stack(0) && stack(1),
            _ => false,
        }
    }

    /// Moves an argument that nothing has touched yet to another register.
    fn passes_argument(&self, written: &[String], spilled: bool) -> bool {
        let [to, from] = self.operands.as_slice() else {
            return false;
        };
        if self.mnemonic != "mov" || is_memory(to) {
            return false;
        }
        let untouched = ARGUMENT_REGISTERS.contains(&from.as_str()) && !written.contains(from);
        let on_stack = is_memory(from) && is_stack(from) && !spilled;
        untouched || on_stack
    }

    /// Puts a value that is ready into a result register.
    fn passes_result(&self) -> bool {
        let [to, from] = self.operands.as_slice() else {
            return false;
        };
        let is_move = matches!(self.mnemonic.as_str(), "mov" | "movabs" | "movzx" | "movl") && !is_memory(from);
        let is_zero = self.mnemonic == "xor" && to == from;
        RETURN_REGISTERS.contains(&to.as_str()) && (is_move || is_zero)
    }

    /// Touches memory, computes or decides: anything but a move between registers.
    fn is_work(&self) -> bool {
        !self.is_frame() && !self.passes_result()
    }

    fn stores_to_stack(&self) -> bool {
        self.mnemonic == "push"
            || self
                .operands
                .first()
                .is_some_and(|operand| is_memory(operand) && is_stack(operand))
    }

    fn destination_register(&self) -> Option<String> {
        let changes = !matches!(self.mnemonic.as_str(), "cmp" | "test" | "push") && !self.mnemonic.starts_with('j');
        let first = self.operands.first()?;
        (changes && !is_memory(first)).then(|| first.clone())
    }
}

fn ends_function(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(".Lfunc_end") || line.starts_with(".cfi_endproc") || line.starts_with(".size")
}

fn without_comment(line: &str) -> &str {
    line.split(" #")
        .next()
        .unwrap_or(line)
        .split("\t#")
        .next()
        .unwrap_or(line)
}

fn parse(line: &str, is_att: bool) -> Instruction {
    let (mnemonic, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut operands: Vec<String> = split_operands(rest).iter().map(|operand| neutral(operand)).collect();
    if is_att {
        operands.reverse();
    }
    Instruction {
        text: line.replace('\t', " "),
        mnemonic: neutral_mnemonic(mnemonic),
        operands,
    }
}

/// Splits at commas that are not inside `(…)` or `[…]`.
fn split_operands(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_i32;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

fn neutral(operand: &str) -> String {
    let plain = operand.replace('%', "");
    match whole_register(&plain) {
        Some(register) => register,
        None => plain,
    }
}

fn neutral_mnemonic(mnemonic: &str) -> String {
    let lower = mnemonic.to_lowercase();
    for base in [
        "mov", "push", "pop", "ret", "call", "sub", "add", "jmp", "cmp", "test", "xor", "nop", "leave", "movabs",
    ] {
        if lower == base
            || lower
                .strip_prefix(base)
                .is_some_and(|rest| matches!(rest, "q" | "l" | "w" | "b"))
        {
            return base.to_string();
        }
    }
    lower
}

fn is_memory(operand: &str) -> bool {
    operand.contains(['(', '['])
}

fn is_stack(operand: &str) -> bool {
    operand.contains("rsp") || operand.contains("rbp")
}

/// `eax`, `ax`, `al` and `rax` are one register; `None` for anything else.
fn whole_register(name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix('r') {
        let number = rest.trim_end_matches(['d', 'w', 'b']);
        if number.parse::<u8>().is_ok_and(|number| (8..16).contains(&number)) {
            return Some(format!("r{number}"));
        }
    }
    let core = match name {
        "al" | "ah" | "ax" | "eax" | "rax" => "ax",
        "bl" | "bh" | "bx" | "ebx" | "rbx" => "bx",
        "cl" | "ch" | "cx" | "ecx" | "rcx" => "cx",
        "dl" | "dh" | "dx" | "edx" | "rdx" => "dx",
        "sil" | "si" | "esi" | "rsi" => "si",
        "dil" | "di" | "edi" | "rdi" => "di",
        "spl" | "sp" | "esp" | "rsp" => "sp",
        "bpl" | "bp" | "ebp" | "rbp" => "bp",
        _ => return None,
    };
    Some(format!("r{core}"))
}

#[cfg(test)]
mod tests {
    use super::{Function, counted};

    const ATT: &str = "
	.globl	_ZN3asm10asm_sample17h0123456789abcdefE
_ZN3asm10asm_sample17h0123456789abcdefE:
.Lfunc_begin0:
	.cfi_startproc
	pushq	%rbx
	movq	%rdx, %rcx
	movq	(%rdi), %rax
	leaq	24(%rax), %r8
	cmpq	8(%rdi), %r8
	ja	.LBB0_2
.LBB0_1:
	movq	$513, (%rax)
	movq	%rsi, 8(%rax)
	movq	%rcx, 16(%rax)
	movq	%r8, (%rdi)
	addq	$8, %rax
	movl	%r8d, %edx
	popq	%rbx
	retq
.LBB0_2:
	callq	*slow@GOTPCREL(%rip)
	jmp	.LBB0_1
.Lfunc_end0:
	.size	_ZN3asm10asm_sample17h0123456789abcdefE, .Lfunc_end0-_ZN3asm10asm_sample17h0123456789abcdefE
";

    const INTEL: &str = "
asm_sample:
	.cfi_startproc
	push	rbx
	mov	rcx, rdx
	mov	rax, qword ptr [rdi]
	lea	r8, [rax + 24]
	cmp	r8, qword ptr [rdi + 8]
	ja	.LBB0_2
.LBB0_1:
	mov	qword ptr [rax], 513
	mov	qword ptr [rax + 8], rsi
	mov	qword ptr [rax + 16], rcx
	mov	qword ptr [rdi], r8
	add	rax, 8
	mov	edx, r8d
	pop	rbx
	ret
.LBB0_2:
	call	slow
	jmp	.LBB0_1
	.cfi_endproc
";

    fn length(listing: &str) -> Option<usize> {
        Function::find(listing, "asm_sample")
            .unwrap()
            .fast_path()
            .map(|path| counted(&path))
    }

    fn body(lines: &str) -> String {
        format!("asm_sample:\n{lines}\n\t.cfi_endproc\n")
    }

    #[test]
    fn both_syntaxes_give_the_same_count() {
        assert_eq!(length(ATT), Some(9));
        assert_eq!(length(INTEL), Some(9));
    }

    #[test]
    fn one_instruction_more_is_seen() {
        let seeded = ATT.replace("\taddq\t$8, %rax\n", "\taddq\t$8, %rax\n\tincq\t(%rdi)\n");
        assert_eq!(length(&seeded), Some(10));
        let seeded = INTEL.replace("\tadd\trax, 8\n", "\tmov\tr9, qword ptr [rdi + 16]\n\tadd\trax, 8\n");
        assert_eq!(length(&seeded), Some(10));
    }

    #[test]
    fn a_field_read_is_one_load() {
        assert_eq!(length(&body("\tmovq\t(%rdi), %rax\n\tretq")), Some(1));
        assert_eq!(length(&body("\tmov\trax, qword ptr [rdi]\n\tret")), Some(1));
        assert_eq!(
            length(&body("\tmovq\t(%rdi), %rax\n\tmovq\t(%rax), %rax\n\tretq")),
            Some(2)
        );
    }

    #[test]
    fn a_tail_call_to_the_slow_path_is_not_the_fast_path() {
        let store = "\tmovq\t%rdx, (%rsi)\n\ttestb\t$2, -8(%rsi)\n\tjne\t.LBB0_2\n\tretq\n.LBB0_2:\n\tjmp\tslow";
        assert_eq!(length(&body(store)), Some(3));
        let inverted = "\tmovq\t%rdx, (%rsi)\n\ttestb\t$2, -8(%rsi)\n\tje\t.LBB0_2\n\tjmp\tslow\n.LBB0_2:\n\tretq";
        assert_eq!(length(&body(inverted)), Some(3));
    }

    #[test]
    fn the_longest_way_without_a_call_counts() {
        let two_ways =
            "\ttestb\t$1, (%rdi)\n\tje\t.LBB0_2\n\tincq\t(%rdi)\n\tincq\t8(%rdi)\n.LBB0_2:\n\tincq\t16(%rdi)\n\tretq";
        assert_eq!(length(&body(two_ways)), Some(5));
    }

    #[test]
    fn moves_in_the_middle_count() {
        assert_eq!(
            length(&body(
                "\tmovq\t(%rdi), %rax\n\tmovq\t%rax, %rcx\n\tincq\t(%rcx)\n\tretq"
            )),
            Some(3)
        );
        let overwritten = "\tmovq\t(%rdi), %rsi\n\tmovq\t%rsi, %rcx\n\tincq\t(%rcx)\n\tretq";
        assert_eq!(length(&body(overwritten)), Some(3), "rsi no longer holds the argument");
        let reload = "\tmovq\t%rbx, 8(%rsp)\n\tmovq\t8(%rsp), %rcx\n\tincq\t(%rcx)\n\tretq";
        assert_eq!(length(&body(reload)), Some(3), "a spill is no argument");
    }

    #[test]
    fn a_function_that_always_calls_or_never_ends_has_no_fast_path() {
        assert_eq!(length(&body("\tcallq\tslow\n\tretq")), None);
        assert_eq!(length(&body(".L1:\n\tincq\t(%rdi)\n\tjmp\t.L1")), None);
        assert!(Function::find(ATT, "asm_other").is_none());
    }

    #[test]
    fn the_annotated_listing_numbers_what_counts() {
        let function = Function::find(ATT, "asm_sample").unwrap();
        let text = function.annotated(&function.fast_path().unwrap());
        assert!(text.contains("     9     addq $8, %rax"), "{text}");
        assert!(
            text.contains(" frame     pushq %rbx") && text.contains("   arg     movq %rdx, %rcx"),
            "{text}"
        );
        assert!(text.contains("result     movl %r8d, %edx"), "{text}");
    }
}
