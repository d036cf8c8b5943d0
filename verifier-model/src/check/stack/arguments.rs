// SPDX-License-Identifier: GPL-2.0-only
//! Arguments that do not fit in registers: the callee loads them, the caller stores them.
//!
//! Source: `check_stack_arg_read()`, `check_stack_arg_write()` in `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::facts::rejection::Checked;
use crate::log::reject;
use crate::state::history::{HistFlags, LinkedRegs};
use crate::state::reg::RegState;

impl Env<'_> {
    /// Reads an incoming stack argument.
    pub(crate) fn check_stack_arg_read(&mut self, off: i16, dst: usize) -> Checked {
        let frame = self.path.cur.frame();
        let spi = (off / 8) as usize - 1;
        if frame.no_stack_arg_load {
            return reject!(
                self,
                StackArguments,
                EINVAL,
                "r11 load must be before any r11 store or call insn"
            );
        }
        let n = self.marks.funcs[frame.subprogno].args.in_stack_arg_cnt();
        let caller = self.path.cur.curframe().checked_sub(1);
        let arg = caller
            .and_then(|c| self.path.cur.frames[c].stack_arg_regs.get(spi))
            .copied();
        let (true, Some(arg)) = (spi < n, arg) else {
            return reject!(
                self,
                StackArguments,
                EACCES,
                "invalid read from stack arg off {off} depth {}",
                n * 8
            );
        };
        self.regs()[dst] = arg;
        self.push_stack_arg_history(spi);
        Ok(())
    }

    /// Writes an outgoing stack argument.
    pub(crate) fn check_stack_arg_write(&mut self, off: i16, value: RegState) -> Checked {
        const MAX: usize = crate::analysis::arg_track::MAX_STACK_ARG_SLOTS;
        let spi = (i32::from(off).unsigned_abs() / 8) as usize - 1;
        if spi >= MAX {
            return reject!(
                self,
                StackArguments,
                EINVAL,
                "stack arg write offset {off} exceeds max {MAX} stack args"
            );
        }
        let frame = self.path.cur.frame_mut();
        if frame.stack_arg_regs.len() <= spi {
            frame.stack_arg_regs.resize(spi + 1, RegState::default());
        }
        frame.stack_arg_regs[spi] = value;
        frame.no_stack_arg_load = true;
        self.push_stack_arg_history(spi);
        Ok(())
    }

    pub(crate) fn push_stack_arg_history(&mut self, spi: usize) {
        let flags = HistFlags {
            stack_arg_access: true,
            ..HistFlags::default()
        };
        self.push_jmp_history(flags, spi, 0, LinkedRegs::default());
    }
}
