// refused: what the heap has taken in belongs to the region until an object owns it
#![forbid(unsafe_code)]
use tenure::prelude::*;

struct Handle;
impl NativeResource for Handle {}

#[derive(Kind)]
struct Owner {
    handle: Native<Lox, Handle>,
}
object_model! { model Lox { kinds: [Owner] } }

fn main() {
    let mut isolate = Isolate::<Lox>::new(HeapConfig::new(), NoRootsInit {}).unwrap();
    isolate.enter(|h| {
        let adopted = h.adopt(Handle, 0);
        h.collect();
        h.alloc::<Owner>(OwnerInit { handle: adopted });
    });
}
