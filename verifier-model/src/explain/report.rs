// SPDX-License-Identifier: GPL-2.0-only
//! The report that 7.3 appends to its messages, in its form and in words of our own, so that what reads
//! such reports can be tried without a kernel.
//!
//! Source: `kernel/bpf/diagnostics.c`; `docs/explain.md` says where the two differ.

use std::collections::BTreeMap;

use crate::env::Env;
use crate::explain::Explanation;
use crate::explain::path::function_name;
use crate::explain::source::{Site, line_as_written, line_texts};
use crate::explain::text::wrap;
use crate::facts::kind::Kind;
use crate::facts::rejection::Rejection;

/// Source lines told on either side, and instructions.
const AROUND: u32 = 2;

/// What is written for a tab.
const TAB: &str = "        ";

/// A place of a report, and what is said of it.
struct Place<'s> {
    site: &'s Site,
    label: String,
}

/// The report on a rejection.
pub(super) fn report(env: &Env<'_>, why: &Rejection, e: &Explanation) -> String {
    let mut report = Report {
        env,
        texts: line_texts(env),
        out: String::new(),
    };
    let problem = why.kind.name().replace('-', " ");
    let problem = problem[..1].to_uppercase() + &problem[1..];
    report.line(&format!(
        "\nVerification failed: {}: {problem}",
        class(why.kind)
    ));
    report.section("Reason");
    let what = e.what.as_deref().unwrap_or(why.kind.what());
    report.wrapped("  ", what);
    if let Some(site) = &e.site {
        report.section("At");
        report.place(&Place {
            site,
            label: format!("error: {}", why.said()),
        });
    }
    let places = causal_path(e);
    if !places.is_empty() {
        report.section("Causal path");
    }
    for (n, place) in places.iter().enumerate() {
        if n > 0 {
            report.line("");
        }
        report.place(place);
    }
    let advice = e.cause.as_ref().map(|cause| cause.advice);
    if let Some(advice) = advice.or(e.advice.first().map(String::as_str)) {
        report.section("Suggestion");
        report.wrapped("  ", advice);
    }
    report.out
}

/// Where something was acquired, where branches went, and the cause; in the order of the path.
fn causal_path(e: &Explanation) -> Vec<Place<'_>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    for held in &e.held {
        places.extend(held.site.iter().map(|site| Place {
            site,
            label: format!("acquired: {}", held.what),
        }));
    }
    let cause = e.cause.as_ref();
    let events = e.path.iter().skip(1);
    places.extend(events.map(|event| Place {
        site: &event.site,
        label: match event.branch {
            true => format!("branch: {}", event.what),
            false => format!("context: {}", event.what),
        },
    }));
    let told = |place: &Place<'_>| cause.is_some_and(|cause| cause.site == *place.site);
    if !places.iter().any(told) {
        places.extend(cause.map(|cause| Place {
            site: &cause.site,
            label: format!("update: {}", cause.what),
        }));
    }
    places
}

struct Report<'a, 'e> {
    env: &'a Env<'e>,
    /// What is known of the source: texts by file and number.
    texts: BTreeMap<(String, u32), String>,
    out: String,
}

impl Report<'_, '_> {
    fn line(&mut self, text: &str) {
        self.out += text.trim_end();
        self.out.push('\n');
    }

    fn wrapped(&mut self, label: &str, text: &str) {
        for line in wrap(label, text) {
            self.line(&line);
        }
    }

    fn section(&mut self, title: &str) {
        self.line(&format!("\n{title}:"));
    }

    fn place(&mut self, place: &Place<'_>) {
        let Site { insn, column, .. } = *place.site;
        let function = function_name(self.env, insn);
        let function = function.trim_end_matches("()");
        match &place.site.line {
            Some(line) => {
                self.line(&format!("  {function} @ {}:{column}", line.place()));
                self.source(insn, &place.label);
            }
            None => {
                self.line(&format!("  {function} @ insn {insn}"));
                self.wrapped("  ", &place.label);
            }
        }
        self.instructions(insn);
    }

    /// The source line with those around it; of a line without instructions the text is not known.
    fn source(&mut self, insn: usize, label: &str) {
        let Some((file, number, text)) = line_as_written(self.env, insn) else {
            return;
        };
        let text = text.replace('\t', TAB);
        self.line("  Source context:");
        let last = number + AROUND;
        let width = last.to_string().len();
        for n in number.saturating_sub(AROUND).max(1)..=last {
            let known = self.texts.get(&(file.clone(), n));
            let known = known.map(|text| text.replace('\t', TAB));
            let mark = if n == number { ">>>" } else { "   " };
            self.line(&format!(
                "  {mark} {n:width$} | {}",
                known.as_deref().unwrap_or("...")
            ));
            if n == number {
                let indent = text.len() - text.trim_start().len();
                let margin = format!("      {:width$} | {:indent$}", "", "");
                self.wrapped(&format!("{margin}^-- "), label);
            }
        }
    }

    fn instructions(&mut self, insn: usize) {
        self.line("  Instruction context:");
        let around = Site::around(self.env, insn);
        let last = around.last().map_or(0, |site| site.insn);
        let width = last.to_string().len();
        for site in around {
            let mark = if site.insn == insn { ">>>" } else { "   " };
            let text = self.env.insn_text(site.insn);
            self.line(&format!("  {mark} {:width$} | {text}", site.insn));
        }
    }
}

/// The five classes that the kernel sorts its reports into.
fn class(kind: Kind) -> &'static str {
    use Kind as K;
    match kind {
        K::NullConstant
        | K::NullDereference
        | K::NumberDereference
        | K::PointerDereference
        | K::PointerArithmetic
        | K::UnwrittenRegister
        | K::TwoPointerTypes
        | K::ModifiedPointer
        | K::ConstantOffset
        | K::FramePointer
        | K::ReturnValue
        | K::StackArguments
        | K::AddressLeak
        | K::SpilledPointer
        | K::SpillSize => "Register Type Safety",
        K::ReferenceLeak
        | K::ReleaseWithoutReference
        | K::IterNotInitialised
        | K::IterAlreadyInitialised
        | K::IterNotOnStack
        | K::Dynptr
        | K::IrqFlag => "Resource Lifetime Safety",
        K::ArgumentType
        | K::NullArgument
        | K::ConstantArgument
        | K::ConstantString
        | K::GlobalFunctionArgument
        | K::TypeArgument
        | K::NotTrusted
        | K::MapType
        | K::CallNotAllowed
        | K::MissingFunction
        | K::KfuncPrototype => "Call Type Safety",
        K::SectionLeftOpen
        | K::SectionNotOpen
        | K::LockNotHeld
        | K::AnotherLock
        | K::IterOutsideRcu
        | K::NoRcuSection
        | K::CallOutsideRcu
        | K::CallUnderLock
        | K::SleepsInAtomic
        | K::ProgramNotSleepable => "Execution Context Safety",
        K::MapValueBounds
        | K::MemoryBounds
        | K::PacketBounds
        | K::ContextBounds
        | K::ObjectBounds
        | K::BufferBounds
        | K::StackOutOfBounds
        | K::StackUnbounded
        | K::UnwrittenStack
        | K::NegativeIndex
        | K::UnboundedIndex
        | K::UnboundedOffset
        | K::Length
        | K::MemorySize
        | K::MemoryLengthPair
        | K::Misaligned
        | K::ReadOnly => "Memory Safety",
        // What the kernel writes when it has no class for a failure.
        _ => "Verifier Error",
    }
}
