//! What becomes of finalizers when a state is dropped.

use super::state;
use super::support::Shown;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use tenure_lua::{Call, Lua, NativeFunction, Owned, Reply, Services, Throw, heap_config};

const PROGRAM: &[u8] = b"kept = setmetatable({}, {__gc = function() print('finalized') end}) print('made')";

fn with_finalizer() -> (Lua, Shown) {
    let shown = Shown::default();
    let mut lua = Lua::new(heap_config(), Services::new(shown.clone(), io::sink(), 1)).expect("a state");
    lua.execute(PROGRAM, b"=test").expect("a program that ends");
    (lua, shown)
}

thread_local! {
    static OTHER: RefCell<Option<Lua>> = const { RefCell::new(None) };
}

fn drop_other(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    drop(OTHER.take());
    call.reply_none()
}

#[test]
fn dropping_calls_finalizers_but_not_inside_of_another_state() {
    let (lua, shown) = with_finalizer();
    drop(lua);
    assert_eq!(shown.text(), "made\nfinalized\n");

    let (other, shown) = with_finalizer();
    OTHER.set(Some(other));
    let mut lua = state();
    lua.register("drop_other", NativeFunction::Region(drop_other))
        .expect("room");
    let results = lua.execute(b"local t = {{}} drop_other() collectgarbage() return #t", b"=test");
    assert_eq!(results.expect("the other one is no matter"), [Owned::Integer(1)]);
    assert_eq!(shown.text(), "made\n");
    assert_eq!(Rc::strong_count(&shown.0), 1, "its services are dropped with it");
}
