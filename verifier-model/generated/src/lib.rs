// SPDX-License-Identifier: GPL-2.0-only
//! Generated programs, and what must be true of them.
//!
//! ```text
//! generate ─► ast ─► lower ─► mutate ─► code ─┬─► verify: the model's verdict
//!    ▲          └─ shrink ◄── what fails      ├─► interp: runs it; what is accepted never misbehaves
//!    seed                                     └─► batch: the kernel's verdict
//! ```

pub mod ast;
pub mod batch;
pub mod code;
pub mod file;
pub mod generate;
pub mod hunt;
pub mod interp;
pub mod kernel;
pub mod law;
pub mod lower;
pub mod maps;
pub mod mutate;
mod print;
pub mod shrink;
