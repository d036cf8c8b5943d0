// SPDX-License-Identifier: GPL-2.0-only
//! What running kernels said of BPF programs: [`Answer`]s, one a program, and [`Answers`], a file of
//! them. A guest writes the former, `cargo xtask oracle` the latter, `verifier-model compare` holds
//! the model against them. The fields' meaning stands in the README beside the answers.

mod answer;
mod answers;
pub mod log;
mod logs;
mod packed;
mod target;

pub use answer::{Answer, Verdict};
pub use answers::{Answers, Header};
pub use logs::Logs;
pub use packed::{read_packed, write_packed};
pub use target::Target;
