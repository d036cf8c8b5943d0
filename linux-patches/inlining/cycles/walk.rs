// SPDX-License-Identifier: GPL-2.0-only

//! The iterator's functions for user space: those of kfunc/src/cpumask_iter.rs without the kernel.

#![no_std]
#![crate_type = "staticlib"]

#[allow(dead_code, reason = "a part is for others")]
#[path = "../../../kfunc/src/walk.rs"]
mod walk;

use core::{panic::PanicInfo, ptr};
use walk::Walk;

#[repr(C)]
pub struct CpumaskIter {
    walk: Walk,
    mask: *const usize,
}

extern "C" {
    static nr_cpu_ids: u32;
}

/// # Safety
///
/// As of the kfunc, and the same for the others.
#[no_mangle]
pub unsafe extern "C" fn it_new(it: *mut CpumaskIter, mask: *const usize) -> i32 {
    let walk = Walk::new();
    // SAFETY: By the safety requirements.
    unsafe { it.write(CpumaskIter { walk, mask }) };
    0
}

/// # Safety
///
/// See [`it_new`].
#[no_mangle]
pub unsafe extern "C" fn it_next(it: *mut CpumaskIter) -> *mut i32 {
    // SAFETY: By the safety requirements.
    let (it, bound) = unsafe { (&mut *it, nr_cpu_ids) };
    // SAFETY: By the safety requirements.
    let word = |i| unsafe { it.mask.add(i).read_volatile() };
    match it.walk.next(bound, word) {
        Some(cpu) => ptr::from_ref(cpu).cast_mut(),
        None => ptr::null_mut(),
    }
}

/// # Safety
///
/// See [`it_new`].
#[no_mangle]
pub unsafe extern "C" fn it_destroy(_it: *mut CpumaskIter) {}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
