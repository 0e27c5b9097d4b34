//! V8's `--trace-gc` and `--trace-gc-nvp` lines, byte for byte in the form of V8 11.4 (Node 20).
//!
//! [`TraceGc`] is told of every collection and formats those it is asked to; the mutator utilization that a line ends
//! with is state, a running average over major collections. A line costs one formatting pass into a writer of the
//! caller's choice. [`TraceWriter`] joins the two as a listener; its writes happen inside the pause, which the pause's
//! length does not include.
//!
//! Of `--trace-gc-nvp` only the keys that this collector measures are printed; V8 prints many more.

use std::fmt::{self, Write as _};
use std::io;

use crate::event::{CollectionKind, CollectionRecord, Event, Phase};
use crate::listener::Listener;

const NS_PER_MS: f64 = 1e6;
const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

/// What a line can tell beyond the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceDetails {
    /// Whether the collection was asked to give memory back.
    pub reduce_memory: bool,
    /// Time spent in the embedder's callbacks.
    pub external_ns: u64,
    /// The incremental marking that this major collection finishes; not printed for a minor collection.
    pub incremental: Option<IncrementalSteps>,
    /// A reason to print instead of the cause's, such as `finalize incremental marking via stack guard`.
    pub reason: Option<&'static str>,
}

/// Incremental marking before a major collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IncrementalSteps {
    /// Time spent in the steps.
    pub total_ns: u64,
    /// Number of steps.
    pub steps: u64,
    /// The longest step.
    pub longest_ns: u64,
    /// Time since marking began.
    pub since_start_ns: u64,
}

/// Formats collections as V8 does.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceGc {
    pid: u32,
    isolate: u64,
    /// When the last major collection ended; `None` before the first one.
    previous_major_end_ns: Option<u64>,
    average_mutator_ns: f64,
    average_major_ns: f64,
    current_utilization: f64,
    /// The end and the size after the last observed collection, and those of the one before it.
    last: Snapshot,
    before_last: Snapshot,
    survival: SurvivalRatios,
    /// Bytes that the minor collection before the last observed one, and the last one, retained.
    previous_retained_bytes: u64,
    last_retained_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Snapshot {
    end_ns: u64,
    used_bytes: u64,
}

/// The last ten survival ratios, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct SurvivalRatios {
    percents: [f64; 10],
    count: usize,
}

impl SurvivalRatios {
    fn push(&mut self, percent: f64) {
        self.percents[self.count % self.percents.len()] = percent;
        self.count += 1;
    }

    fn average(&self) -> f64 {
        let kept = &self.percents[..self.count.min(self.percents.len())];
        if kept.is_empty() {
            0.0
        } else {
            kept.iter().sum::<f64>() / kept.len() as f64
        }
    }
}

impl TraceGc {
    /// A formatter for the heap that is printed as process `pid` and isolate pointer `isolate`, both only labels.
    pub fn new(pid: u32, isolate: u64) -> Self {
        Self {
            pid,
            isolate,
            previous_major_end_ns: None,
            average_mutator_ns: 0.0,
            average_major_ns: 0.0,
            current_utilization: 1.0,
            last: Snapshot::default(),
            before_last: Snapshot::default(),
            survival: SurvivalRatios::default(),
            previous_retained_bytes: 0,
            last_retained_bytes: 0,
        }
    }

    /// Notes a collection. To be called once for each one, in order, before its line is formatted.
    pub fn observe(&mut self, record: &CollectionRecord, details: &TraceDetails) {
        let end_ns = record.end_ns();
        if record.kind == CollectionKind::Major {
            let incremental_ns = details.incremental.map_or(0, |steps| steps.total_ns);
            self.observe_major(end_ns, record.pause_ns.saturating_add(incremental_ns) as f64);
        }
        self.before_last = self.last;
        self.last = Snapshot {
            end_ns,
            used_bytes: record.after.used_bytes() as u64,
        };
        if record.before.nursery_used_bytes > 0 {
            self.survival.push(percent(
                record.survived_bytes(),
                record.before.nursery_used_bytes as u64,
            ));
        }
        self.previous_retained_bytes = self.last_retained_bytes;
        self.last_retained_bytes = record.retained_bytes;
    }

    fn observe_major(&mut self, end_ns: u64, major_ns: f64) {
        if let Some(previous_end_ns) = self.previous_major_end_ns {
            let total_ns = end_ns.saturating_sub(previous_end_ns) as f64;
            let mutator_ns = (total_ns - major_ns).max(0.0);
            if self.average_major_ns == 0.0 && self.average_mutator_ns == 0.0 {
                (self.average_major_ns, self.average_mutator_ns) = (major_ns, mutator_ns);
            } else {
                self.average_major_ns = (self.average_major_ns + major_ns) / 2.0;
                self.average_mutator_ns = (self.average_mutator_ns + mutator_ns) / 2.0;
            }
            self.current_utilization = if total_ns > 0.0 { mutator_ns / total_ns } else { 0.0 };
        }
        self.previous_major_end_ns = Some(end_ns);
    }

    /// The mutator utilization between the last two major collections; 1 until there are two.
    pub fn current_mutator_utilization(&self) -> f64 {
        self.current_utilization
    }

    /// The running average of mutator utilization, in which each major collection weighs half of the next one; 1 until
    /// there are two. The number that decides about ineffective collections.
    pub fn average_mutator_utilization(&self) -> f64 {
        let total_ns = self.average_mutator_ns + self.average_major_ns;
        if total_ns > 0.0 {
            self.average_mutator_ns / total_ns
        } else {
            1.0
        }
    }

    /// The `--trace-gc` line of the collection last observed, without a line feed.
    pub fn line(&self, record: &CollectionRecord, details: &TraceDetails) -> String {
        let mut line = String::with_capacity(256);
        // A string accepts everything.
        let _ = self.write_line(&mut line, record, details);
        line
    }

    /// Writes what [`line`](Self::line) returns.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_line(
        &self,
        out: &mut dyn fmt::Write,
        record: &CollectionRecord,
        details: &TraceDetails,
    ) -> fmt::Result {
        let mib = |bytes: usize| bytes as f64 / BYTES_PER_MIB;
        self.write_prefix(out, record)?;
        write!(
            out,
            "{}{} {:.1} ({:.1}) -> {:.1} ({:.1}) MB, {:.2} / {:.2} ms ",
            record.kind.v8_name(),
            if details.reduce_memory { " (reduce)" } else { "" },
            mib(record.before.used_bytes()),
            mib(record.before.committed_bytes()),
            mib(record.after.used_bytes()),
            mib(record.after.committed_bytes()),
            ms(record.pause_ns),
            ms(details.external_ns),
        )?;
        if let (CollectionKind::Major, Some(steps)) = (record.kind, details.incremental) {
            write!(
                out,
                " (+ {:.1} ms in {} steps since start of marking, biggest step {:.1} ms, walltime since start of \
                 marking {:.0} ms)",
                ms(steps.total_ns),
                steps.steps,
                ms(steps.longest_ns),
                ms(steps.since_start_ns),
            )?;
        }
        write!(
            out,
            " (average mu = {:.3}, current mu = {:.3}) {}; {}",
            self.average_mutator_utilization(),
            self.current_mutator_utilization(),
            details.reason.unwrap_or(record.cause.v8_reason()),
            record.cause.v8_collector_reason(record.kind),
        )
    }

    /// The `--trace-gc-nvp` line of the collection last observed, without a line feed.
    pub fn nvp_line(&self, record: &CollectionRecord, details: &TraceDetails) -> String {
        let mut line = String::with_capacity(512);
        // A string accepts everything.
        let _ = self.write_nvp_line(&mut line, record, details);
        line
    }

    /// Writes what [`nvp_line`](Self::nvp_line) returns.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_nvp_line(
        &self,
        out: &mut dyn fmt::Write,
        record: &CollectionRecord,
        details: &TraceDetails,
    ) -> fmt::Result {
        let phase_ns = |phase| record.phases.get(phase);
        let mutator_ns = record.start_ns.saturating_sub(self.before_last.end_ns);
        self.write_prefix(out, record)?;
        write!(
            out,
            "pause={:.1} mutator={:.1} gc={} reduce_memory={} heap.prologue={:.2} heap.epilogue={:.2} \
             heap.epilogue.reduce_new_space={:.2}",
            ms(record.pause_ns),
            ms(mutator_ns),
            match record.kind {
                CollectionKind::Minor => "s",
                CollectionKind::Major => "mc",
                CollectionKind::Slice => "im",
            },
            u8::from(details.reduce_memory),
            ms(phase_ns(Phase::Prepare)),
            ms(phase_ns(Phase::Finish)),
            ms(phase_ns(Phase::Resize)),
        )?;
        let copying_ns = phase_ns(Phase::Remembered).saturating_add(phase_ns(Phase::Evacuate));
        match record.kind {
            CollectionKind::Minor => {
                let scavenge_ns = phase_ns(Phase::Roots).saturating_add(copying_ns);
                // Without a measurable time there is no speed.
                let throughput = record.before.nursery_used_bytes as f64 / ms(scavenge_ns);
                write!(
                    out,
                    " scavenge={:.2} scavenge.roots={:.2} scavenge.parallel={:.2} scavenge_throughput={:.0}",
                    ms(scavenge_ns),
                    ms(phase_ns(Phase::Roots)),
                    ms(copying_ns),
                    if scavenge_ns > 0 { throughput } else { 0.0 },
                )?;
            }
            CollectionKind::Major | CollectionKind::Slice => {
                let closure_ns = phase_ns(Phase::Mark).saturating_add(phase_ns(Phase::Rescan));
                write!(
                    out,
                    " evacuate={:.2} mark={:.2} mark.roots={:.2} mark.full_closure={:.2} sweep={:.2}",
                    ms(copying_ns),
                    ms(phase_ns(Phase::Roots).saturating_add(closure_ns)),
                    ms(phase_ns(Phase::Roots)),
                    ms(closure_ns),
                    ms(phase_ns(Phase::Sweep)),
                )?;
                if let Some(steps) = details.incremental {
                    write!(
                        out,
                        " incremental={:.2} incremental_longest_step={:.2} incremental_steps_count={} \
                         incremental_walltime_duration={:.0}",
                        ms(steps.total_ns),
                        ms(steps.longest_ns),
                        steps.steps,
                        ms(steps.since_start_ns),
                    )?;
                }
            }
        }
        let nursery_bytes = record.before.nursery_used_bytes as u64;
        let allocated_bytes = (record.before.used_bytes() as u64).saturating_sub(self.before_last.used_bytes);
        write!(
            out,
            " total_size_before={} total_size_after={} allocated={} promoted={} new_space_survived={} \
             nodes_copied_in_new={} nodes_promoted={} promotion_ratio={:.1}% average_survival_ratio={:.1}% \
             promotion_rate={:.1}% new_space_survive_rate_={:.1}% new_space_allocation_throughput={:.1}",
            record.before.used_bytes(),
            record.after.used_bytes(),
            allocated_bytes,
            record.promoted_bytes,
            record.retained_bytes,
            record.retained_objects,
            record.promoted_objects,
            percent(record.promoted_bytes, nursery_bytes),
            self.survival.average(),
            percent(record.promoted_bytes, self.previous_retained_bytes),
            percent(record.survived_bytes(), nursery_bytes),
            if mutator_ns > 0 {
                allocated_bytes as f64 / ms(mutator_ns)
            } else {
                0.0
            },
        )
    }

    fn write_prefix(&self, out: &mut dyn fmt::Write, record: &CollectionRecord) -> fmt::Result {
        write!(
            out,
            "[{}:{:#x}] {:8.0} ms: ",
            self.pid,
            self.isolate,
            ms(record.end_ns())
        )
    }
}

fn ms(ns: u64) -> f64 {
    ns as f64 / NS_PER_MS
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

/// Which lines a [`TraceWriter`] writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TraceFormat {
    /// `--trace-gc`.
    #[default]
    Text,
    /// `--trace-gc-nvp`.
    NameValuePairs,
}

/// A listener that writes a line for each collection.
#[derive(Debug)]
pub struct TraceWriter<W> {
    trace: TraceGc,
    format: TraceFormat,
    out: W,
    line: String,
    error: Option<io::Error>,
}

impl<W: io::Write> TraceWriter<W> {
    /// Writes `trace`'s lines to `out`. V8 writes them to the standard output.
    pub fn new(trace: TraceGc, format: TraceFormat, out: W) -> Self {
        Self {
            trace,
            format,
            out,
            line: String::with_capacity(1024),
            error: None,
        }
    }

    /// Notes and writes a collection, with details that an event does not carry.
    pub fn write(&mut self, record: &CollectionRecord, details: &TraceDetails) {
        self.trace.observe(record, details);
        if self.error.is_some() {
            return;
        }
        self.line.clear();
        // A string accepts everything.
        let _ = match self.format {
            TraceFormat::Text => self.trace.write_line(&mut self.line, record, details),
            TraceFormat::NameValuePairs => self.trace.write_nvp_line(&mut self.line, record, details),
        };
        let _ = self.line.write_char('\n');
        self.error = self.out.write_all(self.line.as_bytes()).err();
    }

    /// The formatter, for its mutator utilization.
    pub fn trace(&self) -> &TraceGc {
        &self.trace
    }

    /// Returns the writer, flushed.
    ///
    /// # Errors
    /// The first error of writing, after which nothing more was written, or that of flushing.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.out),
        }
    }
}

impl<W: io::Write> Listener for TraceWriter<W> {
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::CollectionEnd(record) = *event {
            self.write(record, &TraceDetails::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, HeapSizes};

    const MS: u64 = 1_000_000;

    /// Sizes that print as these tenths of a MiB.
    fn sizes(used_tenths: usize, committed_tenths: usize) -> HeapSizes {
        let bytes = |tenths: usize| tenths * 1024 * 1024 / 10;
        HeapSizes {
            old_used_bytes: bytes(used_tenths),
            old_committed_bytes: bytes(committed_tenths),
            ..HeapSizes::default()
        }
    }

    fn collection(
        kind: CollectionKind,
        cause: Cause,
        end_us: u64,
        pause_us: u64,
        before: (usize, usize),
        after: (usize, usize),
    ) -> CollectionRecord {
        CollectionRecord {
            kind,
            cause,
            start_ns: (end_us - pause_us) * 1000,
            pause_ns: pause_us * 1000,
            before: sizes(before.0, before.1),
            after: sizes(after.0, after.1),
            ..CollectionRecord::default()
        }
    }

    fn observed_line(trace: &mut TraceGc, record: &CollectionRecord, details: &TraceDetails) -> String {
        trace.observe(record, details);
        trace.line(record, details)
    }

    #[test]
    fn lines_of_node_20_are_reproduced_byte_for_byte() {
        let mut trace = TraceGc::new(1788, 0x2a12_bc40);
        let none = TraceDetails::default();
        let scavenge = collection(
            CollectionKind::Minor,
            Cause::AllocationFailure,
            33_200,
            1_010,
            (39, 40),
            (33, 50),
        );
        assert_eq!(
            observed_line(&mut trace, &scavenge, &none),
            "[1788:0x2a12bc40]       33 ms: Scavenge 3.9 (4.0) -> 3.3 (5.0) MB, 1.01 / 0.00 ms  \
             (average mu = 1.000, current mu = 1.000) allocation failure; "
        );
        let first = collection(
            CollectionKind::Major,
            Cause::Testing,
            108_000,
            14_160,
            (185, 475),
            (127, 470),
        );
        assert_eq!(
            observed_line(&mut trace, &first, &none),
            "[1788:0x2a12bc40]      108 ms: Mark-Compact 18.5 (47.5) -> 12.7 (47.0) MB, 14.16 / 0.00 ms  \
             (average mu = 1.000, current mu = 1.000) testing; GC in old space requested"
        );
        let second = collection(
            CollectionKind::Major,
            Cause::Testing,
            332_000,
            21_080,
            (806, 1128),
            (272, 621),
        );
        let steps = IncrementalSteps {
            total_ns: 24_300_000,
            steps: 9,
            longest_ns: 23 * MS,
            since_start_ns: 62 * MS,
        };
        let reason = Some("finalize incremental marking via stack guard");
        let details = TraceDetails {
            incremental: Some(steps),
            reason,
            ..none
        };
        assert_eq!(
            observed_line(&mut trace, &second, &details),
            "[1788:0x2a12bc40]      332 ms: Mark-Compact 80.6 (112.8) -> 27.2 (62.1) MB, 21.08 / 0.00 ms  \
             (+ 24.3 ms in 9 steps since start of marking, biggest step 23.0 ms, walltime since start of \
             marking 62 ms) \
             (average mu = 0.797, current mu = 0.797) \
             finalize incremental marking via stack guard; GC in old space requested"
        );
    }

    #[test]
    fn average_utilization_halves_towards_the_new_value() {
        let mut trace = TraceGc::new(1976, 0x2cb4_6870);
        let none = TraceDetails::default();
        let major = |end_us, pause_us| {
            collection(
                CollectionKind::Major,
                Cause::PromotionRoom,
                end_us,
                pause_us,
                (476, 650),
                (470, 807),
            )
        };
        trace.observe(&major(61_730, 50_000), &none);
        assert_eq!(
            (trace.average_mutator_utilization(), trace.current_mutator_utilization()),
            (1.0, 1.0)
        );
        trace.observe(&major(157_580, 20_000), &none);
        // Minor collections between two major ones do not count.
        trace.observe(
            &collection(CollectionKind::Minor, Cause::Testing, 160_000, 900, (1, 1), (1, 1)),
            &none,
        );
        let last = major(187_000, 26_600);
        assert_eq!(
            observed_line(&mut trace, &last, &none),
            "[1976:0x2cb46870]      187 ms: Mark-Compact 47.6 (65.0) -> 47.0 (80.7) MB, 26.60 / 0.00 ms  \
             (average mu = 0.628, current mu = 0.096) allocation failure; scavenge might not succeed"
        );
    }

    #[test]
    fn a_reducing_collection_says_so_and_a_minor_one_prints_no_steps() {
        let mut trace = TraceGc::new(17_100, 0x18b0_1d70);
        let details = TraceDetails {
            reduce_memory: true,
            external_ns: 2_345_000,
            incremental: Some(IncrementalSteps {
                total_ns: 49_000,
                steps: 1,
                ..IncrementalSteps::default()
            }),
            ..TraceDetails::default()
        };
        let major = collection(
            CollectionKind::Major,
            Cause::LastResort,
            1_108_000,
            10_340,
            (1062, 1122),
            (1061, 1102),
        );
        assert_eq!(
            observed_line(&mut trace, &major, &details),
            "[17100:0x18b01d70]     1108 ms: Mark-Compact (reduce) 106.2 (112.2) -> 106.1 (110.2) MB, 10.34 / 2.35 ms  \
             (+ 0.0 ms in 1 steps since start of marking, biggest step 0.0 ms, walltime since start of marking 0 ms) \
             (average mu = 1.000, current mu = 1.000) last resort; GC in old space requested"
        );
        let minor = CollectionRecord {
            kind: CollectionKind::Minor,
            ..major
        };
        assert!(!trace.line(&minor, &details).contains("steps"));
    }

    #[test]
    fn name_value_pairs_of_a_minor_and_a_major_collection() {
        let mut trace = TraceGc::new(7, 0xabc0);
        let none = TraceDetails::default();
        let mut minor = CollectionRecord {
            start_ns: 10 * MS,
            pause_ns: 2 * MS,
            before: HeapSizes {
                nursery_used_bytes: 4000,
                old_used_bytes: 1000,
                ..HeapSizes::default()
            },
            after: HeapSizes {
                nursery_used_bytes: 800,
                old_used_bytes: 1200,
                ..HeapSizes::default()
            },
            retained_bytes: 800,
            promoted_bytes: 200,
            retained_objects: 8,
            promoted_objects: 2,
            ..CollectionRecord::default()
        };
        minor.phases.add(Phase::Prepare, MS / 10);
        minor.phases.add(Phase::Roots, MS / 2);
        minor.phases.add(Phase::Remembered, MS / 4);
        minor.phases.add(Phase::Evacuate, MS / 4);
        minor.phases.add(Phase::Finish, MS / 5);
        trace.observe(&minor, &none);
        assert_eq!(
            trace.nvp_line(&minor, &none),
            "[7:0xabc0]       12 ms: pause=2.0 mutator=10.0 gc=s reduce_memory=0 heap.prologue=0.10 heap.epilogue=0.20 \
             heap.epilogue.reduce_new_space=0.00 scavenge=1.00 scavenge.roots=0.50 scavenge.parallel=0.50 \
             scavenge_throughput=4000 total_size_before=5000 total_size_after=2000 allocated=5000 promoted=200 \
             new_space_survived=800 nodes_copied_in_new=8 nodes_promoted=2 promotion_ratio=5.0% \
             average_survival_ratio=25.0% promotion_rate=0.0% new_space_survive_rate_=25.0% \
             new_space_allocation_throughput=500.0"
        );
        let mut major = CollectionRecord {
            kind: CollectionKind::Major,
            start_ns: 16 * MS,
            pause_ns: 3 * MS,
            before: HeapSizes {
                nursery_used_bytes: 1000,
                old_used_bytes: 1200,
                ..HeapSizes::default()
            },
            after: HeapSizes {
                old_used_bytes: 900,
                ..HeapSizes::default()
            },
            promoted_bytes: 400,
            promoted_objects: 4,
            ..CollectionRecord::default()
        };
        major.phases.add(Phase::Roots, MS);
        major.phases.add(Phase::Mark, MS);
        major.phases.add(Phase::Rescan, MS / 2);
        major.phases.add(Phase::Sweep, MS / 4);
        let steps = IncrementalSteps {
            total_ns: MS,
            steps: 2,
            longest_ns: MS / 2,
            since_start_ns: 3 * MS,
        };
        let details = TraceDetails {
            reduce_memory: true,
            incremental: Some(steps),
            ..none
        };
        trace.observe(&major, &details);
        assert_eq!(
            trace.nvp_line(&major, &details),
            "[7:0xabc0]       19 ms: pause=3.0 mutator=4.0 gc=mc reduce_memory=1 heap.prologue=0.00 heap.epilogue=0.00 \
             heap.epilogue.reduce_new_space=0.00 evacuate=0.00 mark=2.50 mark.roots=1.00 mark.full_closure=1.50 \
             sweep=0.25 incremental=1.00 incremental_longest_step=0.50 incremental_steps_count=2 \
             incremental_walltime_duration=3 total_size_before=2200 total_size_after=900 allocated=200 promoted=400 \
             new_space_survived=0 nodes_copied_in_new=0 nodes_promoted=4 promotion_ratio=40.0% \
             average_survival_ratio=32.5% promotion_rate=50.0% new_space_survive_rate_=40.0% \
             new_space_allocation_throughput=50.0"
        );
    }

    #[test]
    fn survival_averages_the_last_ten() {
        let mut ratios = SurvivalRatios::default();
        assert_eq!(ratios.average(), 0.0);
        for percent in 0..13 {
            ratios.push(f64::from(percent));
        }
        assert_eq!(ratios.average(), 7.5);
    }

    #[test]
    fn a_writer_writes_one_line_per_collection_and_stops_at_an_error() {
        let record = collection(CollectionKind::Minor, Cause::Testing, 5_000, 1_000, (10, 10), (5, 10));
        let mut writer = TraceWriter::new(TraceGc::new(1, 2), TraceFormat::Text, Vec::new());
        writer.on_event(&Event::CollectionBegin {
            kind: record.kind,
            cause: record.cause,
            start_ns: record.start_ns,
        });
        writer.on_event(&Event::CollectionEnd(&record));
        writer.on_event(&Event::CollectionEnd(&record));
        let line = writer.trace().line(&record, &TraceDetails::default());
        let written = String::from_utf8(writer.finish().expect("a vector accepts everything")).expect("lines are text");
        assert_eq!(written, format!("{line}\n{line}\n"));

        struct Full {
            writes: usize,
        }
        impl io::Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                self.writes += 1;
                Err(io::Error::other(format!("disk full at write {}", self.writes)))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = TraceWriter::new(TraceGc::new(1, 2), TraceFormat::NameValuePairs, Full { writes: 0 });
        writer.on_event(&Event::CollectionEnd(&record));
        writer.on_event(&Event::CollectionEnd(&record));
        let error = writer.finish().err().expect("nothing could be written");
        assert_eq!(error.to_string(), "disk full at write 1");
    }
}
