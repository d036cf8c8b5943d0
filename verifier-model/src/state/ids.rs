// SPDX-License-Identifier: GPL-2.0-only
//! Ids in two states: which of one stands for which of the other.
//!
//! Source: `check_ids()`, `check_scalar_ids()` in `kernel/bpf/states.c`,
//! `bpf_clear_singular_ids()` in `kernel/bpf/verifier.c`.

use smallvec::SmallVec;

use crate::facts::rule::{Profile, Rule};
use crate::state::reg::{ADD_CONST, RegState};
use crate::state::{MAX_CALL_FRAMES, VerifierState};

/// Pairs that a map can hold (`BPF_ID_MAP_SIZE`).
const BPF_ID_MAP_SIZE: usize = (11 + 64 + 7) * MAX_CALL_FRAMES;

/// A one-to-one map from old ids to current ids, made while two states are compared.
#[derive(Debug)]
pub(crate) struct IdMap {
    pairs: SmallVec<[(u32, u32); 16]>,
    tmp_id_gen: u32,
    /// By which rules states are compared.
    pub(crate) profile: Profile,
}

impl IdMap {
    /// Nothing mapped; temporary ids come after `id_gen`.
    pub(crate) fn new(id_gen: u32, profile: Profile) -> Self {
        Self {
            pairs: SmallVec::new(),
            tmp_id_gen: id_gen,
            profile,
        }
    }

    /// Whether `old` can stand for `cur`; if nothing is known of either, it does from now on.
    #[inline]
    pub(crate) fn check_ids(&mut self, old: u32, cur: u32) -> bool {
        if old == 0 {
            return cur == 0 || !self.profile.has(Rule::EQUAL_IDS_MAPPED);
        }
        if cur == 0 && self.profile.has(Rule::EQUAL_IDS_MAPPED) {
            return false;
        }
        let both_ways = self.profile.has(Rule::SCALAR_IDS_MAPPED);
        for &(o, c) in &self.pairs {
            if o == old {
                return c == cur;
            }
            if c == cur && both_ways {
                return false;
            }
        }
        if self.pairs.len() >= BPF_ID_MAP_SIZE {
            return false;
        }
        self.pairs.push((old, cur));
        true
    }

    /// The same for linked scalars. No id in the old state asks for nothing. No id in the current
    /// one is a scalar alone, like an id that no other has. With an offset, the id without the
    /// offset's mark must map as well.
    pub(crate) fn check_scalar_ids(&mut self, old: u32, cur: u32) -> bool {
        if !self.profile.has(Rule::UNLINKED_SCALARS) {
            let (old, cur) = (self.or_temporary(old), self.or_temporary(cur));
            return self.check_ids(old, cur);
        }
        if old == 0 {
            return true;
        }
        let cur = self.or_temporary(cur);
        self.check_ids(old, cur)
            && (old & ADD_CONST == 0 || self.check_ids(old & !ADD_CONST, cur & !ADD_CONST))
    }

    /// An id that no other scalar has, where there is none.
    fn or_temporary(&mut self, id: u32) -> u32 {
        if id != 0 {
            return id;
        }
        self.tmp_id_gen += 1;
        self.tmp_id_gen
    }
}

/// Forgets ids that only one scalar has.
pub(crate) fn clear_singular_ids(st: &mut VerifierState) {
    let linked = |r: &RegState| r.is_scalar() && r.id != 0;
    let ids = st.all_regs().filter(|r| linked(r));
    let mut ids: SmallVec<[u32; 32]> = ids.map(|r| r.id & !ADD_CONST).collect();
    if ids.is_empty() {
        return;
    }
    ids.sort_unstable();
    let alone = |id: u32| {
        let first = ids.partition_point(|other| *other < id);
        ids.get(first + 1) != Some(&id)
    };
    st.change_regs(
        |r| linked(r) && alone(r.id & !ADD_CONST),
        RegState::clear_scalar_id,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_one_to_one() {
        let mut m = IdMap::new(100, Profile::V7_3);
        assert!(m.check_ids(1, 9) && m.check_ids(2, 8));
        assert!(m.check_ids(1, 9), "as before");
        assert!(!m.check_ids(1, 8), "old id mapped elsewhere");
        assert!(!m.check_ids(3, 9), "current id taken");
        assert!(!m.check_ids(0, 9) && !m.check_ids(1, 0));
    }

    #[test]
    fn unlinked_scalars_do_not_stand_for_linked_ones() {
        let mut m = IdMap::new(100, Profile::V7_3);
        assert!(m.check_scalar_ids(1, 0), "the first gets a temporary id");
        assert!(!m.check_scalar_ids(1, 0), "the second another one");
        assert!(m.check_scalar_ids(0, 7), "the old state asks for nothing");
    }

    #[test]
    fn an_offset_is_relative_to_the_same_base() {
        use crate::state::reg::ADD_CONST64;
        let mut m = IdMap::new(100, Profile::V7_3);
        assert!(m.check_scalar_ids(1, 5));
        assert!(!m.check_scalar_ids(1 | ADD_CONST64, 6 | ADD_CONST64));
    }
}
