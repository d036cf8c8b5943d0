// SPDX-License-Identifier: GPL-2.0-only
//! The stack of a frame: slots in pages, which copies of the frame share until one of them writes.
//!
//! ```text
//!   kept state   ─┬─ page 0 ─┬─ page 1 ── page 2        a slot of page 1 was written on the path
//!   current one  ─┘          └─ page 1' ─┘              since the state was kept
//! ```
//!
//! A walk keeps many thousand states, most of which differ from the one before in a slot or two.

use std::ops::RangeInclusive;
use std::rc::Rc;

use smallvec::SmallVec;

use crate::state::slot::StackSlot;

/// Slots of a page: a write copies so many, and a copy of the stack counts the pages.
const PAGE: usize = 4;

/// Slots, from the frame pointer down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    pages: SmallVec<[Rc<[StackSlot; PAGE]>; 8]>,
    len: usize,
}

impl Stack {
    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A slot; none where the stack does not reach.
    pub(crate) fn get(&self, spi: usize) -> Option<&StackSlot> {
        (spi < self.len).then(|| &self.pages[spi / PAGE][spi % PAGE])
    }

    /// A slot to write; none where the stack does not reach.
    pub(crate) fn get_mut(&mut self, spi: usize) -> Option<&mut StackSlot> {
        (spi < self.len).then(|| &mut Rc::make_mut(&mut self.pages[spi / PAGE])[spi % PAGE])
    }

    /// All slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &StackSlot> {
        self.pages
            .iter()
            .flat_map(|page| page.iter())
            .take(self.len)
    }

    /// Some slots; none if the stack does not reach there.
    pub(crate) fn range(
        &self,
        range: RangeInclusive<usize>,
    ) -> impl DoubleEndedIterator<Item = &StackSlot> + Clone {
        let there = *range.end() < self.len;
        let range = if there {
            range
        } else {
            RangeInclusive::new(1, 0)
        };
        range.map(|spi| &self.pages[spi / PAGE][spi % PAGE])
    }

    /// Changes those slots that are `wanted`. The others are not touched, so that what is shared stays so.
    pub(crate) fn change(
        &mut self,
        wanted: impl Fn(usize, &StackSlot) -> bool,
        mut change: impl FnMut(usize, &mut StackSlot),
    ) {
        for (n, page) in self.pages.iter_mut().enumerate() {
            let first = n * PAGE;
            for i in 0..PAGE.min(self.len - first) {
                if wanted(first + i, &page[i]) {
                    change(first + i, &mut Rc::make_mut(page)[i]);
                }
            }
        }
    }

    /// Slots down to this many come into being.
    pub(crate) fn grow(&mut self, len: usize) {
        self.len = self.len.max(len);
        self.pages
            .resize_with(self.len.div_ceil(PAGE), Default::default);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::slot::Slot;

    fn written(len: usize) -> Stack {
        let mut stack = Stack::default();
        stack.grow(len);
        for spi in 0..len {
            stack.get_mut(spi).expect("there").reg.id = spi as u32;
        }
        stack
    }

    #[test]
    fn a_write_is_seen_by_one_copy_alone() {
        let mut a = written(20);
        let b = a.clone();
        a.get_mut(9).expect("there").typ[0] = Slot::Zero;
        let own = (0..a.pages.len()).filter(|&n| !Rc::ptr_eq(&a.pages[n], &b.pages[n]));
        assert_eq!(own.collect::<Vec<_>>(), [9 / PAGE]);
        let differ = (0..20).filter(|&i| a.get(i) != b.get(i));
        assert_eq!(differ.collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn what_is_not_wanted_stays_shared() {
        let mut a = written(17);
        let b = a.clone();
        a.change(|_, s| s.reg.id == 16, |spi, s| s.reg.id = spi as u32 + 1);
        assert!(Rc::ptr_eq(&a.pages[0], &b.pages[0]));
        assert_eq!(a.get(16).map(|s| s.reg.id), Some(17));
        assert_eq!(b.get(16).map(|s| s.reg.id), Some(16));
    }

    #[test]
    fn slots_are_those_that_came_into_being() {
        let mut stack = written(9);
        assert_eq!(stack.iter().count(), 9);
        assert!(stack.get(9).is_none() && stack.get_mut(9).is_none());
        assert_eq!(stack.range(7..=9).count(), 0);
        let ids = stack.range(7..=8).rev().map(|s| s.reg.id);
        assert_eq!(ids.collect::<Vec<_>>(), [8, 7]);
        stack.grow(4);
        assert_eq!(stack.len(), 9);
        stack.change(|spi, _| spi > 8, |_, _| unreachable!("beyond the end"));
    }
}
