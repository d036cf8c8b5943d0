// SPDX-License-Identifier: GPL-2.0-only

//! The open-coded iterator `bpf_iter_cpumask_snapshot`: a walk over a copy of a mask, for loops
//! that sleep.

use crate::{
    cpumask_iter::{
        read_word,
        stepped, //
    },
    prototypes::{
        bpf_iter_cpumask_alloc,
        bpf_iter_cpumask_snapshot, //
    },
    snapshot::{
        self,
        INLINE_WORDS, //
    },
    walk::Walk, //
};
use core::slice;
use kernel::{
    bindings::{
        self,
        cpumask, //
    },
    cpu::nr_cpu_ids,
    prelude::*, //
};

/// What `struct bpf_iter_cpumask_snapshot` holds.
#[repr(C)]
struct CpumaskSnapshotIter {
    walk: Walk,
    words: Words,
}

kernel::static_assert!(size_of::<CpumaskSnapshotIter>() <= size_of::<bpf_iter_cpumask_snapshot>());
kernel::static_assert!(
    align_of::<CpumaskSnapshotIter>() <= align_of::<bpf_iter_cpumask_snapshot>()
);

/// The words of the copy. Which of the two it is needs no tag: `nr_cpu_ids` stays as it is.
///
/// # Invariants
///
/// If `nr_cpu_ids` bits fit into `inline`, that has them. Otherwise `allocated` points to as many
/// words as they take, which are this union's own and go by `kfree_nolock()`, or is NULL.
#[repr(C)]
union Words {
    inline: [usize; INLINE_WORDS],
    allocated: *mut usize,
}

impl Words {
    /// Room for `nr_cpu_ids` bits, none of them set.
    fn new() -> Self {
        let len = snapshot::len(nr_cpu_ids());
        if len <= INLINE_WORDS {
            // INVARIANT: They fit.
            let inline = [0; INLINE_WORDS];
            return Self { inline };
        }
        // INVARIANT: So many words, or NULL.
        let allocated = bpf_iter_cpumask_alloc(len.wrapping_mul(size_of::<usize>())).cast();
        Self { allocated }
    }

    /// The words; none if there was no memory for them.
    fn as_mut_slice(&mut self) -> &mut [usize] {
        let len = snapshot::len(nr_cpu_ids());
        if len <= INLINE_WORDS {
            // SAFETY: By the type invariant, it is `inline`.
            return unsafe { &mut self.inline };
        }
        // SAFETY: By the type invariant, it is `allocated`.
        let allocated = unsafe { self.allocated };
        if allocated.is_null() {
            return &mut [];
        }
        // SAFETY: By the type invariant, there are so many words, and they are borrowed with
        // `self`. They came zeroed.
        unsafe { slice::from_raw_parts_mut(allocated, len) }
    }

    fn free(self) {
        if snapshot::len(nr_cpu_ids()) > INLINE_WORDS {
            // SAFETY: By the type invariant, it is `allocated`, and its memory goes this way. NULL
            // may be handed in.
            unsafe { bindings::kfree_nolock(self.allocated.cast()) };
        }
    }
}

/// Copies `mask` and starts a walk over the copy.
///
/// Returns `-ENOMEM` if there are more than [`INLINE_CPUS`](snapshot::INLINE_CPUS) possible CPUs
/// and no memory for the copy. The walk is empty then.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEW | KF_RCU`: `it` is an uninitialised iterator on
/// the program's stack, and `mask` is trusted or RCU protected, so it is valid during the call.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_snapshot_new(
    it: *mut bpf_iter_cpumask_snapshot,
    mask: *const cpumask,
) -> c_int {
    let it = it.cast::<CpumaskSnapshotIter>();
    let walk = Walk::new();
    let words = Words::new();
    // SAFETY: By the safety requirements, `it` is valid for writing, and by the static assertions
    // above a `CpumaskSnapshotIter` fits. No one else has it.
    let it = unsafe {
        it.write(CpumaskSnapshotIter { walk, words });
        &mut *it
    };
    let copy = it.words.as_mut_slice();

    // SAFETY: By the safety requirements, the mask is valid, and it has `nr_cpu_ids` bits;
    // `snapshot::take` only asks for words that hold one of them.
    snapshot::take(copy, nr_cpu_ids(), |i| unsafe { read_word(mask, i) });

    if copy.is_empty() {
        ENOMEM.to_errno()
    } else {
        0
    }
}

/// Steps to the next CPU in the copy. Returns NULL at its end and ever after.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEXT`: `it` was initialised by
/// [`bpf_iter_cpumask_snapshot_new`].
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_snapshot_next(
    it: *mut bpf_iter_cpumask_snapshot,
) -> *mut c_int {
    // SAFETY: By the safety requirements, `it` holds a `CpumaskSnapshotIter`, and no one else has
    // it.
    let CpumaskSnapshotIter { walk, words } = unsafe { &mut *it.cast::<CpumaskSnapshotIter>() };

    stepped(snapshot::next(walk, nr_cpu_ids(), words.as_mut_slice()))
}

/// Ends the walk and frees the copy.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_DESTROY`, once for each
/// [`bpf_iter_cpumask_snapshot_new`].
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_snapshot_destroy(it: *mut bpf_iter_cpumask_snapshot) {
    // SAFETY: By the safety requirements, `it` holds a `CpumaskSnapshotIter`, and is not used
    // hereafter.
    let it = unsafe { it.cast::<CpumaskSnapshotIter>().read() };
    it.words.free();
}
