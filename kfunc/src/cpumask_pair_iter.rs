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
    bindings::cpumask,
    prelude::*, //
};

/// What `struct bpf_iter_cpumask_and` and `struct bpf_iter_cpumask_andnot` hold.
///
/// # Invariants
///
/// `mask1` and `mask2` point to a `struct cpumask` each, of `nr_cpu_ids` bits and valid while the
/// RCU read-side section lasts in which the iterator was made.
#[repr(C)]
struct CpumaskPairIter {
    walk: Walk,
    mask1: *const cpumask,
    mask2: *const cpumask,
}

kernel::static_assert!(size_of::<CpumaskPairIter>() <= size_of::<bpf_iter_cpumask_and>());
kernel::static_assert!(align_of::<CpumaskPairIter>() <= align_of::<bpf_iter_cpumask_and>());
kernel::static_assert!(size_of::<CpumaskPairIter>() <= size_of::<bpf_iter_cpumask_andnot>());
kernel::static_assert!(align_of::<CpumaskPairIter>() <= align_of::<bpf_iter_cpumask_andnot>());

impl CpumaskPairIter {
    /// Starts a walk, in `it`.
    ///
    /// # Safety
    ///
    /// `it` is valid for writing, and the masks are as the invariant says.
    #[inline(always)]
    unsafe fn start(it: *mut Self, mask1: *const cpumask, mask2: *const cpumask) -> c_int {
        let walk = Walk::new();
        // SAFETY: By the safety requirements.
        // INVARIANT: By the safety requirements, both masks are valid while RCU is held.
        unsafe { it.write(Self { walk, mask1, mask2 }) };
        0
    }

    /// Steps to the next CPU that the words of both masks make by `combine`.
    ///
    /// The two are read one after the other, each step anew: what holds of a CPU that comes held of
    /// the first mask, and then of the second one.
    ///
    /// # Safety
    ///
    /// The RCU read-side section of the invariant is still open.
    #[inline(always)]
    unsafe fn next(&mut self, combine: impl Fn(usize, usize) -> usize) -> *mut c_int {
        // SAFETY: By the type invariant and the safety requirements, both masks are valid and have
        // `nr_cpu_ids` bits; `Walk::next` only asks for words that hold one of them.
        let word = |i| unsafe { combine(read_word(self.mask1, i), read_word(self.mask2, i)) };

        stepped(self.walk.next(kernel::cpu::nr_cpu_ids(), word))
    }
}

/// Starts a walk over the CPUs that are in both `mask1` and `mask2`. It cannot fail.
///
/// # Safety
///
/// As for [`bpf_iter_cpumask_new`](crate::cpumask_iter::bpf_iter_cpumask_new), for both masks.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_and_new(
    it: *mut bpf_iter_cpumask_and,
    mask1: *const cpumask,
    mask2: *const cpumask,
) -> c_int {
    // SAFETY: By the safety requirements, both masks are valid while RCU is held, and `it` is valid
    // for writing; by the static assertions above a `CpumaskPairIter` fits.
    unsafe { CpumaskPairIter::start(it.cast(), mask1, mask2) }
}

/// Steps to the next CPU. Returns NULL at the end and ever after.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEXT`: `it` was initialised by
/// [`bpf_iter_cpumask_and_new`] and the RCU read-side section it was made in is still open.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_and_next(it: *mut bpf_iter_cpumask_and) -> *mut c_int {
    // SAFETY: By the safety requirements, `it` holds a `CpumaskPairIter`, no one else has it, and
    // its RCU read-side section is open.
    unsafe { (*it.cast::<CpumaskPairIter>()).next(|word1, word2| word1 & word2) }
}

/// Ends the walk. There is nothing to free.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_DESTROY`, once for each
/// [`bpf_iter_cpumask_and_new`].
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_and_destroy(_it: *mut bpf_iter_cpumask_and) {}

/// Starts a walk over the CPUs that are in `mask1` and not in `mask2`. It cannot fail.
///
/// # Safety
///
/// As for [`bpf_iter_cpumask_new`](crate::cpumask_iter::bpf_iter_cpumask_new), for both masks.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_andnot_new(
    it: *mut bpf_iter_cpumask_andnot,
    mask1: *const cpumask,
    mask2: *const cpumask,
) -> c_int {
    // SAFETY: By the safety requirements, both masks are valid while RCU is held, and `it` is valid
    // for writing; by the static assertions above a `CpumaskPairIter` fits.
    unsafe { CpumaskPairIter::start(it.cast(), mask1, mask2) }
}

/// Steps to the next CPU. Returns NULL at the end and ever after.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEXT`: `it` was initialised by
/// [`bpf_iter_cpumask_andnot_new`] and the RCU read-side section it was made in is still open.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_andnot_next(
    it: *mut bpf_iter_cpumask_andnot,
) -> *mut c_int {
    // SAFETY: By the safety requirements, `it` holds a `CpumaskPairIter`, no one else has it, and
    // its RCU read-side section is open.
    unsafe { (*it.cast::<CpumaskPairIter>()).next(|word1, word2| word1 & !word2) }
}

/// Ends the walk. There is nothing to free.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_DESTROY`, once for each
/// [`bpf_iter_cpumask_andnot_new`].
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_andnot_destroy(_it: *mut bpf_iter_cpumask_andnot) {}
