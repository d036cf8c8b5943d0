// SPDX-License-Identifier: GPL-2.0-only

//! The open-coded iterators `bpf_iter_cpumask_and` and `bpf_iter_cpumask_andnot`: walks over what
//! two masks make together, as `for_each_cpu_and()` and `for_each_cpu_andnot()`.

use crate::{
    cpumask_iter::{
        read_word,
        stepped, //
    },
    prototypes::{
        bpf_iter_cpumask_and,
        bpf_iter_cpumask_andnot, //
    },
    walk::Walk, //
};
use kernel::{
    cpumask::Cpumask,
    prelude::*, //
};

/// What `struct bpf_iter_cpumask_and` and `struct bpf_iter_cpumask_andnot` hold.
///
/// # Invariants
///
/// As of `CpumaskIter`, for both masks.
#[repr(C)]
struct CpumaskPairIter {
    walk: Walk,
    mask1: *const Cpumask,
    mask2: *const Cpumask,
}

/// The kfuncs of an iterator over the CPUs that the words of two masks make by `$combine`.
///
/// The two are read one after the other, each step anew: what holds of a CPU that comes held of the
/// first mask, and then of the second one.
macro_rules! cpumask_pair_iter {
    ($it:ident: $new:ident, $next:ident, $destroy:ident, $combine:expr) => {
        kernel::static_assert!(size_of::<CpumaskPairIter>() <= size_of::<$it>());
        kernel::static_assert!(align_of::<CpumaskPairIter>() <= align_of::<$it>());

        /// Starts a walk. It cannot fail.
        ///
        /// # Safety
        ///
        /// As for [`bpf_iter_cpumask_new`](crate::cpumask_iter::bpf_iter_cpumask_new), for both
        /// masks.
        #[no_mangle]
        pub unsafe extern "C" fn $new(
            it: *mut $it,
            mask1: *const Cpumask,
            mask2: *const Cpumask,
        ) -> c_int {
            let walk = Walk::new();
            let iter = CpumaskPairIter { walk, mask1, mask2 };
            // SAFETY: By the safety requirements, `it` is valid for writing, and by the static
            // assertions above a `CpumaskPairIter` fits.
            // INVARIANT: By the safety requirements, for both masks.
            unsafe { it.cast::<CpumaskPairIter>().write(iter) };
            0
        }

        /// Steps to the next CPU. Returns NULL at the end and ever after.
        ///
        /// # Safety
        ///
        /// As for [`bpf_iter_cpumask_next`](crate::cpumask_iter::bpf_iter_cpumask_next).
        #[no_mangle]
        pub unsafe extern "C" fn $next(it: *mut $it) -> *mut c_int {
            // SAFETY: By the safety requirements, `it` holds a `CpumaskPairIter`, and no one else
            // has it.
            let it = unsafe { &mut *it.cast::<CpumaskPairIter>() };

            // SAFETY: By the invariant of `CpumaskPairIter`, as its section is open, `nr_cpu_ids`
            // bits of both masks are there; `Walk::next` only asks for words that hold one of them.
            let word = |i| unsafe { $combine(read_word(it.mask1, i), read_word(it.mask2, i)) };

            stepped(it.walk.next(kernel::cpu::nr_cpu_ids(), word))
        }

        /// Ends the walk. There is nothing to free.
        ///
        /// # Safety
        ///
        /// As for [`bpf_iter_cpumask_destroy`](crate::cpumask_iter::bpf_iter_cpumask_destroy).
        #[no_mangle]
        pub unsafe extern "C" fn $destroy(_it: *mut $it) {}
    };
}

cpumask_pair_iter!(
    bpf_iter_cpumask_and: bpf_iter_cpumask_and_new,
    bpf_iter_cpumask_and_next,
    bpf_iter_cpumask_and_destroy,
    |word1, word2| word1 & word2
);

cpumask_pair_iter!(
    bpf_iter_cpumask_andnot: bpf_iter_cpumask_andnot_new,
    bpf_iter_cpumask_andnot_next,
    bpf_iter_cpumask_andnot_destroy,
    |word1, word2: usize| word1 & !word2
);
