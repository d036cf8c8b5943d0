// SPDX-License-Identifier: GPL-2.0-only
//! What a function finds in its registers: its arguments, or what a callback is called with.
//!
//! Source: `set_callee_state()`, `set_*_callback_state()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

use crate::check::call::function::callback::CallbackKind;
use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::reg::{About, DynptrType, RegState};
use crate::state::{FuncState, RetvalRange};

impl Env<'_> {
    /// What the callee finds in its registers.
    pub(crate) fn set_callee_state(
        &mut self,
        caller: &FuncState,
        callee: &mut FuncState,
        kind: Option<CallbackKind>,
    ) -> Checked {
        let Some(kind) = kind else {
            callee.regs[1..=5].copy_from_slice(&caller.regs[1..=5]);
            return Ok(());
        };
        callee.in_callback_fn = true;
        callee.callback_ret_range = RetvalRange::new(0, 1);
        match kind {
            CallbackKind::Loop => self.set_loop_callback_state(caller, callee),
            CallbackKind::MapElem => self.set_map_elem_callback_state(caller, callee)?,
            CallbackKind::Timer => {
                callee.callback_ret_range = RetvalRange::new(0, 0);
                self.set_async_callback_state(&caller.regs[1], callee)?;
            }
            CallbackKind::TaskWork => {
                callee.callback_ret_range = RetvalRange::new(i32::MIN, i32::MAX);
                self.set_async_callback_state(&caller.regs[3], callee)?;
            }
            CallbackKind::FindVma => self.set_find_vma_callback_state(caller, callee)?,
            CallbackKind::UserRingbuf => self.set_user_ringbuf_callback_state(caller, callee),
            CallbackKind::RbtreeAdd => self.set_rbtree_add_callback_state(caller, callee)?,
        }
        Ok(())
    }

    fn set_loop_callback_state(&self, caller: &FuncState, callee: &mut FuncState) {
        let regs = &mut callee.regs;
        // The number of the iteration: any.
        regs[1].typ = RegType::SCALAR_VALUE;
        regs[2] = caller.regs[3];
        regs[3..=5].fill(self.not_init());
    }

    fn set_map_elem_callback_state(
        &mut self,
        caller: &FuncState,
        callee: &mut FuncState,
    ) -> Checked {
        let Some(map) = caller.regs[1].map() else {
            return Err(Errno::EFAULT.into());
        };
        let map_type = self.code.maps[map].def.map_type;
        if !self.input.release.tables.maps.has_for_each(map_type) {
            return reject!(
                self,
                CallbackNotAllowed,
                ENOTSUPP,
                "callback function not allowed for map"
            );
        }
        let regs = &mut callee.regs;
        regs[1] = caller.regs[1];
        known_zero(RegType::PTR_TO_MAP_KEY, About::Map(map), &mut regs[2]);
        known_zero(RegType::PTR_TO_MAP_VALUE, About::Map(map), &mut regs[3]);
        regs[2].map_uid = caller.regs[1].map_uid;
        regs[3].map_uid = caller.regs[1].map_uid;
        regs[3].id = self.new_id();
        regs[4] = caller.regs[3];
        regs[5] = self.not_init();
        Ok(())
    }

    /// A timer, work queue or task work is called with the map's element it is in.
    fn set_async_callback_state(&mut self, arg: &RegState, callee: &mut FuncState) -> Checked {
        let Some(map) = arg.map() else {
            return Err(Errno::EFAULT.into());
        };
        let regs = &mut callee.regs;
        for (r, typ) in [
            (1, RegType::CONST_PTR_TO_MAP),
            (2, RegType::PTR_TO_MAP_KEY),
            (3, RegType::PTR_TO_MAP_VALUE),
        ] {
            known_zero(typ, About::Map(map), &mut regs[r]);
            regs[r].map_uid = arg.map_uid;
        }
        regs[3].id = self.new_id();
        regs[4..=5].fill(self.not_init());
        callee.in_callback_fn = false;
        callee.in_async_callback_fn = true;
        Ok(())
    }

    fn set_find_vma_callback_state(&self, caller: &FuncState, callee: &mut FuncState) -> Checked {
        let Some(vma) = self.input.vmlinux_struct("vm_area_struct") else {
            return not_modelled("bpf_find_vma without vm_area_struct in BTF");
        };
        let regs = &mut callee.regs;
        regs[1] = caller.regs[1];
        known_zero(
            RegType::PTR_TO_BTF_ID,
            About::Btf(BtfRef::VMLINUX, vma),
            &mut regs[2],
        );
        regs[3] = caller.regs[4];
        regs[4..=5].fill(self.not_init());
        Ok(())
    }

    fn set_user_ringbuf_callback_state(&mut self, caller: &FuncState, callee: &mut FuncState) {
        let regs = &mut callee.regs;
        regs[0] = self.not_init();
        known_zero(
            RegType::CONST_PTR_TO_DYNPTR,
            About::Dynptr(DynptrType::Local, true),
            &mut regs[1],
        );
        regs[1].id = self.new_id();
        regs[2] = caller.regs[3];
        regs[3..=5].fill(self.not_init());
    }
}

/// A pointer to the start of something.
fn known_zero(typ: RegType, about: About, reg: &mut RegState) {
    reg.typ = typ;
    reg.mark_known(0);
    reg.about = about;
}
