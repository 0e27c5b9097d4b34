//! Code that no compiler makes: one example for each thing that the verifier must see.

use std::sync::Arc;
use tenure_lua::bytecode::{
    AbsoluteLine, Constant, Instruction as I, LineInfo, LocalVariable, Opcode as Op, Proto, UpvalueDesc, VariableKind,
};
use tenure_lua::chunk::verify;

const RETURN: I = I::abc(Op::Return0, 0, 1, 0);

fn upvalue(in_stack: bool, index: u8) -> UpvalueDesc {
    UpvalueDesc {
        name: None,
        in_stack,
        index,
        kind: VariableKind::Regular,
    }
}

/// A function with four registers, some constants, an upvalue and a nested function.
fn function(code: &[I]) -> Proto {
    let nested = Proto {
        max_stack_size: 2,
        code: vec![RETURN],
        ..Proto::default()
    };
    let string = |length: usize| Constant::String(vec![b'x'; length].into());
    Proto {
        max_stack_size: 4,
        code: code.to_vec(),
        constants: vec![
            string(1),
            Constant::Integer(1),
            Constant::Float(1.5),
            string(41),
            Constant::Nil,
        ],
        upvalues: vec![upvalue(true, 0)],
        protos: vec![Arc::new(nested)],
        ..Proto::default()
    }
}

/// Why code followed by a return is refused.
fn refusal_of(code: &[I]) -> Option<&'static str> {
    refusal(&function(&[code, &[RETURN]].concat()))
}

fn refusal(proto: &Proto) -> Option<&'static str> {
    verify(proto).err().map(|invalid| invalid.what)
}

fn abc(opcode: Op, a: u8, b: u8, c: u8) -> I {
    I::abc(opcode, a, b, c)
}

#[test]
fn registers_exist() {
    use Op::*;
    let single = [
        Move, LoadI, LoadTrue, LoadNil, GetUpval, SetUpval, GetTabUp, GetTable, GetI, GetField, SetTable, SetI,
        SetField,
    ];
    let more = [
        Self_(),
        AddI,
        Add,
        Unm,
        Len,
        Concat,
        Tbc,
        Call,
        Return1,
        SetList,
        Closure,
        Test,
        TestSet,
        EqI,
        Eq,
    ];
    for opcode in single.into_iter().chain(more) {
        let code = if opcode == Call {
            abc(Call, 4, 1, 1)
        } else {
            abc(opcode, 4, 2, 0)
        };
        assert_eq!(refusal_of(&[code]), Some("no such register"), "{}", opcode.name());
    }
    for code in [
        abc(Move, 0, 4, 0),
        abc(GetTable, 0, 0, 4),
        abc(SetTable, 0, 4, 0),
        abc(SetTable, 0, 0, 4),
        abc(LoadNil, 0, 4, 0),
        abc(Self_(), 3, 0, 0),
        abc(Concat, 1, 4, 0),
        abc(Call, 2, 4, 1),
        abc(Call, 2, 1, 4),
        abc(Return, 1, 5, 0),
        abc(SetList, 0, 4, 0),
        abc(Close, 5, 0, 0),
        abc(TestSet, 0, 4, 0),
        I::abx(ForPrep, 1, 0),
        I::abx(TForLoop, 0, 1),
        abc(TForCall, 0, 0, 1),
    ] {
        assert_eq!(refusal_of(&[code]), Some("no such register"), "{code:?}");
    }
    for code in [
        abc(LoadNil, 0, 3, 0),
        abc(Call, 0, 4, 5),
        abc(Close, 4, 0, 0),
        abc(Return, 4, 1, 0),
        abc(Self_(), 2, 3, 3),
    ] {
        assert_eq!(refusal_of(&[code]), None, "{code:?}");
    }
}

/// The opcode whose name is a reserved word.
#[expect(non_snake_case, reason = "stands among the names of opcodes")]
fn Self_() -> Op {
    Op::SelfOp
}

#[test]
fn constants_upvalues_and_functions_exist_and_fit() {
    use Op::*;
    for (code, why) in [
        (I::abx(LoadK, 0, 5), "no such constant"),
        (abc(GetField, 0, 0, 5), "no such constant"),
        (abc(EqK, 0, 5, 0), "no such constant"),
        (I::abck(SetField, 0, 0, 5, true), "no such constant"),
        (I::abck(SetField, 0, 9, 0, true), "no such constant"),
        (abc(GetField, 0, 0, 1), "constant of a wrong kind"),
        (abc(GetField, 0, 0, 3), "constant of a wrong kind"),
        (abc(GetTabUp, 0, 0, 3), "constant of a wrong kind"),
        (abc(SetTabUp, 0, 3, 0), "constant of a wrong kind"),
        (I::abck(SelfOp, 0, 0, 1, true), "constant of a wrong kind"),
        (abc(AddK, 0, 0, 0), "constant of a wrong kind"),
        (abc(BAndK, 0, 0, 2), "constant of a wrong kind"),
        (abc(GetUpval, 0, 1, 0), "no such upvalue"),
        (abc(SetUpval, 0, 1, 0), "no such upvalue"),
        (abc(GetTabUp, 0, 1, 0), "no such upvalue"),
        (abc(SetTabUp, 1, 0, 0), "no such upvalue"),
        (I::abx(Closure, 0, 1), "no such nested function"),
        (I::from_bits(83), "invalid opcode"),
        (I::from_bits(127), "invalid opcode"),
        (abc(Concat, 0, 1, 0), "concatenation of less than two values"),
        (abc(VarArg, 0, 2, 0), "variable arguments of a function without any"),
        (abc(VarArgPrep, 0, 0, 0), "variable arguments not prepared"),
        (abc(Return, 0, 1, 1), "return with a wrong number of parameters"),
    ] {
        assert_eq!(refusal_of(&[code]), Some(why), "{code:?}");
    }
    let extended = |ax| [I::abx(LoadKX, 0, 0), I::from_ax(ExtraArg, ax)];
    assert_eq!(refusal_of(&extended(4)), None);
    assert_eq!(refusal_of(&extended(5)), Some("no such constant"));
}

#[test]
fn tables_are_no_larger_than_what_fills_them() {
    let table = |b, c, high| {
        let extra = I::from_ax(Op::ExtraArg, high);
        refusal_of(&[I::abck(Op::NewTable, 0, b, c, high > 0), extra])
    };
    assert_eq!(table(3, 150, 0), None);
    assert_eq!(table(0, 151, 0), Some("table larger than its constructor"));
    assert_eq!(table(4, 0, 0), Some("table larger than its constructor"));
    assert_eq!(table(255, 0, 0), Some("table larger than its constructor"));
    assert_eq!(table(0, 0, 1 << 24), Some("table larger than its constructor"));
}

#[test]
fn instructions_that_belong_together_stand_together() {
    use Op::*;
    const ALONE: Option<&str> = Some("instruction without the one that belongs to it");
    let jump = |distance| I::from_sj(Jmp, distance);
    let metamethod = |opcode| abc(opcode, 0, 1, 6);
    for code in [
        &[abc(Test, 0, 0, 0)][..],
        &[abc(Lt, 0, 1, 0), abc(Move, 0, 1, 0)],
        &[abc(Add, 0, 1, 2)],
        &[abc(Add, 0, 1, 2), metamethod(MmBinI)],
        &[abc(AddI, 0, 1, 2), metamethod(MmBinK)],
        &[abc(AddK, 0, 1, 1), metamethod(MmBin)],
        &[metamethod(MmBin)],
        &[abc(Add, 0, 1, 2), metamethod(MmBin), metamethod(MmBin)],
        &[abc(Unm, 0, 1, 0), metamethod(MmBin)],
        &[abc(NewTable, 0, 0, 0)],
        &[I::abx(LoadKX, 0, 0), abc(Move, 0, 0, 0)],
        &[I::from_ax(ExtraArg, 0)],
        &[I::abck(SetList, 0, 1, 0, true)],
        &[abc(SetList, 0, 1, 0), I::from_ax(ExtraArg, 0)],
        &[I::abx(ForPrep, 0, 0)],
        &[I::abx(ForLoop, 0, 1)],
        &[abc(Move, 0, 1, 0), I::abx(ForLoop, 0, 1)],
        &[I::abx(TForPrep, 0, 0)],
        &[abc(TailCall, 0, 1, 0), abc(Move, 0, 0, 0)],
    ] {
        assert_eq!(refusal_of(code), ALONE, "{code:?}");
    }
    for code in [
        &[abc(Test, 0, 0, 0), jump(0)][..],
        &[abc(Add, 0, 1, 2), metamethod(MmBin)],
        &[abc(AddK, 0, 1, 1), metamethod(MmBinK)],
        &[I::abx(ForPrep, 0, 0), I::abx(ForLoop, 0, 1)],
        &[abc(TailCall, 0, 1, 0), abc(Return, 0, 0, 0)],
    ] {
        assert_eq!(refusal_of(code), None, "{code:?}");
    }
    assert_eq!(
        refusal_of(&[abc(Add, 0, 1, 2), abc(MmBin, 0, 1, 5)]),
        Some("no such metamethod of operators")
    );
    assert_eq!(
        refusal_of(&[abc(Add, 0, 1, 2), abc(MmBin, 0, 1, 18)]),
        Some("no such metamethod of operators")
    );
}

#[test]
fn iterations_are_complete() {
    use Op::*;
    let mut proto = function(&[]);
    proto.max_stack_size = 8;
    let mut check = |code: &[I]| {
        proto.code = [code, &[abc(Return, 0, 1, 0).with_k(true)]].concat();
        refusal(&proto)
    };
    let prepare = |distance| I::abx(TForPrep, 0, distance);
    let (call, repeat) = (abc(TForCall, 0, 0, 1), |distance| I::abx(TForLoop, 0, distance));
    assert_eq!(check(&[prepare(0), call, repeat(2), abc(Close, 0, 0, 0)]), None);
    assert_eq!(
        check(&[prepare(1), call, repeat(2)]),
        Some("instruction without the one that belongs to it")
    );
    assert_eq!(
        check(&[prepare(0), call, RETURN]),
        Some("instruction without the one that belongs to it")
    );
    assert_eq!(
        check(&[prepare(0), call, I::abx(TForLoop, 1, 2)]),
        Some("instruction without the one that belongs to it")
    );
    assert_eq!(
        check(&[prepare(0), abc(TForCall, 0, 0, 0), repeat(2)]),
        Some("iteration without values")
    );
    assert_eq!(
        check(&[prepare(0), abc(TForCall, 1, 0, 1), I::abx(TForLoop, 1, 2)]),
        ALONE_OR_REGISTER
    );
    assert_eq!(check(&[prepare(0), call, repeat(9)]), Some("control leaves the code"));
}

/// The loop's register comes first, so that is what is found.
const ALONE_OR_REGISTER: Option<&str> = Some("instruction without the one that belongs to it");

#[test]
fn control_stays_in_the_code() {
    use Op::*;
    let jump = |distance| I::from_sj(Jmp, distance);
    const LEAVES: Option<&str> = Some("control leaves the code");
    assert_eq!(refusal_of(&[jump(1)]), LEAVES);
    assert_eq!(refusal_of(&[jump(-2)]), LEAVES);
    assert_eq!(refusal_of(&[jump(1 << 24)]), LEAVES);
    assert_eq!(refusal_of(&[jump(-1)]), None);
    assert_eq!(refusal(&function(&[abc(Move, 0, 1, 0)])), LEAVES);
    assert_eq!(refusal(&function(&[abc(Test, 0, 0, 0), jump(-2)])), LEAVES);
    assert_eq!(refusal_of(&[abc(LFalseSkip, 0, 0, 0)]), LEAVES);
    assert_eq!(refusal(&function(&[])), Some("invalid number of instructions"));
    const BETWEEN: Option<&str> = Some("jump between instructions that belong together");
    assert_eq!(refusal_of(&[jump(1), abc(Add, 0, 1, 2), abc(MmBin, 0, 1, 6)]), BETWEEN);
    assert_eq!(
        refusal_of(&[jump(1), I::abx(LoadKX, 0, 0), I::from_ax(ExtraArg, 0)]),
        BETWEEN
    );
    assert_eq!(refusal_of(&[jump(1), abc(Call, 1, 1, 0), abc(Call, 0, 0, 1)]), BETWEEN);
    assert_eq!(
        refusal_of(&[abc(LFalseSkip, 0, 0, 0), abc(Add, 0, 1, 2), abc(MmBin, 0, 1, 6)]),
        BETWEEN
    );
}

#[test]
fn the_top_is_used_where_it_was_set() {
    use Op::*;
    let open = |a| abc(Call, a, 1, 0);
    assert_eq!(
        refusal_of(&[abc(Call, 0, 0, 1)]),
        Some("use of a top that nothing has set")
    );
    assert_eq!(
        refusal_of(&[abc(Return, 0, 0, 0)]),
        Some("use of a top that nothing has set")
    );
    assert_eq!(
        refusal_of(&[open(0), abc(Move, 0, 0, 0), abc(Return, 0, 0, 0)]),
        Some("top that nothing uses")
    );
    assert_eq!(refusal_of(&[open(0)]), Some("top that nothing uses"));
    assert_eq!(refusal_of(&[open(1), abc(Call, 0, 0, 1)]), None);
    assert_eq!(refusal_of(&[open(1), abc(SetList, 0, 0, 0)]), None);
    assert_eq!(refusal_of(&[open(1), abc(Return, 1, 0, 0)]), None);
    assert_eq!(
        refusal_of(&[open(1), abc(Call, 1, 0, 1)]),
        Some("top below the first value")
    );
    assert_eq!(
        refusal_of(&[open(1), abc(SetList, 1, 0, 0)]),
        Some("top below the first value")
    );
    assert_eq!(
        refusal_of(&[open(0), abc(Return, 1, 0, 0)]),
        Some("top below the first value")
    );
}

#[test]
fn variable_arguments_are_prepared_once_and_removed() {
    use Op::*;
    let check = |code: &[I]| {
        let mut proto = function(code);
        proto.is_vararg = true;
        proto.parameter_count = 1;
        refusal(&proto)
    };
    let prepare = abc(VarArgPrep, 1, 0, 0);
    assert_eq!(check(&[prepare, abc(Return, 0, 1, 2)]), None);
    assert_eq!(check(&[abc(Return, 0, 1, 2)]), Some("variable arguments not prepared"));
    assert_eq!(
        check(&[abc(VarArgPrep, 2, 0, 0), abc(Return, 0, 1, 2)]),
        Some("misplaced opcode")
    );
    assert_eq!(
        check(&[prepare, prepare, abc(Return, 0, 1, 2)]),
        Some("misplaced opcode")
    );
    assert_eq!(check(&[prepare, RETURN]), Some("return that is too simple"));
    assert_eq!(
        check(&[prepare, abc(Return, 0, 1, 0)]),
        Some("return with a wrong number of parameters")
    );
    let back = I::from_sj(Jmp, -2);
    assert_eq!(
        check(&[prepare, back]),
        Some("jump between instructions that belong together")
    );
}

#[test]
fn variables_are_closed_in_order() {
    use Op::*;
    let closing = abc(Return, 0, 1, 0).with_k(true);
    let tbc = |register| abc(Tbc, register, 0, 0);
    let close = |register| abc(Close, register, 0, 0);
    let check = |code: &[I]| refusal(&function(&[code, &[closing]].concat()));
    const BELOW: Option<&str> = Some("variable to be closed below another");
    assert_eq!(check(&[tbc(0), tbc(1), close(1), tbc(1)]), None);
    assert_eq!(check(&[tbc(1), tbc(0)]), BELOW);
    assert_eq!(check(&[tbc(1), tbc(1)]), BELOW);
    assert_eq!(check(&[tbc(1), I::from_sj(Jmp, -2)]), BELOW);
    assert_eq!(check(&[tbc(1), close(1), I::from_sj(Jmp, -3)]), None);
    let branch = [abc(Test, 0, 0, 0), I::from_sj(Jmp, 1), tbc(2), tbc(1)];
    assert_eq!(check(&branch), BELOW);
    let tail = [
        tbc(0),
        abc(TailCall, 1, 1, 0).with_k(true),
        abc(Return, 1, 0, 0).with_k(true),
    ];
    assert_eq!(check(&tail), Some("tail call with variables to be closed"));
    assert_eq!(refusal_of(&[tbc(0)]), Some("return that is too simple"));
    assert_eq!(
        refusal(&function(&[tbc(0), abc(Return, 0, 1, 0)])),
        Some("return that does not close variables")
    );
}

#[test]
fn upvalues_of_nested_functions_exist_and_are_closed() {
    let check = |upvalue: UpvalueDesc, last: I| {
        let mut proto = function(&[last]);
        let nested = Proto {
            max_stack_size: 2,
            code: vec![RETURN],
            upvalues: vec![upvalue],
            ..Proto::default()
        };
        proto.protos = vec![Arc::new(nested)];
        refusal(&proto)
    };
    const MISSING: Option<&str> = Some("nested function with an upvalue that does not exist");
    assert_eq!(check(upvalue(false, 0), RETURN), None);
    assert_eq!(check(upvalue(false, 1), RETURN), MISSING);
    assert_eq!(check(upvalue(true, 4), RETURN), MISSING);
    assert_eq!(check(upvalue(true, 3), RETURN), Some("return that is too simple"));
    assert_eq!(check(upvalue(true, 3), abc(Op::Return, 0, 1, 0).with_k(true)), None);
}

#[test]
fn numbers_of_a_function_are_possible() {
    let check = |change: fn(&mut Proto)| {
        let mut proto = function(&[RETURN]);
        change(&mut proto);
        refusal(&proto)
    };
    assert_eq!(
        check(|proto| proto.max_stack_size = 1),
        Some("invalid number of registers")
    );
    assert_eq!(
        check(|proto| proto.max_stack_size = 255),
        Some("invalid number of registers")
    );
    assert_eq!(
        check(|proto| proto.parameter_count = 5),
        Some("more parameters than registers")
    );
    assert_eq!(
        check(|proto| proto.upvalues = vec![upvalue(true, 0); 256]),
        Some("too many upvalues")
    );
}

#[test]
fn a_nested_function_is_checked_too() {
    let mut proto = function(&[RETURN]);
    let mut nested = function(&[abc(Op::Move, 9, 9, 0), RETURN]);
    nested.line_defined = 7;
    proto.protos = vec![Arc::new(nested)];
    proto.upvalues = vec![upvalue(true, 0)];
    proto.code = vec![abc(Op::Return, 0, 1, 0).with_k(true)];
    assert_eq!(
        verify(&proto).unwrap_err().to_string(),
        "no such register at instruction 1 of function at line 7"
    );
}

#[test]
fn debug_information_fits_the_code() {
    let lines = |deltas: Vec<i8>, absolute: Vec<(u32, u32)>| {
        let mut proto = function(&[RETURN, RETURN]);
        let absolute = absolute
            .into_iter()
            .map(|(pc, line)| AbsoluteLine { pc, line })
            .collect();
        proto.line_info = LineInfo { deltas, absolute };
        refusal(&proto)
    };
    assert_eq!(lines(vec![1, -128], vec![(1, 9)]), None);
    assert_eq!(lines(vec![1], vec![]), Some("lines for some instructions only"));
    assert_eq!(lines(vec![1, -128], vec![]), Some("recorded lines without their marks"));
    assert_eq!(
        lines(vec![1, 1], vec![(1, 9)]),
        Some("recorded lines without their marks")
    );
    assert_eq!(
        lines(vec![-128, -128], vec![(1, 9), (0, 9)]),
        Some("recorded lines without their marks")
    );
    let variables = |scopes: &[(u32, u32)]| {
        let mut proto = function(&[RETURN, RETURN]);
        let variable = |&(start_pc, end_pc)| LocalVariable {
            name: None,
            start_pc,
            end_pc,
        };
        proto.local_variables = scopes.iter().map(variable).collect();
        refusal(&proto)
    };
    assert_eq!(variables(&[(0, 1), (1, 2), (0, 2), (0, 2), (0, 2), (1, 1)]), None);
    assert_eq!(variables(&[(1, 0)]), Some("variable with an impossible scope"));
    assert_eq!(variables(&[(0, 3)]), Some("variable with an impossible scope"));
    assert_eq!(variables(&[(0, 2); 5]), Some("more variables than registers"));
}
