// SPDX-License-Identifier: GPL-2.0-only

//! The open-coded iterator `bpf_iter_cpumask`: kfuncs around [`Walk`].

use crate::{
    prototypes::{
        bpf_iter_cpumask,
        bpf_iter_cpumask_kern, //
    },
    walk::Walk, //
};
use core::{
    mem::offset_of,
    ptr, //
};
use kernel::{
    cpumask::Cpumask,
    prelude::*, //
};

/// What `struct bpf_iter_cpumask` holds, in C `struct bpf_iter_cpumask_kern`: a kernel that has
/// these kfuncs built in inlines them and so looks inside.
///
/// # Invariants
///
/// `mask` points to `nr_cpu_ids` bits that stay while the RCU read-side section lasts in which the
/// iterator was made.
///
/// That is more than the mask's owner being there: a program may give up its reference to the owner
/// while it walks. `bpf_cpumask_release()` and `bpf_task_release()` free after a grace period; a
/// structure whose release frees at once must not lend programs a mask.
#[repr(C)]
struct CpumaskIter {
    /// First, as then `it` is also the pointer that a step returns.
    walk: Walk,
    mask: *const Cpumask,
}

kernel::static_assert!(size_of::<CpumaskIter>() <= size_of::<bpf_iter_cpumask>());
kernel::static_assert!(align_of::<CpumaskIter>() <= align_of::<bpf_iter_cpumask>());

// The inlined code stores to `cpu` and hands out its address as that of the iterator.
kernel::static_assert!(offset_of!(CpumaskIter, walk.cpu) == 0);
kernel::static_assert!(offset_of!(bpf_iter_cpumask_kern, cpu) == 0);
kernel::static_assert!(
    offset_of!(CpumaskIter, walk.word) == offset_of!(bpf_iter_cpumask_kern, word)
);
kernel::static_assert!(offset_of!(CpumaskIter, mask) == offset_of!(bpf_iter_cpumask_kern, mask));

/// Starts a walk over `mask`. It cannot fail.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED`: `it` is an
/// uninitialised iterator on the program's stack, `mask` is trusted or RCU protected, and an RCU
/// read-side section is open, to the end of which `mask` stays.
///
/// As `struct cpumask` holds only numbers, the verifier of Linux 7.2 and 7.3 also takes plain
/// memory of that size which the program can write to, and ties no iterator to it. To the
/// programs that these kfuncs are registered for, that is a map's value, a record of a ring
/// buffer, their context or their stack. Such memory may become something else during the
/// section, and the walk tells what is in there then, but it is not given back before the
/// section ends. Packets are, and are not among it.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_new(
    it: *mut bpf_iter_cpumask,
    mask: *const Cpumask,
) -> c_int {
    let walk = Walk::new();
    // SAFETY: By the safety requirements, `it` is valid for writing, and by the static assertions
    // above a `CpumaskIter` fits.
    // INVARIANT: By the safety requirements, `mask` stays to the end of the section.
    unsafe { it.cast::<CpumaskIter>().write(CpumaskIter { walk, mask }) };
    0
}

/// Steps to the next CPU in the mask. Returns NULL at its end and ever after.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_NEXT`: `it` was initialised by
/// [`bpf_iter_cpumask_new`] and the RCU read-side section it was made in is still open.
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_next(it: *mut bpf_iter_cpumask) -> *mut c_int {
    // SAFETY: By the safety requirements, `it` holds a `CpumaskIter`, and no one else has it.
    let it = unsafe { &mut *it.cast::<CpumaskIter>() };

    // SAFETY: By the invariant of `CpumaskIter`, as its section is open, the mask's `nr_cpu_ids`
    // bits are there; `Walk::next` only asks for words that hold one of them.
    let word = |i| unsafe { read_word(it.mask, i) };

    stepped(it.walk.next(kernel::cpu::nr_cpu_ids(), word))
}

/// Ends the walk. There is nothing to free.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_ITER_DESTROY`, once for each [`bpf_iter_cpumask_new`].
#[no_mangle]
pub unsafe extern "C" fn bpf_iter_cpumask_destroy(_it: *mut bpf_iter_cpumask) {}

/// Reads a word of a mask that may change meanwhile. What comes may be of several values that the
/// word had: `cpumask_copy()`, for one, writes as `memcpy()` does.
///
/// # Safety
///
/// `mask` has a word `i`, which is there.
#[inline(always)]
pub(crate) unsafe fn read_word(mask: *const Cpumask, i: usize) -> usize {
    // `atomic_load(.., Relaxed)` says the same, but calls a C helper where Rust's helpers are not
    // inlined, as with gcc: two thirds more instructions for a walk over 128 CPUs.
    //
    // SAFETY:
    // - By the safety requirements, the word is there and aligned, and all bits are valid.
    // - By Rust's rules a volatile read must not race with another CPU. The LKMM allows it.
    unsafe { mask.cast::<usize>().add(i).read_volatile() }
}

/// What an iterator's `next` returns after a step: where the CPU is written, NULL at the end.
#[inline(always)]
pub(crate) fn stepped(cpu: Option<&i32>) -> *mut c_int {
    match cpu {
        Some(cpu) => ptr::from_ref(cpu).cast_mut(),
        None => ptr::null_mut(),
    }
}
