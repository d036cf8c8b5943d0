// SPDX-License-Identifier: GPL-2.0-only
//! Reading the verifier's log.
//!
//! ```text
//! 0: R1=ctx() R10=fp0                        the body: at log level 1 the failing path
//! 0: (85) call bpf_iter_num_new#71943 ...
//! arg#0 expected pointer to an iterator …    the message
//!
//! Verification failed: Call Type Safety: …   a report for people, since Linux 7.3:
//! …                                          kernel/bpf/diagnostics.c
//!
//! verification time 153 usec                 statistics, print_verification_stats()
//! stack depth max 8
//! subprog 0 (…) main insns_self 1 …
//! processed 1 insns (limit 1000000) …
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The room that a kernel is given for a log, 16 MB: all that it ever asks for at log level 1 but for
/// programs that run into its limit on instructions. Who outgrows it is asked again, for statistics alone:
/// the verifier says no more than its last message then.
pub const ROOM: usize = 16 << 20;

/// How a report begins.
const REPORT: &str = "Verification failed: ";

/// How the statistics begin.
const TIME: &str = "verification time ";
/// How they end, and begin where there is no time.
const PROCESSED: &str = "processed ";

/// What the verifier's work came to: the numbers of its last line, `processed …`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Instructions processed, each path counted.
    pub insns: u32,
    /// States kept at once, at most, for one instruction.
    pub max_states_per_insn: u32,
    /// States ever kept.
    pub total_states: u32,
    /// States kept at once, at most.
    pub peak_states: u32,
    /// The longest walk that marked registers as read.
    pub mark_read: u32,
}

/// A log taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// All but the statistics.
    pub body: &'a str,
    /// The last line the verifier said of its own accord: neither of a report nor of a state.
    pub message: Option<&'a str>,
    /// The title of the last report, such as `Memory Safety: Invalid map value access`.
    pub report: Option<&'a str>,
    /// The instruction before the message.
    pub insn: Option<u32>,
    /// The statistics; absent if the verifier gave up before its first state.
    pub stats: Option<Stats>,
}

/// Takes a log apart.
pub fn parse(text: &str) -> Log<'_> {
    let mut body = text.trim_end_matches('\n');
    let mut stats = None;
    loop {
        let start = body.rfind('\n').map_or(0, |end| end + 1);
        let line = &body[start..];
        if let Some(found) = processed(line) {
            stats = Some(found);
        } else if !is_statistic(line) {
            // Some messages come without a line's end.
            if let Some((message, rest)) = line.rsplit_once(TIME)
                && rest.ends_with(" usec")
            {
                body = &body[..start + message.len()];
            } else if let Some(at) = line.rfind(PROCESSED)
                && let Some(found) = processed(&line[at..])
            {
                stats = Some(found);
                body = &body[..start + at];
            }
            break;
        }
        body = body[..start].trim_end_matches('\n');
        if body.is_empty() {
            break;
        }
    }
    let (mut message, mut report, mut insn) = (None, None, None);
    let mut in_report = false;
    for line in body.lines() {
        if let Some(title) = line.strip_prefix(REPORT) {
            (report, in_report) = (Some(title), true);
        } else if in_report && is_report(line) {
        } else if let Some(at) = index(line) {
            (insn, message, in_report) = (Some(at), None, false);
        } else if !is_state(line) {
            (message, in_report) = (Some(line), false);
        }
    }
    Log {
        body,
        message,
        report,
        insn,
        stats,
    }
}

impl<'a> Log<'a> {
    /// What shows that this kernel, not the program, is at fault: the line to show.
    pub fn defect(&self, text: &'a str) -> Option<&'a str> {
        // Of a helper whose body the configuration leaves out.
        text.lines()
            .find(|line| line.contains("kernel subsystem misconfigured"))
    }
}

/// The numbers of `processed N insns (limit L) max_states_per_insn N total_states N …`.
fn processed(line: &str) -> Option<Stats> {
    let mut words = line.strip_prefix(PROCESSED)?.split_whitespace();
    let insns = words.next()?.parse().ok()?;
    let mut after = |name: &str| {
        words.find(|word| *word == name)?;
        words.next()?.parse().ok()
    };
    Some(Stats {
        insns,
        max_states_per_insn: after("max_states_per_insn")?,
        total_states: after("total_states")?,
        peak_states: after("peak_states")?,
        mark_read: after("mark_read")?,
    })
}

fn is_statistic(line: &str) -> bool {
    // Linux 7.2 has the number of instructions on a line of its own as well, of each function.
    let insns = line.strip_prefix("insns processed ");
    let numbers = |insns: &str| insns.split('+').all(|n| n.parse::<u32>().is_ok());
    line.starts_with(TIME)
        || line.starts_with("stack depth ")
        || line.starts_with("subprog ") && line.contains(" insns_self ")
        || insns.is_some_and(numbers)
}

/// Whether a line belongs to the report that has begun: its sections are indented.
fn is_report(line: &str) -> bool {
    let sections = [
        "Reason:",
        "At:",
        "Active lock:",
        "Causal path:",
        "Suggestion:",
    ];
    line.is_empty() || line.starts_with("  ") || sections.contains(&line)
}

/// Whether a line shows source or a state, not a finding.
fn is_state(line: &str) -> bool {
    const SIGNS: [&str; 7] = [
        " ",
        "; ",
        "from ",
        "returning from callee:",
        "to caller at ",
        "cur state:",
        "old state:",
    ];
    line.is_empty() || SIGNS.iter().any(|sign| line.starts_with(sign))
}

/// 12 of `12: (b7) r0 = 0` or `12: R0=0 R10=fp0`.
fn index(line: &str) -> Option<u32> {
    let (number, rest) = line.split_once(": ")?;
    let first = rest.chars().next()?;
    (first == '(' || first == 'R' || rest.starts_with("frame"))
        .then(|| number.parse().ok())
        .flatten()
}

/// The log without the reports for people, and the empty lines before them.
pub fn without_reports(log: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut in_report = false;
    for line in log.lines() {
        if line.starts_with(REPORT) {
            in_report = true;
            lines.pop_if(|line| line.is_empty());
        } else if !(in_report && is_report(line)) {
            in_report = false;
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// The log with the kernel addresses that 64-bit loads show made alike: those of maps and variables,
/// which differ from boot to boot, and those of functions, which programs get as plain numbers and
/// which differ from build to build.
pub fn without_addresses(log: &str) -> String {
    let functions: BTreeSet<&str> = log.lines().filter_map(function).collect();
    let mut lines: Vec<String> = Vec::new();
    for line in log.lines() {
        let mut line = without_address(line).unwrap_or_else(|| line.to_owned());
        for function in &functions {
            if line.contains(function) {
                line = line.replace(function, "0xADDRESS");
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// The number that a line loads, if it lies where x86-64 has the kernel's code.
fn function(line: &str) -> Option<&str> {
    let (_, number) = line.split_once("(18) ")?.1.split_once(" = ")?;
    let number = number.split(char::is_whitespace).next()?;
    let value = u64::from_str_radix(number.strip_prefix("0x")?, 16).ok()?;
    (0xffff_ffff_8100_0000..0xffff_ffff_a000_0000)
        .contains(&value)
        .then_some(number)
}

/// A load on the path, `5: (18) r1 = 0xffff…  ; R1=map_ptr(…)`, unless the state says that it is a
/// plain number; or one in a report, `5 | (18) r1 = 0xffff…`, that looks like an address. What
/// begins with `0x7f` lies in the loader's memory, as an arena does.
fn without_address(line: &str) -> Option<String> {
    let (head, load) = line.split_once("(18) ")?;
    let (register, rest) = load.split_once(" = 0x")?;
    let digits = rest.len()
        - rest
            .trim_start_matches(|c: char| c.is_ascii_hexdigit())
            .len();
    let (value, tail) = rest.split_at(digits);
    let kernel = digits == 16 && value.starts_with("ffff");
    let user = digits == 12 && value.starts_with("7f");
    let upper = register.to_uppercase();
    // Of an address in an arena nothing is known.
    let tail_known = tail.replace("=scalar()", "");
    let number = ["=0x", "=-", "=scalar"].map(|state| format!("{upper}{state}"));
    let is_number = number
        .iter()
        .any(|state| tail_known.contains(state.as_str()));
    let address = if head.ends_with("| ") {
        value.starts_with("ffff8") || value.starts_with("ffffc")
    } else {
        (kernel || user) && !is_number
    };
    address.then(|| format!("{head}(18) {register} = 0xADDRESS{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
0: R1=ctx() R10=fp0
; r = 1; @ a.c:3
0: (18) r2 = 0xffff888004c9b400       ; R2=map_ptr(ks=4,vs=8)
2: (85) call bpf_iter_num_next#71943
expected an initialized iter_num as arg #0

Verification failed: Call Type Safety: Bad iterator

Reason:
  It is not initialized.

At:
  f @ a.c:3:2
  Instruction context:
  >>> 2 | (85) call bpf_iter_num_next#71943

Suggestion:
  Initialize it.
verification time 153 usec
stack depth max 8
subprog 0 (x) main insns_self 2 insns_total 2 stack 8
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 3 mark_read 4
";

    #[test]
    fn the_statistics_of_7_2_are_no_message() {
        for insns in ["13", "4+0+9"] {
            let text = format!(
                "infinite loop detected at insn 0\n\
                 cur state: R10=fp0\n\
                 verification time 5334 usec\n\
                 stack depth 0 max 0\n\
                 insns processed {insns}\n\
                 processed 13 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n",
            );
            let log = parse(&text);
            assert_eq!(log.message, Some("infinite loop detected at insn 0"));
            assert_eq!(log.stats.map(|stats| stats.insns), Some(13));
        }
    }

    #[test]
    fn a_log_comes_apart() {
        let log = parse(LOG);
        assert_eq!(
            log.message,
            Some("expected an initialized iter_num as arg #0")
        );
        assert_eq!(log.insn, Some(2));
        let stats = Stats {
            insns: 2,
            max_states_per_insn: 0,
            total_states: 1,
            peak_states: 3,
            mark_read: 4,
        };
        assert_eq!(log.stats, Some(stats));
        assert_eq!(log.report, Some("Call Type Safety: Bad iterator"));
        assert!(log.body.ends_with("Initialize it."));
        assert!(log.defect(LOG).is_none());
    }

    #[test]
    fn states_and_reports_are_no_messages() {
        let loops = "3: (05) goto pc-1\ninfinite loop detected at insn 3\n\
            cur state: R10=fp0\nold state: R10=fp0\nprocessed";
        let log = parse(loops.trim_end_matches("processed"));
        assert_eq!(log.message, Some("infinite loop detected at insn 3"));
        let leak = "7: (95) exit\nUnreleased reference id=1 alloc_insn=5\n\n\
            Verification failed: A: B\n\nReason:\n  Why.\n\nBPF_EXIT would leak\n";
        assert_eq!(parse(leak).message, Some("BPF_EXIT would leak"));
    }

    #[test]
    fn reports_are_left_out() {
        let found =
            "2: (85) call bpf_iter_num_next#71943\nexpected an initialized iter_num as arg #0";
        let rest = without_reports(parse(LOG).body);
        assert!(rest.ends_with(found), "{rest}");
        let leak = "Unreleased reference id=1 alloc_insn=5\n\n\
            Verification failed: A: B\n\nReason:\n  Why.\n\nBPF_EXIT would leak";
        let rest = "Unreleased reference id=1 alloc_insn=5\nBPF_EXIT would leak";
        assert_eq!(without_reports(leak), rest);
        assert_eq!(without_reports("a\n\nb"), "a\n\nb");
    }

    #[test]
    fn a_message_may_lack_its_end_of_line() {
        let log = parse("insn 3 cannot call exception cb directlyverification time 57 usec\n");
        assert_eq!(
            log.message,
            Some("insn 3 cannot call exception cb directly")
        );
    }

    #[test]
    fn nor_need_statistics_have_a_line() {
        let text = "no end of lineprocessed 2 insns (limit 1000000) max_states_per_insn 0 \
            total_states 1 peak_states 3 mark_read 4\n";
        let log = parse(text);
        assert_eq!(
            (log.body, log.message),
            ("no end of line", Some("no end of line"))
        );
        assert_eq!(log.stats.map(|stats| stats.peak_states), Some(3));
    }

    #[test]
    fn statistics_alone_are_no_message() {
        let end = LOG.find("verification").unwrap();
        let log = parse(&LOG[end..]);
        assert_eq!((log.body, log.message, log.insn), ("", None, None));
        assert!(log.stats.is_some());
    }

    #[test]
    fn libbpf_says_why_an_instruction_was_spoilt() {
        let text = "0: R1=ctx() R10=fp0\n0: <invalid CO-RE relocation>\n\
            failed to resolve CO-RE relocation <byte_off> [7] struct a.b (0:0 @ offset 0)\n\
            processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 \
            peak_states 0 mark_read 0\n";
        let log = parse(text);
        let why = "failed to resolve CO-RE relocation <byte_off> [7] struct a.b (0:0 @ offset 0)";
        assert_eq!(log.message, Some(why));
        assert!(log.defect(text).is_none());
    }

    #[test]
    fn addresses_go_and_numbers_stay() {
        assert!(without_addresses(LOG).contains("r2 = 0xADDRESS       ; R2=map_ptr"));
        let number = "0: (18) r2 = 0xffffffff80000000       ; R2=0xffffffff80000000";
        assert_eq!(without_addresses(number), number);
        let arena = "  0: (18) r2 = 0x7fb0dc68f000";
        assert_eq!(without_addresses(arena), "  0: (18) r2 = 0xADDRESS");
        let arena = "0: (18) r2 = 0x7fb0dc68f000           ; R2=scalar()";
        assert!(without_addresses(arena).starts_with("0: (18) r2 = 0xADDRESS"));
        let number = "0: (18) r2 = 0x7fffffffffff       ; R2=0x7fffffffffff";
        assert_eq!(without_addresses(number), number);
        let function = "0: (18) r2 = 0xffffffff81b36d10       ; R2=0xffffffff81b36d10\n\
            2: (0f) r2 += r1       ; R2=0xffffffff81b36d18";
        let masked = "0: (18) r2 = 0xADDRESS       ; R2=0xADDRESS\n\
            2: (0f) r2 += r1       ; R2=0xffffffff81b36d18";
        assert_eq!(without_addresses(function), masked);
        let report = "  >>> 11 | (18) r1 = 0xffffc90000056000";
        assert_eq!(without_addresses(report), "  >>> 11 | (18) r1 = 0xADDRESS");
        let number = "      11 | (18) r1 = 0xffffffff80000000";
        assert_eq!(without_addresses(number), number);
    }
}
