// SPDX-License-Identifier: GPL-2.0-only
//! Walks the possible CPUs with the project's iterator, and adds up their numbers.
#![no_std]
#![no_main]

mod end;

use core::ffi::c_int;
use core::mem::MaybeUninit;

use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::RawTracePointContext;

#[repr(C)]
struct CpuMask([u8; 0]);

#[repr(C)]
struct BpfIterCpumask([u64; 2]);

// src/kfuncs.c
unsafe extern "C" {
    fn cpu_possible_mask() -> *const CpuMask;
    fn cpumask_new(it: *mut BpfIterCpumask, mask: *const CpuMask) -> c_int;
    fn cpumask_next(it: *mut BpfIterCpumask) -> *const c_int;
    fn cpumask_destroy(it: *mut BpfIterCpumask);
}

#[map]
static SUM: Array<u64> = Array::with_max_entries(1, 0);

/// The CPUs of a mask, as Rust walks over things; ends by itself, whatever the body does.
struct Cpus {
    it: MaybeUninit<BpfIterCpumask>,
}

impl Cpus {
    #[inline(always)]
    fn each(mask: *const CpuMask, mut body: impl FnMut(c_int)) {
        let mut cpus = Self {
            it: MaybeUninit::uninit(),
        };
        let it = cpus.it.as_mut_ptr();
        unsafe {
            cpumask_new(it, mask);
            loop {
                let cpu = cpumask_next(it);
                if cpu.is_null() {
                    break;
                }
                body(*cpu);
            }
            cpumask_destroy(it);
        }
    }
}

#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn possible(_: RawTracePointContext) -> i32 {
    let Some(sum) = SUM.get_ptr_mut(0) else {
        return 0;
    };
    unsafe { *sum = 0 };
    Cpus::each(unsafe { cpu_possible_mask() }, |cpu| unsafe {
        *sum += cpu as u64;
    });
    0
}

/// The same, without an end to the walk.
#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn forgets(_: RawTracePointContext) -> i32 {
    let mut it = MaybeUninit::uninit();
    unsafe {
        cpumask_new(it.as_mut_ptr(), cpu_possible_mask());
        let cpu = cpumask_next(it.as_mut_ptr());
        if cpu.is_null() { 0 } else { *cpu }
    }
}
