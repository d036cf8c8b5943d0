// SPDX-License-Identifier: GPL-2.0-only

//! Kfuncs in Rust, as `docs/writing-a-kfunc.md` teaches them.

use core::ptr::NonNull;
use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

#[path = "../../../kfunc/src/kfunc.rs"]
pub mod kfunc;
#[path = "../../../kfunc/src/prototypes.rs"]
pub mod prototypes;

module! {
    type: ExampleKfunc,
    name: "example_kfunc",
    authors: ["bpf-iter-cpumask contributors"],
    description: "Kfuncs in Rust: a plain one and an acquire/release pair",
    license: "GPL",
}

/// The greatest common divisor. That of 0 and `a` is `a`.
#[no_mangle]
pub extern "C" fn bpf_example_gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Acquires the leader of the current thread group.
#[no_mangle]
pub extern "C" fn bpf_example_leader_acquire() -> *mut Task {
    let leader: ARef<Task> = current!().group_leader().into();
    ARef::into_raw(leader).as_ptr()
}

/// Releases what [`bpf_example_leader_acquire`] returned.
///
/// # Safety
///
/// Called by the verifier's rules for `KF_RELEASE`: `leader` was acquired, and is not used again.
#[no_mangle]
pub unsafe extern "C" fn bpf_example_leader_release(leader: *mut Task) {
    // SAFETY: By the safety requirements, `leader` is not NULL, and the reference that comes with
    // it is ours now.
    drop(unsafe { ARef::from_raw(NonNull::new_unchecked(leader)) });
}

kfunc::kfunc_set! {
    static EXAMPLE_KFUNCS: prototypes {
        // SAFETY: *Arguments* and *Result*: numbers.
        unsafe bpf_example_gcd,
        // SAFETY: *Result*: a task with a reference, which `KF_ACQUIRE` hands on to the program.
        unsafe bpf_example_leader_acquire: KF_ACQUIRE,
        // SAFETY: *Arguments*: by `KF_RELEASE`, a task with a reference, which the program gives
        // up.
        unsafe bpf_example_leader_release: KF_RELEASE,
    }
}

struct ExampleKfunc;

impl kernel::Module for ExampleKfunc {
    fn init(module: &'static ThisModule) -> Result<Self> {
        EXAMPLE_KFUNCS.register(kfunc::Hook::Common, module)?;
        Ok(Self)
    }
}
