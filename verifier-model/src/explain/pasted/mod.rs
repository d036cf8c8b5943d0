// SPDX-License-Identifier: GPL-2.0-only
//! A rejection explained from the verifier's log alone, as somebody pastes it: no object, and a kernel
//! of any release.
//!
//! What a log does not have is left out: what is held, where instructions went, and the origin of a
//! value beyond the instructions that are printed.

mod kind;
mod lines;
mod section;
mod way;

use crate::explain::pasted::lines::Line;
use crate::explain::pasted::section::sections;
use crate::explain::pasted::way::Way;
use crate::explain::{Explanation, advise, empty};
use crate::facts::errno::Errno;
use crate::facts::kind::Kind;
use crate::facts::rejection::Rejection;

impl Explanation {
    /// Explains what is rejected in text that has a kernel's log, one after another; nothing where
    /// there is no message of a verifier.
    pub fn of_logs(text: &str) -> Vec<Self> {
        let text = without_indent(text);
        let logs = sections(&text).into_iter();
        logs.filter_map(|(program, log)| of_log(program, &log))
            .collect()
    }
}

/// The text without the space that all lines of it begin with.
fn without_indent(text: &str) -> String {
    let filled = text.lines().filter(|l| !l.trim().is_empty());
    let indent = |l: &str| l.len() - l.trim_start().len();
    let common = filled.map(indent).min().unwrap_or(0);
    let lines = text.lines().map(|l| l.get(common..).unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

fn of_log(program: &str, log: &str) -> Option<Explanation> {
    let lines = lines::lines(log);
    let last_insn = lines.iter().rposition(|l| matches!(l, Line::Insn { .. }));
    let said = |lines: &[Line<'_>]| {
        let words = lines.iter().rev().filter_map(|l| match l {
            Line::Message(words) => Some((*words).to_owned()),
            _ => None,
        });
        words.collect::<Vec<_>>()
    };
    let mut messages = said(&lines[last_insn.map_or(0, |i| i + 1)..]);
    if messages.is_empty() {
        messages = said(&lines);
    }
    let last_first: Vec<&str> = messages.iter().map(String::as_str).collect();
    let found = kind::of_lines(&last_first);
    let message = found.map_or(*last_first.first()?, |(_, line)| line);

    let mut e = empty(program.to_owned());
    let way = Way::of(&lines);
    message.clone_into(&mut e.message);
    if let Some((kind, _)) = found {
        let why = Rejection {
            kind: null_or_number(kind, message, &way),
            errno: Errno(0),
            message: message.to_owned(),
            cause: None,
            plain: None,
            insn: None,
            regs: Vec::new(),
        };
        advise(&why, &mut e);
    }
    way.tell(program, message, &mut e);
    Some(e)
}

/// Whether a number that is used as a pointer is NULL; the message is the same.
fn null_or_number(kind: Kind, message: &str, way: &Way<'_>) -> Kind {
    if !matches!(kind, Kind::NumberDereference | Kind::NullConstant) {
        return kind;
    }
    let register = message.split(' ').next().unwrap_or_default();
    let value = way.value(register).unwrap_or_default();
    match value.trim_start_matches("inv").trim_start_matches('P') {
        "0" => Kind::NullConstant,
        _ => Kind::NumberDereference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a 6.1 kernel, as libbpf prints it.
    const LOG: &str = "\
libbpf: prog 'count': BPF program load failed: Permission denied
libbpf: prog 'count': -- BEGIN PROG LOAD LOG --
0: R1=ctx(off=0,imm=0) R10=fp0
; __u64 *v = bpf_map_lookup_elem(&map, &key);
0: (18) r1 = 0xffff8881009a8c00       ; R1_w=map_ptr(off=0,ks=4,vs=8,imm=0)
2: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)
; *v += 1;
3: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'count': failed to load: -13
";

    #[test]
    fn a_log_has_kind_place_state_and_advice() {
        let all = Explanation::of_logs(LOG);
        let [e] = &all[..] else {
            panic!("{}", all.len())
        };
        let text = e.text(false);
        assert!(
            text.starts_with("count: rejected [null-dereference]\n"),
            "{text}"
        );
        for part in [
            "\n  *v += 1;\n",
            "  → insn 3: r1 = *(u64 *)(r0 +0)\n",
            "  R0  map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)\n        insn 2  returned by the call: call bpf_map_lookup_elem#1",
            "\nWhat to do\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn text_that_is_no_log() {
        assert_eq!(Explanation::of_logs(""), []);
        assert_eq!(Explanation::of_logs("processed 1 insns\n\n"), []);
    }
}
