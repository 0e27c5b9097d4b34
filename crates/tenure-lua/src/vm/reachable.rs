//! The tables that a program can reach.
//!
//! A depth-first search from roots and registers over what objects refer to, with the addresses of those seen in a set: one region, in
//! which nothing moves. Takes time and memory proportional to the program's tables, functions and coroutines. What only weak values, keys
//! or finalizers lead to is not searched.

use crate::object::{
    Closure, Native, NodesMethods, Objects, Table, TableFields, TableMethods, Thread, ThreadFields, UpVal, UpValFields,
    Userdata, UserdataFields, Val, WeakPartMethods,
};
use std::collections::HashSet;
use tenure::prelude::*;

/// Returns all tables that can be reached from roots and the registers before `live`.
pub(super) fn reachable_tables(h: &Heap<Objects>, live: usize) -> Vec<Gc<'_, Table>> {
    let roots = h.roots();
    let mut search = Search::default();
    for table in [roots.globals.get(), roots.registry.get(), roots.string_meta.get()] {
        search.reach(table.into());
    }
    for meta in &roots.type_metas {
        search.reach(meta.get().into());
    }
    for thread in [roots.thread.get(), roots.main_thread.get()] {
        search.reach(thread.into());
    }
    search.reach(roots.error.get());
    search.reach(roots.open_upvalues.get().into());
    for register in h.register_area().iter().take(live) {
        search.reach(register.get());
    }
    while let Some(value) = search.left.pop() {
        search.expand(h, value);
    }
    search.tables
}

#[derive(Default)]
struct Search<'h> {
    /// Addresses of objects that were reached.
    seen: HashSet<usize>,
    /// Those whose references are still to be looked at.
    left: Vec<Val<'h>>,
    tables: Vec<Gc<'h, Table>>,
}

fn address<T: Kind<Model = Objects>>(object: Option<Gc<'_, T>>) -> Option<usize> {
    object.map(|object| std::ptr::from_ref(object.get()).addr())
}

impl<'h> Search<'h> {
    fn reach(&mut self, value: Val<'h>) {
        let address = address(value.cast::<Table>())
            .or_else(|| address(value.cast::<Closure>()))
            .or_else(|| address(value.cast::<UpVal>()))
            .or_else(|| address(value.cast::<Userdata>()))
            .or_else(|| address(value.cast::<Native>()))
            .or_else(|| address(value.cast::<Thread>()));
        if address.is_some_and(|address| self.seen.insert(address)) {
            self.left.push(value);
        }
    }

    fn expand(&mut self, h: &'h Heap<Objects>, value: Val<'h>) {
        if let Some(table) = value.cast::<Table>() {
            self.tables.push(table);
            self.expand_table(h, table);
        } else if let Some(closure) = value.cast::<Closure>() {
            for upvalue in closure.tail() {
                self.reach(upvalue.get().into());
            }
        } else if let Some(upvalue) = value.cast::<UpVal>() {
            self.reach(upvalue.value());
            self.reach(upvalue.next().into());
        } else if let Some(userdata) = value.cast::<Userdata>() {
            self.reach(userdata.meta().into());
            for value in userdata.tail() {
                self.reach(value.get());
            }
        } else if let Some(native) = value.cast::<Native>() {
            for value in native.tail() {
                self.reach(value.get());
            }
        } else if let Some(thread) = value.cast::<Thread>() {
            for register in thread.registers().tail() {
                self.reach(register.get());
            }
            self.reach(thread.open_upvalues().into());
            self.reach(thread.error());
            self.reach(thread.resumer().into());
        }
    }

    fn expand_table(&mut self, h: &'h Heap<Objects>, table: Gc<'h, Table>) {
        self.reach(table.meta().into());
        for value in table.array().tail() {
            self.reach(value.get());
        }
        let nodes = table.nodes();
        for (key, value) in (0..).map_while(|index| nodes.entry(index)) {
            self.reach(key);
            self.reach(value);
        }
        if let Some(weak) = table.weak() {
            weak.each_kept(h, |value| self.reach(value));
        }
    }
}
