// SPDX-License-Identifier: GPL-2.0-only
//! The verifier's log, printed as the kernel prints it.
//!
//! At level 1 the log holds the current path only: when the verifier goes back to an earlier
//! branch, what was printed since is dropped. At level 2 everything stays.
//!
//! Source: `kernel/bpf/log.c`.

use std::cell::{Cell, RefCell};
use std::fmt;

use crate::facts::errno::Errno;
use crate::facts::kind::Kind;
use crate::facts::rejection::{Checked, Rejection, Stop};
use crate::facts::release::Release;

/// Prints to the log of `$env` (`verbose()`).
macro_rules! verbose {
    ($env:expr, $($arg:tt)*) => {
        if $env.log.level != 0 {
            $env.log.print(format_args!($($arg)*));
        }
    };
}
pub(crate) use verbose;

/// Rejects the program: prints why to the log of `$env`, and ends verification.
///
/// ```text
/// return reject!(self, FramePointer [regno], EACCES, "frame pointer is read only");
///                      kind and the registers that are concerned
/// return reject!(self @ i, ControlFlow, EINVAL, "unreachable insn {i}");
///                       the instruction, where it is not that of the walk
/// ```
///
/// The kernel ends a message with a newline; where it forgot to, `unended` stands before the kind.
macro_rules! reject {
    ($env:ident $(@ $at:expr)?, unended $kind:ident $([$($reg:expr),*])?, $errno:ident, $($arg:tt)*) => {
        $env.log.reject("", $crate::log::rejection!($env $(@ $at)?, $kind [$($($reg),*)?], $errno, $($arg)*))
    };
    ($env:ident $(@ $at:expr)?, $kind:ident $([$($reg:expr),*])?, $errno:ident, $($arg:tt)*) => {
        $env.log.reject("\n", $crate::log::rejection!($env $(@ $at)?, $kind [$($($reg),*)?], $errno, $($arg)*))
    };
}
pub(crate) use reject;

/// What [`reject!`] rejects with.
macro_rules! rejection {
    (place $env:ident) => { $env.place() };
    (place $env:ident $at:expr) => { Some($at as u32) };
    ($env:ident $(@ $at:expr)?, $kind:ident [$($reg:expr),*], $errno:ident, $($arg:tt)*) => {
        $crate::facts::rejection::Rejection {
            kind: $crate::facts::kind::Kind::$kind,
            errno: $crate::facts::errno::Errno::$errno,
            message: format!($($arg)*),
            cause: None,
            plain: None,
            insn: $crate::log::rejection!(place $env $($at)?),
            regs: vec![$($reg as u8),*],
        }
    };
}
pub(crate) use rejection;

/// What was printed, and how far. It is shared by all who print, so that nobody has to be handed
/// more than it reads in order to say something.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// 0 nothing, 1 the current path, 2 everything, 4 messages alone.
    pub(crate) level: u32,
    /// Whose words are spoken; those of 7.3 without it.
    release: Option<&'static Release>,
    text: RefCell<String>,
    /// End of the text after the last instruction.
    pub(crate) prev_log_pos: Cell<usize>,
    /// Length of the last instruction's line.
    pub(crate) prev_insn_print_pos: Cell<usize>,
    /// Line information last printed, by index.
    pub(crate) prev_linfo: Cell<Option<usize>>,
    /// The state is to be printed before the next instruction.
    pub(crate) print_state: Cell<bool>,
    /// Registers touched since the state was last printed.
    scratched_regs: Cell<u32>,
    /// Stack slots touched since then.
    scratched_stack_slots: Cell<u64>,
}

impl Log {
    /// Nothing printed yet.
    pub(crate) fn new(level: u32, release: &'static Release) -> Self {
        Self {
            level,
            release: Some(release),
            ..Self::default()
        }
    }

    /// Appends.
    pub(crate) fn print(&self, args: fmt::Arguments<'_>) {
        let _ = fmt::write(&mut *self.text.borrow_mut(), args);
    }

    /// Drops what was printed after `pos`.
    pub(crate) fn reset(&self, pos: usize) {
        let mut text = self.text.borrow_mut();
        if self.level != 0 && pos <= text.len() && text.is_char_boundary(pos) {
            text.truncate(pos);
        }
    }

    /// Puts other words in the place of the last ones that are these.
    pub(crate) fn replace_last(&self, old: &str, new: &str) {
        let mut text = self.text.borrow_mut();
        if let Some(at) = text.rfind(old) {
            text.replace_range(at..at + old.len(), new);
        }
    }

    /// End of the text.
    pub(crate) fn end_pos(&self) -> usize {
        self.text.borrow().len()
    }

    /// All that was printed, for whom nothing more will be.
    pub(crate) fn into_text(self) -> String {
        self.text.into_inner()
    }

    /// The next source line is printed, whatever came before.
    pub(crate) fn forget_lines(&self) {
        self.prev_linfo.set(None);
    }

    /// Level 1 or 2.
    pub(crate) fn level1(&self) -> bool {
        self.level & 3 != 0
    }

    /// Level 2.
    pub(crate) fn level2(&self) -> bool {
        self.level & 2 != 0
    }

    /// Marks a register as touched.
    pub(crate) fn scratch_reg(&self, regno: usize) {
        self.scratched_regs
            .set(self.scratched_regs.get() | 1 << (regno & 31));
    }

    /// Marks a stack slot as touched.
    pub(crate) fn scratch_slot(&self, spi: usize) {
        self.scratched_stack_slots
            .set(self.scratched_stack_slots.get() | 1 << (spi & 63));
    }

    /// Marks all as touched.
    pub(crate) fn scratch_all(&self) {
        self.scratched_regs.set(!0);
        self.scratched_stack_slots.set(!0);
    }

    /// Marks all as printed.
    pub(crate) fn mark_clean(&self) {
        self.scratched_regs.set(0);
        self.scratched_stack_slots.set(0);
    }

    /// Whether anything was touched.
    pub(crate) fn scratched(&self) -> bool {
        self.scratched_regs.get() != 0 || self.scratched_stack_slots.get() != 0
    }

    /// Whether a register was touched.
    pub(crate) fn reg_scratched(&self, regno: usize) -> bool {
        self.scratched_regs.get() >> (regno & 31) & 1 != 0
    }

    /// Whether a stack slot was touched.
    pub(crate) fn slot_scratched(&self, spi: usize) -> bool {
        self.scratched_stack_slots.get() >> (spi & 63) & 1 != 0
    }

    /// An internal inconsistency; the kernel warns and fails with `EFAULT`.
    pub(crate) fn verifier_bug<T>(&self, what: fmt::Arguments<'_>) -> Checked<T> {
        let mut why = Rejection::silent(Errno::EFAULT);
        why.kind = Kind::VerifierBug;
        why.message = format!("verifier bug: {what}");
        self.reject("\n", why)
    }

    /// Prints the line by which a caller sums up what was found wrong. A kind says that the caller
    /// knows better what that is.
    pub(crate) fn sum_up(&self, stop: Stop, kind: Option<Kind>, line: fmt::Arguments<'_>) -> Stop {
        let Stop::Rejected(mut why) = stop else {
            return stop;
        };
        why.kind = kind.unwrap_or(why.kind);
        let line = line.to_string();
        let spoken = self.words(why.kind, &line);
        let said = spoken.as_ref().unwrap_or(&line);
        if said.is_empty() {
            why.plain = Some(line);
            return Stop::Rejected(why);
        }
        if self.level != 0 {
            self.print(format_args!("{said}\n"));
        }
        let message = std::mem::replace(&mut why.message, said.clone());
        why.plain = spoken.is_some().then_some(line);
        why.cause = why.cause.or(Some(message).filter(|m| !m.is_empty()));
        Stop::Rejected(why)
    }

    /// Says why, and ends verification.
    pub(crate) fn reject<T>(&self, end: &str, mut why: Rejection) -> Checked<T> {
        if let Some(spoken) = self.words(why.kind, &why.message) {
            why.plain = Some(std::mem::replace(&mut why.message, spoken));
        }
        let silent = why.message.is_empty() && why.plain.is_some();
        if self.level != 0 && !silent {
            self.print(format_args!("{}{end}", why.message));
        }
        Err(Stop::Rejected(Box::new(why)))
    }

    /// A message in the words of the release, where they are its own.
    fn words(&self, kind: Kind, message: &str) -> Option<String> {
        self.release
            .and_then(|release| release.words(kind, message))
    }
}

/// How far to indent so that what follows an instruction of `pos` characters is aligned.
pub(crate) const fn vlog_alignment(pos: usize) -> usize {
    let min = pos + 4;
    let at = if min > 40 { min } else { 40 };
    at.div_ceil(8) * 8 - pos - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_aligned() {
        assert_eq!(vlog_alignment(20), 19);
        assert_eq!(vlog_alignment(36), 3);
        assert_eq!(vlog_alignment(37), 10);
    }
}
