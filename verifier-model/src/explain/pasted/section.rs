// SPDX-License-Identifier: GPL-2.0-only
//! Where one log ends and the next begins, in what a loader prints.

/// How libbpf and those who print as it does set a log off.
const BEGIN: &str = "BEGIN PROG LOAD LOG";
const END: &str = "END PROG LOAD LOG";

/// How a log ends.
const STATISTICS: &str = "processed ";

/// What a program is called whose name is not told.
const NAMELESS: &str = "the program";

/// A log, and the name of its program.
pub(super) type Section<'t> = (&'t str, String);

/// The logs of a text, each with the name of its program.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    match text.contains(BEGIN) {
        true => set_off(text),
        false => bare(text),
    }
}

fn set_off(text: &str) -> Vec<Section<'_>> {
    let mut all: Vec<Section<'_>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.contains(BEGIN) {
            let name = line
                .split_once("prog '")
                .and_then(|(_, rest)| rest.split_once('\''));
            all.push((name.map_or(NAMELESS, |(name, _)| name), String::new()));
            inside = true;
        } else if line.contains(END) {
            inside = false;
        } else if inside {
            push(&mut all, line);
        }
    }
    all
}

/// Logs one after another: a line may stand before each that names the program, and what follows the
/// statistics is no verifier's.
fn bare(text: &str) -> Vec<Section<'_>> {
    let mut all: Vec<Section<'_>> = vec![(NAMELESS, String::new())];
    let mut ended = false;
    for line in text.lines() {
        if let Some(name) = header(line) {
            all.push((name, String::new()));
            ended = false;
            continue;
        }
        let begins = ["0: (", "0: R", "func#0 @0"];
        if ended
            && begins
                .iter()
                .any(|start| line.trim_start().starts_with(start))
        {
            all.push((NAMELESS, String::new()));
            ended = false;
        }
        if !ended {
            push(&mut all, line);
        }
        ended |= line.trim_start().starts_with(STATISTICS);
    }
    all
}

fn push(all: &mut [Section<'_>], line: &str) {
    if let Some((_, log)) = all.last_mut() {
        log.push_str(line);
        log.push('\n');
    }
}

/// The program of a line such as `a.bpf.o/prog, verdict failure, log:`; veristat's is in capitals.
fn header(line: &str) -> Option<&str> {
    let small = line.to_lowercase();
    if !small.ends_with("log:") || !small.contains("verdict") {
        return None;
    }
    let (name, _) = line.split_once(',')?;
    Some(name.rsplit('/').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_one_after_another() {
        let text = "a.o/one, verdict success, log:\n0: (95) exit\nprocessed 1 insns\n\n\
            PROCESSING a.o/two, DURATION US: 1, VERDICT: failure, VERIFIER LOG:\nR0 !read_ok\n\
            processed 1 insns\nFile  Program\n";
        let all = sections(text);
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [NAMELESS, "one", "two"]);
        assert_eq!(all[2].1, "R0 !read_ok\nprocessed 1 insns\n");

        let raw = "0: (95) exit\nprocessed 1 insns\nother\n0: (95) exit\nR0 !read_ok\n";
        assert_eq!(sections(raw).len(), 2);
    }
}
