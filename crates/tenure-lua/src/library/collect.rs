//! `collectgarbage`.
//!
//! Collections and steps happen when they are asked for, and stopping stops those that are not. The heap sizes itself, so the other
//! settings of the reference implementation's collector are remembered and told again, and have no effect. A finalizer gets nothing but
//! nil: the collector is stopped for it.

use super::Functions;
use crate::native::{Call, NativeFunction, Reentrant, Reply, Throw};
use crate::object::symbol;
use crate::services::CollectorSettings;
use tenure::prelude::*;

pub(super) const FUNCTIONS: &Functions = &[(
    "collectgarbage",
    NativeFunction::Both(collect_garbage, collect_at_safepoint),
)];

fn option(call: &mut Call<'_, '_>) -> Result<&'static str, Throw> {
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
    Ok(OPTIONS[option])
}

/// Replaces a setting by an argument, if there is one other than 0, and returns what it was.
fn replace(
    call: &mut Call<'_, '_>,
    number: usize,
    setting: impl Fn(&mut CollectorSettings) -> &mut i64,
) -> Result<i64, Throw> {
    let value = call.optional_integer(number, 0)?;
    let setting = setting(&mut call.vm.services.collector);
    let before = *setting;
    if value != 0 {
        *setting = value;
    }
    Ok(before)
}

fn collect_garbage(call: &mut Call<'_, '_>) -> Result<Reply, Throw> {
    let option = option(call)?;
    if call.vm.finalizers.is_running {
        return call.reply(Value::nil());
    }
    match option {
        "collect" => Ok(Reply::reentrant()),
        "step" => {
            call.optional_integer(2, 0)?;
            Ok(Reply::reentrant())
        }
        "count" => {
            let sizes = call.heap.statistics().sizes;
            let bytes = sizes.used_bytes().saturating_add(sizes.external_bytes);
            call.reply(Value::float(bytes as f64 / 1024.0))
        }
        "stop" | "restart" => {
            call.vm.services.collector.is_running = option == "restart";
            call.reply(Value::int(0))
        }
        "isrunning" => {
            let is_running = call.vm.services.collector.is_running;
            call.reply(Value::bool(is_running))
        }
        "generational" | "incremental" => {
            let before = call.vm.services.collector.is_generational;
            let name = symbol(call.heap, if before { b"generational" } else { b"incremental" })?;
            if option == "generational" {
                replace(call, 2, |settings| &mut settings.minor_multiplier)?;
                replace(call, 3, |settings| &mut settings.major_multiplier)?;
            } else {
                replace(call, 2, |settings| &mut settings.pause)?;
                replace(call, 3, |settings| &mut settings.step_multiplier)?;
                replace(call, 4, |settings| &mut settings.step_size)?;
            }
            call.vm.services.collector.is_generational = option == "generational";
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

fn collect_at_safepoint(native: &mut Reentrant<'_>) -> Result<Reply, Throw> {
    if option(&mut native.region())? == "collect" {
        native.vm.collect(native.heap);
        return native.region().reply(Value::int(0));
    }
    let kib = native.region().optional_integer(2, 0)?;
    let is_end = native.vm.collect_step(native.heap, kib);
    native.region().reply(Value::bool(is_end))
}
