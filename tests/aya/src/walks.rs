// SPDX-License-Identifier: GPL-2.0-only
//! Every walk of `cpus.rs`, in one object for all kernels.
#![no_std]
#![no_main]

#[path = "../../../kfunc/aya/cpus.rs"]
mod cpus;

use core::ffi::c_void;
use core::ptr::read_volatile;

use aya_ebpf::helpers::{bpf_get_current_task, bpf_probe_read_kernel};
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::RawTracePointContext;

use cpus::{MAX, Mask};

/// Where a walk came by: how many CPUs, and which.
#[repr(C)]
struct Walk {
    count: u32,
    cpus: [u32; MAX as usize],
}

#[map]
static WALK: Array<Walk> = Array::with_max_entries(1, 0);

/// A mask that user space fills in.
#[map]
static MASK: Array<[u64; MAX as usize / 64]> = Array::with_max_entries(1, 0);

/// Where a task has the pointer to its mask.
#[unsafe(no_mangle)]
static CPUS_PTR: u64 = 0;

fn step(cpu: u32) {
    let Some(walk) = WALK.get_ptr_mut(0) else {
        return;
    };
    let walk = unsafe { &mut *walk };
    let count = walk.count;
    if count < MAX {
        walk.cpus[count as usize] = cpu;
        walk.count = count + 1;
    }
}

#[inline(always)]
fn value() -> Mask {
    Mask::at(MASK.get_ptr(0).map_or(core::ptr::null(), |mask| mask.cast::<c_void>()))
}

macro_rules! walks {
    ($($program:ident: $cpus:expr;)*) => {
        $(
            #[raw_tracepoint(tracepoint = "task_newtask")]
            pub fn $program(_: RawTracePointContext) -> i32 {
                for cpu in $cpus {
                    step(cpu);
                }
                0
            }
        )*
    };
}

walks! {
    possible_cpus: Mask::possible().cpus();
    present_cpus: Mask::present().cpus();
    online_cpus: Mask::online().cpus();
    present_and_online: Mask::present().and(Mask::online());
    possible_not_online: Mask::possible().and_not(Mask::online());
    copy_of_online: Mask::online().copied().cpus();
    walk_value: value().cpus();
    copy_of_value: value().copied().cpus();
    every_second: Mask::possible().cpus().filter(|cpu| cpu % 2 == 0);
}

/// The CPUs that the current task may run on.
#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn task_cpus(_: RawTracePointContext) -> i32 {
    let pointer = unsafe { bpf_get_current_task() + read_volatile(&raw const CPUS_PTR) };
    let Ok(mask) = (unsafe { bpf_probe_read_kernel(pointer as *const *const c_void) }) else {
        return 1;
    };
    for cpu in Mask::at(mask).cpus() {
        step(cpu);
    }
    0
}

#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn left_by_break(_: RawTracePointContext) -> i32 {
    for cpu in Mask::possible().cpus() {
        if cpu == 5 {
            break;
        }
        step(cpu);
    }
    step(1000);
    0
}

#[raw_tracepoint(tracepoint = "task_newtask")]
pub fn left_by_return(_: RawTracePointContext) -> i32 {
    for cpu in Mask::possible().cpus() {
        if cpu == 3 {
            return 7;
        }
        step(cpu);
    }
    0
}

/// There is nobody to tell; a program that could come here is rejected.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
