//! The interpreter of `docs/first-interpreter.md` computes what that page says, also in heaps that collect at every opportunity.
#![forbid(unsafe_code)]

#[path = "../examples/first_interpreter.rs"]
#[allow(dead_code, reason = "the program that runs it is not what is tested")]
mod first_interpreter;

use first_interpreter::run;
use tenure::prelude::*;

/// What a program shows, which is the same in every heap.
fn shown(source: &str) -> String {
    let expected = run(source, HeapConfig::new()).unwrap_or_else(|error| format!("error: {error}"));
    for (name, value) in [
        ("gc-interval", "1"),
        ("stress-scavenge", "10"),
        ("stress-compaction", "true"),
    ] {
        let mut config = HeapConfig::new().semi_space_bytes(4096).mark_stack_entries(1);
        config.set_flag(name, value).unwrap();
        let given = run(source, config).unwrap_or_else(|error| format!("error: {error}"));
        assert_eq!(given, expected, "{source} with {name}");
    }
    expected
}

#[test]
fn closures_keep_their_variables() {
    assert_eq!(
        shown("(define adder (lambda (n) (lambda (m) (+ n m)))) (define six (adder 6)) (six (six 30))"),
        "42"
    );
    assert_eq!(shown("((lambda (a b) (define c (+ a b)) (+ c c)) 1 2)"), "6");
    assert_eq!(
        shown("(define x 1) (define f (lambda () x)) (define x 2) (cons (f) x)"),
        "(1 . 2)"
    );
    assert_eq!(shown("(define a (+ ((lambda () (define b 20) b)) 1)) (+ a a)"), "42");
}

#[test]
fn lists_and_texts_are_built() {
    let count = "(define count (lambda (n) (if (< n 1) () (cons n (count (+ n -1))))))";
    assert_eq!(shown(&format!("{count} (count 3)")), "(3 . (2 . (1 . ())))");
    let joined = "(define all (lambda (l) (if l (join (head l) (all (rest l))) nothing)))";
    assert_eq!(
        shown(&format!("{joined} {count} (all (count 12))")),
        "121110987654321nothing"
    );
    assert_eq!(shown("(join (rest (cons 1 some-)) text)"), "some-text");
}

#[test]
fn mistakes_are_errors() {
    assert_eq!(shown("(head 7)"), "error: head is no function of these arguments");
    assert_eq!(shown("(7 7)"), "error: 7 is no function of these arguments");
    assert_eq!(shown("(+ 4611686018427387903 1)"), "error: too large");
    assert!(shown("(define f (lambda (n) (+ 1 (f n)))) (f 1)").contains("operand stack"));
    assert_eq!(shown(""), "");
    assert_eq!(shown("(((("), "error: () is no function of these arguments");
    assert_eq!(shown(")"), "");
}
