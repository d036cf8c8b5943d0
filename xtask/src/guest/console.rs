// SPDX-License-Identifier: GPL-2.0-only
//! What the guest kernel says on its console, and what of it must never be overlooked.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a healthy kernel does not print, as it stands in kernel/panic.c, lib/bug.c, mm/, kernel/rcu/
/// and kernel/watchdog.c.
const TROUBLE: [&str; 18] = [
    PANIC,
    "kernel BUG at",
    "BUG: ",
    // The slab allocator's: of which cache, and then what.
    "] BUG ",
    "WARNING: ",
    "Oops: ",
    "general protection fault",
    "rcu: INFO: rcu_",
    "rcu_preempt detected",
    "detected stalls on CPUs",
    "self-detected stall",
    "soft lockup",
    "hard LOCKUP",
    "blocked for more than",
    "UBSAN: ",
    "KASAN: ",
    "unreferenced object",
    "new suspected memory leak",
];

/// What a kernel prints that gives up.
const PANIC: &str = "Kernel panic";

/// Reads a console file that is still growing.
pub(crate) struct Console {
    path: PathBuf,
    file: Option<File>,
    partial: String,
    last: VecDeque<String>,
    trouble: Option<String>,
    panicked: bool,
    known: Vec<String>,
}

impl Console {
    /// The console that QEMU writes to `path`. A line with one of `known` in it is no trouble.
    pub(crate) fn new(path: &Path, known: &[&str]) -> Self {
        Self {
            path: path.to_path_buf(),
            file: None,
            partial: String::new(),
            last: VecDeque::new(),
            trouble: None,
            panicked: false,
            known: known.iter().map(|&known| known.to_owned()).collect(),
        }
    }

    /// Takes in what has come since the last call.
    pub(crate) fn poll(&mut self) {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.file {
            // What cannot be read now is read by the next call.
            let _ = file.read_to_end(&mut bytes);
        }
        self.partial.push_str(&String::from_utf8_lossy(&bytes));
        while let Some(end) = self.partial.find('\n') {
            let line: String = self.partial.drain(..=end).collect();
            self.line(line.trim_end());
        }
    }

    /// The last line so far.
    pub(crate) fn last_line(&self) -> &str {
        self.last.back().map_or("", String::as_str)
    }

    /// The last lines so far, for an error that shows them.
    pub(crate) fn last_lines(&self) -> String {
        self.last
            .iter()
            .map(|line| format!("\n  | {line}"))
            .collect()
    }

    /// The first line that tells of trouble.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether the kernel has given up.
    pub(crate) fn panicked(&self) -> bool {
        self.panicked
    }

    fn line(&mut self, line: &str) {
        let is_trouble = TROUBLE.iter().any(|sign| line.contains(sign));
        let is_known = self.known.iter().any(|known| line.contains(known));
        if self.trouble.is_none() && is_trouble && !is_known {
            self.trouble = Some(line.to_owned());
        }
        self.panicked |= line.contains(PANIC);
        if self.last.len() == 12 {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn trouble_is_found_even_when_it_comes_in_pieces() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut console = Console::new(file.path(), &["known"]);
        fs::write(file.path(), "[ 0.1] fine\nWARNING: known\n[ 0.2] WARN").unwrap();
        console.poll();
        assert_eq!(console.trouble(), None);
        fs::write(
            file.path(),
            "[ 0.1] fine\nWARNING: known\n[ 0.2] WARNING: CPU: 1 PID: 7 at kernel/x.c:1 f\n",
        )
        .unwrap();
        console.poll();
        assert!(console.trouble().unwrap().contains("kernel/x.c:1"));
        assert!(console.last_lines().contains("fine"));
        assert!(!console.panicked());
    }

    /// The lines are those of a kernel in which each of these bugs was made on purpose.
    #[test]
    fn what_checkers_say_is_trouble() {
        for line in include_str!("checkers.txt").lines() {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut console = Console::new(file.path(), &[]);
            fs::write(file.path(), format!("{line}\n")).unwrap();
            console.poll();
            assert_eq!(console.trouble(), Some(line));
        }
    }

    #[test]
    fn a_panic_is_seen_behind_other_trouble() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut console = Console::new(file.path(), &[]);
        fs::write(
            file.path(),
            "Oops: 0002 [#1]\nKernel panic - not syncing: x\n",
        )
        .unwrap();
        console.poll();
        assert_eq!(console.trouble(), Some("Oops: 0002 [#1]"));
        assert!(console.panicked());
    }
}
