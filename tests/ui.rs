//! Programs that must not compile, and two that must.
//!
//! A program that is refused for another reason than the stated one would pass unnoticed; therefore the expected error
//! of each is listed here and looked for in its `.stderr`, which trybuild compares with what the compiler says.
//!
//! Messages quote the sources they refer to (a bound of the facade, for the heap also the core's fields that cannot be
//! sent). After a change there: `TRYBUILD=overwrite cargo test -p tenure-tests --test ui`, then read the difference.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each program of `ui/`, and what its errors must say: the first of the texts must occur, and every error must contain
/// one of them, so that nothing else refuses the program. Further texts are what the compiler adds to the same cause.
const REFUSED: [(&str, &[&str]); 60] = [
    ("use_after_alloc", &["E0499"]),
    ("use_after_collect", &["E0502"]),
    ("use_after_call", &["E0502"]),
    ("ref_after_alloc", &["E0502"]),
    ("iter_across_alloc", &["E0502"]),
    ("outer_ptr_in_init", &["E0502", "lifetime may not live long enough"]),
    ("closure_smuggles_gc", &["E0502"]),
    ("dyn_any_smuggle", &["lifetime may not live long enough", "E0502"]),
    ("drop_glue_holds_gc", &["E0502"]),
    ("drop_glue_holds_gc_implicit", &["E0502"]),
    ("gc_escapes_enter", &["lifetime may not live long enough"]),
    ("dropped_heap", &["E0521"]),
    ("static_gc", &["lifetime may not live long enough"]),
    ("stash_init", &["lifetime may not live long enough", "E0521"]),
    ("stash_heap_ref", &["E0521"]),
    ("init_allocates_mut", &["E0596"]),
    ("init_captures_heap", &["E0501", "E0500"]),
    ("build_kind_directly", &["E0308"]),
    ("make_slot", &["E0599"]),
    ("make_slot_default", &["E0277"]),
    ("clone_slot", &["E0599"]),
    ("swap_slots", &["E0596"]),
    ("mut_through_gc", &["E0596"]),
    ("write_without_heap", &["E0061"]),
    ("wrong_type_slot", &["E0308"]),
    ("move_root_out", &["E0507"]),
    ("root_in_kind", &["can only be a field of the roots struct"]),
    (
        "weak_slot_in_roots",
        &["a roots struct has no weak slots and no natives"],
    ),
    ("adopted_escapes", &["E0502"]),
    (
        "slot_in_refcell",
        &["cannot be a field of a kind", "cannot stand in a kind"],
    ),
    ("slot_in_plain", &["Slot<tenure::Dyn<Lox>>: Copy"]),
    ("gc_in_plain", &["E0477"]),
    ("gc_static_in_plain_store", &["lifetime may not live long enough"]),
    ("put_captured_slot", &["lifetime may not live long enough"]),
    ("two_models_mixed", &["E0308"]),
    ("kind_in_two_models", &["E0119"]),
    ("foreign_slot_in_kind", &["<Dyn<Two> as Family>::Model == One"]),
    ("foreign_roots", &["<Dyn<Two> as Family>::Model == One"]),
    ("foreign_tail", &["<Dyn<Two> as Family>::Model == One"]),
    (
        "foreign_model_named_as_parameter",
        &[
            "<Dyn<__M> as Family>::Model == One",
            "<Dyn<__ModelOfRoots> as Family>::Model == One",
            "<Dyn<__ModelOfPair> as Family>::Model == One",
            "<Dyn<__ModelOfPart> as Family>::Model == One",
        ],
    ),
    ("impl_kind_by_hand", &["E0200"]),
    ("forge_heap", &["E0624"]),
    ("core_of_heap", &["E0624"]),
    ("entered_flag", &["E0624"]),
    ("huge_element", &["an element of a tail takes less than 4 GiB"]),
    ("isolate_enter_twice_static", &["E0501", "E0500"]),
    ("drop_kind", &["must not implement Drop"]),
    (
        "owning_field",
        &["cannot be a field of a kind", "cannot stand in a kind"],
    ),
    (
        "packed",
        &["cannot be packed", "`Number` has no heap layout", "FieldsIn<Lox>"],
    ),
    ("local_escapes_scope", &["lifetime may not live long enough"]),
    ("outer_scope_inside_inner", &["E0502"]),
    ("inner_local_to_outer", &["E0521"]),
    (
        "send_gc",
        &[
            "cannot be sent between threads safely",
            "cannot be shared between threads safely",
        ],
    ),
    ("send_heap_ref", &["cannot be shared between threads safely"]),
    ("send_heap_mut", &["cannot be sent between threads safely"]),
    ("global_send", &["cannot be sent between threads safely"]),
    ("alloc_keeps_mut_borrow", &["E0502"]),
    ("conditional_return", &["E0502"]),
    ("retry_loop", &["E0499"]),
    ("gc_arg_with_mut_heap", &["E0502"]),
];

#[test]
fn refused_programs_are_refused_for_the_stated_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let programs: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = REFUSED.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(programs, listed, "the programs in ui/ are those of the list");
    for (name, expected) in REFUSED {
        let source = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        assert!(
            source.starts_with("// refused: "),
            "{name}.rs states its reason in the first line"
        );
        assert!(
            source.contains("#![forbid(unsafe_code)]"),
            "{name}.rs forbids unsafe code"
        );
        let stderr = fs::read_to_string(folder.join(format!("{name}.stderr"))).unwrap();
        assert!(
            stderr.contains(expected[0]),
            "{name}.stderr does not contain '{}':\n{stderr}",
            expected[0]
        );
        for error in stderr.lines().filter(|line| line.starts_with("error")) {
            let stated = expected.iter().any(|text| error.contains(text));
            assert!(stated, "{name} is also refused for another reason: {error}");
        }
    }
}

#[test]
fn programs_compile_or_not() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/*.rs");
}
