// SPDX-License-Identifier: GPL-2.0-only
//! The lines of a verifier's log, of any release from 5.10 on.
//!
//! ```text
//! func#0 @0                                     notes, which say nothing of why
//! 0: R1=ctx() R10=fp0                           a state, before the instruction
//! ; int x = *p; @ prog.c:12                     a source line; before 6.8 without its place
//! 0: (61) r1 = *(u32 *)(r1 +76)  ; R1_w=pkt()   an instruction; the state behind it since 5.17
//! from 3 to 7: R0=0 R10=fp0                     the walk goes back to a jump and takes the other side
//! R0 !read_ok                                   what is wrong
//! Verification failed: …                        a report, since 7.3
//! processed 4 insns (limit 1000000) …           statistics
//! ```

/// A register or stack slot and what the log has of it.
pub(super) type Known<'l> = (&'l str, &'l str);

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// An instruction, and what is known after it.
    Insn {
        at: usize,
        text: &'l str,
        after: Vec<Known<'l>>,
    },
    /// What is known before an instruction.
    State(Vec<Known<'l>>),
    /// The walk goes back to behind this instruction, and on with this state.
    From { jump: usize, state: Vec<Known<'l>> },
    /// A source line: text, file and number; the file is empty where it is not told.
    Source {
        text: &'l str,
        file: &'l str,
        number: u32,
    },
    /// What the verifier says of its own accord.
    Message(&'l str),
    /// Nothing of interest.
    Note,
}

/// How notes begin.
const NOTES: [&str; 29] = [
    "func#",
    "Func#",
    "Validating ",
    "last_idx ",
    "regs=",
    "parent ",
    "mark_precise",
    "force_precise",
    "propagating ",
    "processed ",
    "insns processed ",
    "verification time ",
    "stack depth ",
    "subprog ",
    "subprog#",
    "topo_order",
    "caller:",
    "callee:",
    "returning from callee",
    "to caller at ",
    "cur state:",
    "old state:",
    "Live regs before insn",
    "max_states",
    "libbpf:",
    "-- ",
    "arg_track",
    "stack liveness",
    "SCC ",
];

/// Takes a log apart, without the report that 7.3 appends.
pub(super) fn lines(log: &str) -> Vec<Line<'_>> {
    let mut all = Vec::new();
    let mut in_report = false;
    for raw in log.lines() {
        let line = raw.trim_end();
        if line.starts_with("Verification failed: ") {
            in_report = true;
            continue;
        }
        let of_report = line.is_empty() || line.starts_with(' ') || heads(line);
        in_report &= of_report;
        if !in_report {
            all.push(classify(line.trim_start()));
        }
    }
    all
}

/// Whether a section of the report begins.
fn heads(line: &str) -> bool {
    const HEADS: [&str; 6] = [
        "Reason:",
        "At:",
        "Causal path:",
        "Suggestion:",
        "Note:",
        "Path:",
    ];
    HEADS.contains(&line)
}

fn classify(line: &str) -> Line<'_> {
    if let Some(text) = line.strip_prefix("; ") {
        return source(text);
    }
    if let Some(rest) = line.strip_prefix("from ") {
        return from(rest).unwrap_or(Line::Note);
    }
    if let Some((at, rest)) = numbered(line) {
        return insn(at, rest).unwrap_or_else(|| match known(rest) {
            state if state.is_empty() => Line::Note,
            state => Line::State(state),
        });
    }
    let is_state = |line: &str| {
        let first = line.split(' ').next().unwrap_or_default();
        let frame = line.strip_prefix("frame").map(str::trim_start);
        let of_frame = frame.is_some_and(|l| l.starts_with(|c: char| c.is_ascii_digit()));
        first.contains('=') && is_place(first) || of_frame
    };
    match line.is_empty() || is_state(line) || NOTES.iter().any(|n| line.starts_with(n)) {
        true => Line::Note,
        false => Line::Message(line),
    }
}

/// The number before a colon.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let (number, rest) = line.split_once(':')?;
    Some((number.parse().ok()?, rest.trim_start()))
}

/// As in `(85) call bpf_map_lookup_elem#1  ; R0=map_value_or_null()`.
fn insn(at: usize, rest: &str) -> Option<Line<'_>> {
    let (code, text) = rest.strip_prefix('(')?.split_once(") ")?;
    u8::from_str_radix(code, 16)
        .ok()
        .filter(|_| code.len() == 2)?;
    let (text, after) = text.split_once(';').unwrap_or((text, ""));
    Some(Line::Insn {
        at,
        text: text.trim_end(),
        after: known(after.trim()),
    })
}

/// As in `3 to 7: R0=0 R10=fp0`.
fn from(rest: &str) -> Option<Line<'_>> {
    let (jump, rest) = rest.split_once(" to ")?;
    let (_, state) = rest.split_once(':')?;
    if state.trim() == "safe" {
        return None;
    }
    Some(Line::From {
        jump: jump.parse().ok()?,
        state: known(state.trim()),
    })
}

/// As in `int x = *p; @ prog.c:12`.
fn source(text: &str) -> Line<'_> {
    let place = text.rsplit_once(" @ ").and_then(|(text, place)| {
        let (file, number) = place.rsplit_once(':')?;
        Some((text, file, number.parse().ok()?))
    });
    let (text, file, number) = place.unwrap_or((text, "", 0));
    Line::Source {
        text: text.trim(),
        file: file.rsplit('/').next().unwrap_or(file),
        number,
    }
}

/// Whether a word names a register or a stack slot.
fn is_place(word: &str) -> bool {
    let register = word.strip_prefix('R').or(word.strip_prefix("fp-"));
    register.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// As in `R0_w=scalar(id=1,umax=4) R10=fp0`: words that end outside of brackets.
fn known(state: &str) -> Vec<Known<'_>> {
    let state = match state.split_once(": ") {
        Some((frame, rest)) if frame.starts_with("frame") => rest,
        _ => state,
    };
    let (mut depth, mut start, mut words) = (0u32, 0, Vec::new());
    for (i, c) in state.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => {
                words.push(&state[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    words.push(&state[start..]);
    let pairs = words.into_iter().filter(|w| is_place(w));
    pairs
        .filter_map(|word| {
            let (place, value) = word.split_once('=')?;
            // What was read or written of it is said behind an underscore.
            Some((place.split('_').next()?, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_instructions() {
        let new = "7: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,ks=4,vs=8)";
        let after = vec![("R0", "map_value_or_null(id=1,ks=4,vs=8)")];
        let want = |after| Line::Insn {
            at: 7,
            text: "call bpf_map_lookup_elem#1",
            after,
        };
        assert_eq!(classify(new), want(after));
        assert_eq!(
            classify("7: (85) call bpf_map_lookup_elem#1"),
            want(Vec::new())
        );
    }

    #[test]
    fn states_and_messages_are_told_apart() {
        assert_eq!(
            classify("5: R0_w=inv(id=0) R10=fp0 fp-8_w=mmmmmmmm"),
            Line::State(vec![
                ("R0", "inv(id=0)"),
                ("R10", "fp0"),
                ("fp-8", "mmmmmmmm")
            ])
        );
        assert_eq!(classify("R0 !read_ok"), Line::Message("R0 !read_ok"));
        let said = "frame pointer is read only";
        assert_eq!(classify(said), Line::Message(said));
        assert_eq!(classify("frame 0: propagating r6"), Line::Note);
        assert_eq!(classify("frame1: R1=0 R10=fp0"), Line::Note);
        assert_eq!(classify("R1=ctx() R10=fp0"), Line::Note);
        assert_eq!(classify("from 4 to 9: safe"), Line::Note);
        assert_eq!(classify("0: .1........ (b7) r0 = 0"), Line::Note);
        // Linux 7.2 counts by functions.
        assert_eq!(classify("insns processed 9+0"), Line::Note);
    }

    #[test]
    fn source_lines_have_a_place_since_6_8() {
        let (text, old) = ("return *p;", classify("; return *p;"));
        let line = |file, number| Line::Source { text, file, number };
        assert_eq!(old, line("", 0));
        assert_eq!(classify("; return *p; @ src/a.c:7"), line("a.c", 7));
    }

    #[test]
    fn the_report_is_left_out() {
        let log = "R0 !read_ok\n\nVerification failed: Title\n\nReason:\n  words\n\nAt:\n  f @ a.c:1\nlast";
        let said: Vec<_> = lines(log)
            .into_iter()
            .filter(|l| matches!(l, Line::Message(_)))
            .collect();
        assert_eq!(said, [Line::Message("R0 !read_ok"), Line::Message("last")]);
    }
}
