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
    walk::{
        self,
        Walk, //
    }, //
};
use core::{
    mem::MaybeUninit,
    ptr, //
};
use kernel::{
    bindings,
    cpu::nr_cpu_ids,
    cpumask::Cpumask,
    prelude::*, //
};

/// Up to so many CPUs, a copy takes no memory but the iterator's own.
const INLINE_CPUS: u32 = 256;

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
/// With up to [`INLINE_CPUS`] possible CPUs it is `inline`. Otherwise it is `allocated`, which is
/// NULL, or points to `walk::words(nr_cpu_ids)` words that are this union's own and go by
/// `kfree_nolock()`.
#[repr(C)]
union Words {
    inline: MaybeUninit<[usize; walk::words(INLINE_CPUS)]>,
    allocated: *mut usize,
}

impl Words {
    /// Room for `nr_cpu_ids` bits.
    fn new() -> Self {
        if nr_cpu_ids() <= INLINE_CPUS {
            // INVARIANT: They fit.
            let inline = MaybeUninit::uninit();
            return Self { inline };
        }
        let size = walk::words(nr_cpu_ids()).wrapping_mul(size_of::<usize>());
        // INVARIANT: So many words, or NULL.
        let allocated = bpf_iter_cpumask_alloc(size).cast();
        Self { allocated }
    }

    /// The first one; NULL if there was no memory for them.
    #[inline(always)]
    fn as_mut_ptr(&mut self) -> *mut usize {
        if nr_cpu_ids() <= INLINE_CPUS {
            return ptr::from_mut(self).cast();
        }
        // SAFETY: By the type invariant, it is `allocated`.
        unsafe { self.allocated }
    }

    fn free(self) {
        if nr_cpu_ids() > INLINE_CPUS {
            // From `bindings`, for no allocator of `kernel::alloc` serves every context.
            //
            // SAFETY: By the type invariant, it is `allocated`, and its memory goes this way. NULL
            // may be handed in.
            unsafe { bindings::kfree_nolock(self.allocated.cast()) };
        }
    }
}

/// Copies `mask` and starts a walk over the copy.
///
/// Returns `-ENOMEM` if there are more than [`INLINE_CPUS`] possible CPUs and no memory for the
/// copy. The walk is empty then. There is never any on a machine without `cmpxchg` of a double
/// word, where `kmalloc_nolock()` gives up (`mm/slub.c`).
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEW | KF_RCU`: `it` is an uninitialised iterator on
/// the program's stack, and `mask` is trusted or RCU protected, so it is valid during the call.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_snapshot_new(
    it: *mut bpf_iter_cpumask_snapshot,
    mask: *const Cpumask,
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
    let words = it.words.as_mut_ptr();
    if words.is_null() {
        return ENOMEM.to_errno();
    }

    for i in 0..walk::words(nr_cpu_ids()) {
        // SAFETY: By the safety requirements, the mask is valid, and both it and, by the invariant
        // of `Words`, the copy have so many words.
        unsafe { words.add(i).write(read_word(mask, i)) };
    }
    0
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
    let it = unsafe { &mut *it.cast::<CpumaskSnapshotIter>() };
    let words = it.words.as_mut_ptr();
    if words.is_null() {
        return ptr::null_mut();
    }

    // SAFETY: By the invariant of `Words`, there are words for `nr_cpu_ids` bits, which `new` has
    // written; `Walk::next` only asks for those that hold one of them.
    let word = |i| unsafe { words.add(i).read() };

    stepped(it.walk.next(nr_cpu_ids(), word))
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
