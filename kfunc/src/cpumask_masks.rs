// SPDX-License-Identifier: GPL-2.0-only

//! Kfuncs that hand out the kernel's own CPU masks.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)
//!
//! The masks live as long as the kernel, so there is nothing to acquire or to put: the verifier
//! takes what a kfunc returns as trusted.
//!
//! They come from `bindings`: to take the address of a static needs no `unsafe` that an abstraction
//! could spare, and these addresses are all that is wanted of it.

use kernel::{
    bindings,
    cpumask::Cpumask, //
};

/// The CPUs that can ever be present, `cpu_possible_mask`. It does not change after boot.
#[no_mangle]
pub extern "C" fn bpf_cpu_possible_mask() -> *const Cpumask {
    (&raw const bindings::__cpu_possible_mask).cast()
}

/// The CPUs that are plugged in, `cpu_present_mask`.
#[no_mangle]
pub extern "C" fn bpf_cpu_present_mask() -> *const Cpumask {
    (&raw const bindings::__cpu_present_mask).cast()
}

/// The CPUs that run, `cpu_online_mask`.
#[no_mangle]
pub extern "C" fn bpf_cpu_online_mask() -> *const Cpumask {
    (&raw const bindings::__cpu_online_mask).cast()
}

/// The CPUs that tasks may be moved to, `cpu_active_mask`.
#[no_mangle]
pub extern "C" fn bpf_cpu_active_mask() -> *const Cpumask {
    (&raw const bindings::__cpu_active_mask).cast()
}

/// The CPUs that may be brought online, `cpu_enabled_mask`.
#[no_mangle]
pub extern "C" fn bpf_cpu_enabled_mask() -> *const Cpumask {
    (&raw const bindings::__cpu_enabled_mask).cast()
}

/// The CPUs that are on their way down, `cpu_dying_mask`.
#[no_mangle]
pub extern "C" fn bpf_cpu_dying_mask() -> *const Cpumask {
    (&raw const bindings::__cpu_dying_mask).cast()
}

/// `nr_cpu_ids`: one more than the highest possible CPU number.
#[no_mangle]
pub extern "C" fn bpf_nr_cpu_ids() -> u32 {
    kernel::cpu::nr_cpu_ids()
}
