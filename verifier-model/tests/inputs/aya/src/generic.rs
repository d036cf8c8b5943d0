// SPDX-License-Identifier: GPL-2.0-only
//! A generic type is the value of a map, and its name has what C's names have not.
#![no_std]
#![no_main]

mod end;

use aya_ebpf::macros::{cgroup_skb, map, socket_filter};
use aya_ebpf::maps::{Array, HashMap};
use aya_ebpf::programs::SkBuffContext;

#[repr(C)]
pub struct Pair<T> {
    pub first: T,
    pub second: T,
}

#[map]
static PAIRS: HashMap<u32, Pair<u64>> = HashMap::with_max_entries(16, 0);

#[map]
static LIMITS: Array<Pair<u32>> = Array::with_max_entries(4, 0);

/// Not inlined, so that it is a function of the object with a type of its own.
#[inline(never)]
fn larger<T: Copy + PartialOrd>(pair: &Pair<T>) -> T {
    if pair.first > pair.second {
        pair.first
    } else {
        pair.second
    }
}

#[socket_filter]
pub fn bounded(ctx: SkBuffContext) -> i64 {
    let Some(limit) = LIMITS.get(0) else {
        return 0;
    };
    let len = u32::min(ctx.len(), larger(limit));
    if let Some(pair) = PAIRS.get_ptr_mut(&len) {
        let pair = unsafe { &mut *pair };
        pair.second = larger(pair) + 1;
    }
    i64::from(len)
}

/// An index that may be out of the array.
#[cgroup_skb]
pub fn beyond(ctx: SkBuffContext) -> i32 {
    let Some(limit) = LIMITS.get(0) else {
        return 1;
    };
    let words = limit as *const Pair<u32> as *const u32;
    let value = unsafe { *words.add(ctx.len() as usize & 3) };
    (value & 1) as i32
}
