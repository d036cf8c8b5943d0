// SPDX-License-Identifier: GPL-2.0-only
//! A rejection as a value, and what else ends verification before the program is accepted.

use crate::facts::errno::Errno;
use crate::facts::kind::Kind;

/// Why a program is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What is wrong.
    pub kind: Kind,
    /// What `bpf(2)` fails with.
    pub errno: Errno,
    /// The line that says why, as the kernel prints it, last of all; empty where it prints none.
    pub message: String,
    /// The line before it, where [`message`](Self::message) only sums up what that one says.
    pub cause: Option<String>,
    /// [`message`](Self::message) in the words of 7.3, where the release has others: what advice is
    /// looked up by.
    pub(crate) plain: Option<String>,
    /// The instruction, counted from 0: that at which the walk ended, or the one that is found fault
    /// with before or after it.
    pub insn: Option<u32>,
    /// The registers concerned, by number.
    pub regs: Vec<u8>,
}

/// What ends verification before the program is accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// The kernel rejects the program.
    Rejected(Box<Rejection>),
    /// The program needs something that this model does not have; no verdict is given.
    NotModelled(String),
}

impl Rejection {
    /// What the kernel says; where it says nothing, what is known of it.
    pub fn said(&self) -> &str {
        match (&*self.message, &self.cause) {
            ("", Some(cause)) => cause,
            (message, _) => message,
        }
    }

    /// The kernel says nothing.
    pub(crate) fn silent(errno: Errno) -> Self {
        Self {
            kind: Kind::Silent,
            errno,
            message: String::new(),
            cause: None,
            plain: None,
            insn: None,
            regs: Vec::new(),
        }
    }
}

impl Stop {
    /// The same reason, told to the user as another error: the kernel's caller has its own.
    pub(crate) fn with_errno(mut self, errno: Errno) -> Self {
        if let Self::Rejected(why) = &mut self {
            why.errno = errno;
        }
        self
    }

    /// Whether the kernel's function would return this error.
    pub(crate) fn is_errno(&self, errno: Errno) -> bool {
        matches!(self, Self::Rejected(why) if why.errno == errno)
    }
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Rejected(Box::new(Rejection::silent(errno)))
    }
}

/// Result of a check.
pub(crate) type Checked<T = ()> = Result<T, Stop>;

/// Stops because something is not modelled.
pub(crate) fn not_modelled<T>(what: impl Into<String>) -> Checked<T> {
    Err(Stop::NotModelled(what.into()))
}
