//! `collectgarbage`.
//!
//! The heap sizes itself, so the settings of the reference implementation's collector are remembered and have no effect; a collection that
//! is asked for happens.

use super::Functions;
use crate::native::{Action, Call, Collect, NativeFunction, Reply, Throw};
use crate::object::symbol;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[("collectgarbage", NativeFunction::Region(collect_garbage))];

fn collect_garbage(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    const OPTIONS: [&str; 10] = [
        "collect",
        "count",
        "step",
        "stop",
        "restart",
        "isrunning",
        "generational",
        "incremental",
        "setpause",
        "setstepmul",
    ];
    let option = call.check_option(1, Some("collect"), &OPTIONS)?;
    match OPTIONS[option] {
        "collect" => {
            call.set_register(call.base - 1, Value::int(0));
            Ok(Reply(Action::Collect(Collect::Full)))
        }
        "count" => {
            let used = call.heap.statistics().sizes.used_bytes();
            call.reply(Value::float(used as f64 / 1024.0))
        }
        "step" => {
            call.optional_integer(2, 0)?;
            call.set_register(call.base - 1, Value::bool(true));
            Ok(Reply(Action::Collect(Collect::Step)))
        }
        "stop" | "restart" => {
            call.vm.services.collector.is_running = OPTIONS[option] == "restart";
            call.reply(Value::int(0))
        }
        "isrunning" => {
            let is_running = call.vm.services.collector.is_running;
            call.reply(Value::bool(is_running))
        }
        mode @ ("generational" | "incremental") => {
            let before = call.vm.services.collector.is_generational;
            let name = symbol(call.heap, if before { b"generational" } else { b"incremental" })?;
            call.vm.services.collector.is_generational = mode == "generational";
            call.reply(name.into())
        }
        setting => {
            let value = call.optional_integer(2, 0)?;
            let collector = &mut call.vm.services.collector;
            let place = if setting == "setpause" {
                &mut collector.pause
            } else {
                &mut collector.step_multiplier
            };
            let before = std::mem::replace(place, value);
            let before = call.integer(before)?;
            call.reply(before)
        }
    }
}
