// SPDX-License-Identifier: GPL-2.0-only
//! When one state is as safe as another.
//!
//! Source: `regsafe()`, `stacksafe()`, `refsafe()`, `states_equal()` in `kernel/bpf/states.c`.

use bpf::insn::MAX_BPF_REG;

use crate::env::Env;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::precision::ones;
use crate::state::ids::IdMap;
use crate::state::iter::{Iter, IterSlot};
use crate::state::iter_slots::read_slot;
use crate::state::reference::RefKind;
use crate::state::reg::{ADD_CONST, About, DynptrType, RegState};
use crate::state::slot::{Slot, StackSlot};
use crate::state::{FuncState, VerifierState};

/// R0 to R10, a bit each.
const REGS: u64 = (1 << MAX_BPF_REG) - 1;

/// How states are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExactLevel {
    /// Scalars count where they are precise.
    NotExact,
    /// Everything must be the same.
    Exact,
    /// All scalars count, by their ranges.
    RangeWithin,
    /// All scalars count, by everything known of them.
    StrictScalars,
}

/// Whether the registers of the current frame are the same: a quick check before a full one.
pub(crate) fn states_maybe_looping(old: &VerifierState, cur: &VerifierState) -> bool {
    old.frames.len() == cur.frames.len()
        && old
            .frame()
            .regs
            .iter()
            .zip(&cur.frame().regs)
            .all(|(o, c)| o.same_up_to_precise(c))
}

impl Env<'_> {
    /// Whether the current state is safe if `old` is (`states_equal`).
    pub(crate) fn states_equal(&self, old: &VerifierState, level: ExactLevel) -> bool {
        let cur = &self.path.cur;
        let level = match level {
            ExactLevel::NotExact | ExactLevel::RangeWithin if self.path.explore_alu_limits => {
                ExactLevel::StrictScalars
            }
            level => level,
        };
        if old.frames.len() != cur.frames.len()
            || old.speculative && !cur.speculative
            || old.in_sleepable != cur.in_sleepable
        {
            return false;
        }
        let mut ids = self.id_map();
        let same_refs = self.input.profile.has(Rule::ID_MAP_REFS) || old.refs == cur.refs;
        if !same_refs || !refsafe(old, cur, &mut ids) {
            return false;
        }
        let of_all_frames = self.input.profile.has(Rule::EQUAL_IDS_MAPPED);
        (0..old.frames.len()).all(|i| {
            if !of_all_frames {
                ids = self.id_map();
            }
            let (fo, fc) = (&old.frames[i], &cur.frames[i]);
            fo.callsite == fc.callsite
                && self.func_states_equal(fo, fc, old.frame_insn_idx(i), &mut ids, level)
        })
    }

    fn func_states_equal(
        &self,
        old: &FuncState,
        cur: &FuncState,
        insn_idx: usize,
        ids: &mut IdMap,
        level: ExactLevel,
    ) -> bool {
        if self.marks_reads() {
            return self.read_parts_equal(old, cur, ids, level);
        }
        let live_regs = self.code.aux[insn_idx].live_regs_before;
        if old.callback_depth > cur.callback_depth
            && self.input.profile.has(Rule::CALLBACK_DEPTH_PRUNING)
        {
            return false;
        }
        if !old.no_stack_arg_load && cur.no_stack_arg_load {
            return false;
        }
        let mut live = ones(u64::from(live_regs) & REGS);
        if !live.all(|i| regsafe(&old.regs[i], &cur.regs[i], ids, level)) {
            return false;
        }
        if !self.input.profile.has(Rule::DEAD_PARTS_CLEANED) {
            return self.stacksafe_whole(old, cur, ids, level);
        }
        self.stacksafe(old, cur, ids, level) && stack_arg_safe(old, cur, ids, level)
    }

    /// Whether a byte of a kept state's stack may be anything in another.
    fn asks_nothing(&self, byte: Slot) -> bool {
        match byte {
            Slot::Invalid | Slot::Poison => true,
            Slot::Misc => self.input.allow_uninit_stack,
            _ => false,
        }
    }

    /// The slots of a frame that ask for something: most do not, they are dead or plain data.
    pub(crate) fn asking_slots(&self, frame: &FuncState) -> u64 {
        let asks = |slot: &StackSlot| {
            let first = slot.typ[0];
            match slot.typ == [first; BPF_REG_SIZE] {
                true => !self.asks_nothing(first),
                false => !slot.typ.iter().all(|t| self.asks_nothing(*t)),
            }
        };
        let slots = frame.stack.iter().enumerate();
        slots.fold(0, |mask, (spi, slot)| mask | u64::from(asks(slot)) << spi)
    }

    fn stacksafe(
        &self,
        old: &FuncState,
        cur: &FuncState,
        ids: &mut IdMap,
        level: ExactLevel,
    ) -> bool {
        let exact = level == ExactLevel::Exact;
        let gone = |t: Slot| if t == Slot::Poison { Slot::Invalid } else { t };
        for spi in ones(if exact { u64::MAX } else { old.asking_slots }) {
            let Some(o) = old.stack.get(spi) else { break };
            let c = cur.stack.get(spi);
            // Most slots that ask for something: a register, spilled as a whole in both.
            if o.typ == [Slot::Spill; BPF_REG_SIZE]
                && let Some(c) = c.filter(|c| c.typ == o.typ)
            {
                if !regsafe(&o.reg, &c.reg, ids, level) {
                    return false;
                }
                continue;
            }
            let mut im = 0;
            while im < BPF_REG_SIZE {
                let at = im;
                im += 1;
                if exact && c.is_none_or(|c| gone(o.typ[at]) != gone(c.typ[at])) {
                    return false;
                }
                if self.asks_nothing(o.typ[at]) {
                    continue;
                }
                let Some(c) = c else { return false };
                // A load from plain data gives an unknown scalar; compare it as one.
                if (at == 0 || at == 4)
                    && let (Some(ro), Some(rc)) = (
                        self.scalar_reg_for_stack(o, at),
                        self.scalar_reg_for_stack(c, at),
                    )
                {
                    if !regsafe(&ro, &rc, ids, level) {
                        return false;
                    }
                    im = BPF_REG_SIZE;
                    continue;
                }
                if o.typ[at] == Slot::Misc && c.typ[at] == Slot::Zero {
                    continue;
                }
                if o.typ[at] != c.typ[at] {
                    return false;
                }
                if at != BPF_REG_SIZE - 1 {
                    continue;
                }
                let same = match o.typ[at] {
                    Slot::Dynptr => self.dynptr_safe(&o.reg, &c.reg, ids),
                    _ => slot_safe(o, c, ids, level),
                };
                if !same {
                    return false;
                }
            }
        }
        true
    }

    pub(crate) fn dynptr_safe(&self, o: &RegState, c: &RegState, ids: &mut IdMap) -> bool {
        let has = |rule| self.input.profile.has(rule);
        if !has(Rule::DYNPTR_PRUNING) {
            return true;
        }
        // Before there was a rule, only the reference was compared that a dynptr has.
        let ids_matter = has(Rule::DYNPTR_IDS)
            || matches!(
                o.about,
                About::Dynptr(DynptrType::Ringbuf | DynptrType::File, _)
            );
        let mut same = |o, c| !ids_matter || ids.check_ids(o, c);
        o.about == c.about && same(o.id, c.id) && same(o.parent_id, c.parent_id)
    }

    fn scalar_reg_for_stack(&self, s: &StackSlot, im: usize) -> Option<RegState> {
        if !self.input.profile.has(Rule::STACK_SCALARS) {
            return None;
        }
        if s.typ[im] == Slot::Spill && s.reg.is_scalar() {
            return Some(s.reg);
        }
        let plain = s.typ[im..].iter().all(|t| match t {
            Slot::Misc => true,
            Slot::Invalid | Slot::Poison => {
                self.input.allow_uninit_stack && self.input.profile.has(Rule::MISC_VS_INVALID)
            }
            _ => false,
        });
        plain.then(RegState::unknown_imprecise)
    }
}

/// Slots of the same kind whose last byte was reached.
pub(crate) fn slot_safe(o: &StackSlot, c: &StackSlot, ids: &mut IdMap, level: ExactLevel) -> bool {
    match o.typ[BPF_REG_SIZE - 1] {
        Slot::Spill => regsafe(&o.reg, &c.reg, ids, level),
        Slot::Iter => {
            let same = match ids.profile.has(Rule::ITERATOR_TRUST) {
                true => Iter::equivalent,
                false => Iter::in_same_state,
            };
            o.reg.iter().map(IterSlot::kind) == c.reg.iter().map(IterSlot::kind)
                && same(read_slot(o), read_slot(c))
                && ids.check_ids(o.reg.id, c.reg.id)
        }
        Slot::IrqFlag => ids.check_ids(o.reg.id, c.reg.id) && o.reg.about == c.reg.about,
        // Dynptrs are compared by `dynptr_safe`.
        Slot::Misc | Slot::Zero | Slot::Invalid | Slot::Poison | Slot::Dynptr => true,
    }
}

fn stack_arg_safe(old: &FuncState, cur: &FuncState, ids: &mut IdMap, level: ExactLevel) -> bool {
    let n = old.stack_arg_regs.len().max(cur.stack_arg_regs.len());
    if n == 0 {
        return true;
    }
    let none = RegState::default();
    (0..n).all(|i| {
        let o = old.stack_arg_regs.get(i).unwrap_or(&none);
        let c = cur.stack_arg_regs.get(i).unwrap_or(&none);
        regsafe(o, c, ids, level)
    })
}

fn refsafe(old: &VerifierState, cur: &VerifierState, ids: &mut IdMap) -> bool {
    if old.refs.len() != cur.refs.len()
        || old.active_locks != cur.active_locks
        || old.active_preempt_locks != cur.active_preempt_locks
        || old.active_rcu_locks != cur.active_rcu_locks
        || !ids.check_ids(old.active_irq_id, cur.active_irq_id)
        || !ids.check_ids(old.active_lock_id, cur.active_lock_id)
        || old.active_lock_ptr != cur.active_lock_ptr
    {
        return false;
    }
    old.refs.iter().zip(&cur.refs).all(|(o, c)| {
        ids.check_ids(o.id, c.id)
            && match (o.kind, c.kind) {
                (RefKind::Ptr { parent_id: p }, RefKind::Ptr { parent_id: q }) => {
                    ids.check_ids(p, q)
                }
                (RefKind::Irq, RefKind::Irq) => true,
                (RefKind::Lock(k, p), RefKind::Lock(l, q)) => k == l && p == q,
                _ => false,
            }
    })
}

/// Whether every value of `cur` is one of `old` (`range_within()` and `tnum_in()`).
fn value_within(old: &RegState, cur: &RegState) -> bool {
    old.ranges.cover(&cur.ranges) && old.var_off.contains(cur.var_off)
}

fn regs_exact(old: &RegState, cur: &RegState, ids: &mut IdMap) -> bool {
    old.same_up_to_id(cur)
        && ids.check_ids(old.id, cur.id)
        && ids.check_ids(old.parent_id, cur.parent_id)
        && ids.check_ids(old.map_uid, cur.map_uid)
}

/// The same of registers of one type where ids count little: those that are equal, ids and all, are safe, and
/// ids of map values count until they are tested for NULL. None where a look at more decides.
fn safe_by_content(old: &RegState, cur: &RegState, ids: &mut IdMap) -> Option<bool> {
    if old.same_up_to_precise(cur) {
        return Some(true);
    }
    match old.typ.base() {
        RegType::SCALAR_VALUE | RegType::PTR_TO_PACKET_META | RegType::PTR_TO_PACKET => None,
        RegType::PTR_TO_MAP_KEY | RegType::PTR_TO_MAP_VALUE if old.typ.may_be_null() => {
            Some(old.same_up_to_id(cur) && ids.check_ids(old.id, cur.id))
        }
        RegType::PTR_TO_MAP_KEY | RegType::PTR_TO_MAP_VALUE => {
            Some(old.same_up_to_var_off(cur) && value_within(old, cur))
        }
        _ => Some(false),
    }
}

/// Whether `cur` is safe wherever `old` is (`regsafe`).
pub(crate) fn regsafe(old: &RegState, cur: &RegState, ids: &mut IdMap, level: ExactLevel) -> bool {
    if level == ExactLevel::Exact {
        return regs_exact(old, cur, ids);
    }
    if old.typ == RegType::NOT_INIT {
        return true;
    }
    if old.typ != cur.typ {
        return false;
    }
    let profile = ids.profile;
    if !profile.has(Rule::EQUAL_IDS_MAPPED)
        && let Some(safe) = safe_by_content(old, cur, ids)
    {
        return safe;
    }
    match old.typ.base() {
        RegType::SCALAR_VALUE if level == ExactLevel::StrictScalars => {
            old.same_up_to_id(cur) && ids.check_scalar_ids(old.id, cur.id)
        }
        RegType::SCALAR_VALUE => {
            if !old.precise && level == ExactLevel::NotExact {
                return true;
            }
            if !profile.has(Rule::SCALAR_IDS_MAPPED) {
                return value_within(old, cur);
            }
            let counts = old.id != 0 || !profile.has(Rule::UNLINKED_SCALARS);
            if counts && old.id & ADD_CONST != cur.id & ADD_CONST {
                return false;
            }
            if old.id & ADD_CONST != 0 && old.delta != cur.delta {
                return false;
            }
            ids.check_scalar_ids(old.id, cur.id) && value_within(old, cur)
        }
        RegType::PTR_TO_MAP_KEY
        | RegType::PTR_TO_MAP_VALUE
        | RegType::PTR_TO_MEM
        | RegType::PTR_TO_BUF
        | RegType::PTR_TO_TP_BUFFER => {
            old.same_up_to_var_off(cur)
                && value_within(old, cur)
                && ids.check_ids(old.id, cur.id)
                && ids.check_ids(old.parent_id, cur.parent_id)
                && ids.check_ids(old.map_uid, cur.map_uid)
        }
        RegType::PTR_TO_PACKET_META | RegType::PTR_TO_PACKET => {
            let merged = profile.has(Rule::PACKET_OFFSETS_MERGED);
            let (o, c) = (old.range(), cur.range());
            let marked = (o < 0 || c < 0) && profile.has(Rule::PACKET_END_MARKS);
            if if marked { o != c } else { o > c } {
                return false;
            }
            let moved = old.id != 0 && old.ranges.arcs().0.base != cur.ranges.arcs().0.base;
            (merged || old.delta == cur.delta)
                && (old.id == 0 && !profile.has(Rule::EQUAL_IDS_MAPPED)
                    || ids.check_ids(old.id, cur.id))
                && !(moved && profile.has(Rule::PACKET_DISPLACEMENTS))
                && value_within(old, cur)
        }
        RegType::PTR_TO_ARENA => true,
        RegType::PTR_TO_INSN => old.same_up_to_var_off(cur) && value_within(old, cur),
        _ => regs_exact(old, cur, ids),
    }
}
