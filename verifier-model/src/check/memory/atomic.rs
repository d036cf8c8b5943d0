// SPDX-License-Identifier: GPL-2.0-only
//! Atomic operations.
//!
//! Source: `check_atomic()`, `atomic_ptr_type_ok()` in `kernel/bpf/verifier.c`.

use bpf::insn::{CMPXCHG, LOAD_ACQ, STORE_REL, XCHG, alu};
use bpf::uapi::Insn;

use crate::check::access::MemAccess;
use crate::check::memory::Load;
use crate::env::Env;
use crate::facts::access::Access;
use crate::facts::limits::REG_NAMES;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::reject;

impl Env<'_> {
    pub(crate) fn check_atomic(&mut self, insn: &Insn) -> Checked {
        const ADD: i32 = alu::ADD as i32;
        const AND: i32 = alu::AND as i32;
        const OR: i32 = alu::OR as i32;
        const XOR: i32 = alu::XOR as i32;
        let ordered = self.input.profile.has(Rule::ACQUIRE_RELEASE);
        match insn.imm {
            LOAD_ACQ if ordered => {
                self.check_src_reg(insn.src())?;
                let before = self.input.profile.has(Rule::ACQUIRING_LOADS);
                if before {
                    self.check_atomic_load_ptr(insn)?;
                }
                let load = Load {
                    strict: true,
                    is_ldsx: false,
                    allow_trust_mismatch: false,
                    ctx: "atomic_load",
                };
                self.check_load_mem(insn, load)?;
                match before {
                    true => Ok(()),
                    false => self.check_atomic_load_ptr(insn),
                }
            }
            STORE_REL if ordered => {
                self.check_store_reg(insn, true)?;
                self.check_atomic_store_ptr(insn)
            }
            XCHG | CMPXCHG => self.check_atomic_rmw(insn),
            i if matches!(i & !bpf::insn::FETCH, ADD | AND | OR | XOR) => {
                self.check_atomic_rmw(insn)
            }
            i => {
                reject!(
                    self,
                    MalformedInstruction,
                    EINVAL,
                    "BPF_ATOMIC uses invalid atomic opcode {i:02x}"
                )
            }
        }
    }

    fn check_atomic_load_ptr(&self, insn: &Insn) -> Checked {
        let (s, t) = (insn.src(), self.reg(insn.src()).typ);
        if self.atomic_ptr_type_ok(s, insn) {
            return Ok(());
        }
        reject!(
            self,
            AtomicMemory[s],
            EACCES,
            "BPF_ATOMIC loads from R{s} {t} is not allowed"
        )
    }

    fn check_atomic_store_ptr(&mut self, insn: &Insn) -> Checked {
        let d = insn.dst();
        if !self.atomic_ptr_type_ok(d, insn) {
            let t = self.reg(d).typ;
            return reject!(
                self,
                AtomicMemory[d],
                EACCES,
                "BPF_ATOMIC stores into R{d} {t} is not allowed"
            );
        }
        Ok(())
    }

    fn check_atomic_rmw(&mut self, insn: &Insn) -> Checked {
        let (d, s) = (insn.dst(), insn.src());
        if insn.size() < 4 {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "invalid atomic operand size"
            );
        }
        self.check_src_reg(s)?;
        self.check_src_reg(d)?;
        if insn.imm == CMPXCHG {
            self.check_src_reg(0)?;
            if self.is_pointer_value(0) {
                return reject!(self, AddressLeak, EACCES, "R0 leaks addr into mem");
            }
        }
        if self.is_pointer_value(s) {
            return reject!(self, AddressLeak[s], EACCES, "R{s} leaks addr into mem");
        }
        self.check_atomic_store_ptr(insn)?;
        let load_reg = insn.atomic_load_reg();
        if let Some(r) = load_reg {
            self.check_dst_reg(r, true)?;
        }
        let mut a = MemAccess {
            insn_idx: self.path.insn_idx,
            reg: *self.reg(d),
            argname: REG_NAMES[d],
            off: insn.off.into(),
            size_field: insn.size_field(),
            access: Access::Read,
            value: None,
            strict: true,
            is_ldsx: false,
        };
        self.check_mem_access(&a)?;
        if load_reg.is_some() {
            a.value = load_reg;
            self.check_mem_access(&a)?;
        }
        let dst = *self.reg(d);
        let arena = dst.typ == RegType::PTR_TO_ARENA;
        if arena || self.input.profile.has(Rule::ATOMICS_OF_ONE_KIND) {
            self.save_aux_ptr_type(dst.typ, false)?;
        }
        a.reg = dst;
        a.access = Access::Write;
        a.value = None;
        self.check_mem_access(&a)
    }

    fn atomic_ptr_type_ok(&self, regno: usize, insn: &Insn) -> bool {
        let t = self.reg(regno).typ;
        if t == RegType::PTR_TO_ARENA {
            // What the x86-64 compiler cannot do there.
            const FETCH: [i32; 3] = [
                alu::AND as i32 | bpf::insn::FETCH,
                alu::OR as i32 | bpf::insn::FETCH,
                alu::XOR as i32 | bpf::insn::FETCH,
            ];
            return insn.size() < 4 || !FETCH.contains(&insn.imm);
        }
        !(t == RegType::PTR_TO_CTX
            || t.is_pkt_pointer()
            || t == RegType::PTR_TO_FLOW_KEYS
            || t.is_sk_pointer()
            || insn.imm == LOAD_ACQ
                && t.may_fault_on_deref()
                && self.input.profile.has(Rule::ACQUIRING_LOADS))
    }
}
