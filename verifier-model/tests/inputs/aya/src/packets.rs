// SPDX-License-Identifier: GPL-2.0-only
//! Packets are counted by protocol, and task switches by CPU.
#![no_std]
#![no_main]

mod end;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::macros::{map, tracepoint, xdp};
use aya_ebpf::maps::{HashMap, PerCpuArray, PerfEventArray, RingBuf};
use aya_ebpf::programs::{TracePointContext, XdpContext};

#[map]
static SEEN: HashMap<u16, u64> = HashMap::with_max_entries(1024, 0);

#[map]
static SWITCHES: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// As many entries as the machine has CPUs: the loader knows.
#[map]
static EVENTS: PerfEventArray<u32> = PerfEventArray::new(0);

#[map]
static RING: RingBuf = RingBuf::with_byte_size(4096, 0);

/// Where an Ethernet header has the protocol.
const PROTOCOL: usize = 12;

#[xdp]
pub fn count(ctx: XdpContext) -> u32 {
    let (start, end) = (ctx.data(), ctx.data_end());
    if start + PROTOCOL + 2 > end {
        return XDP_PASS;
    }
    add(unsafe { *((start + PROTOCOL) as *const u16) });
    XDP_PASS
}

/// The same without looking where the packet ends.
#[xdp]
pub fn unchecked(ctx: XdpContext) -> u32 {
    add(unsafe { *((ctx.data() + PROTOCOL) as *const u16) });
    XDP_PASS
}

fn add(protocol: u16) {
    match SEEN.get_ptr_mut(&protocol) {
        Some(count) => unsafe { *count += 1 },
        None => {
            let _ = SEEN.insert(&protocol, &1, 0);
        }
    }
}

#[tracepoint]
pub fn switched(ctx: TracePointContext) -> u32 {
    if let Some(count) = SWITCHES.get_ptr_mut(0) {
        unsafe { *count += 1 };
    }
    EVENTS.output(&ctx, &ctx.pid(), 0);
    if let Some(mut entry) = RING.reserve::<u64>(0) {
        entry.write(u64::from(ctx.tgid()));
        entry.submit(0);
    }
    0
}

/// A record of the ring buffer that is not given back.
#[tracepoint]
pub fn leaks(_: TracePointContext) -> u32 {
    let entry = RING.reserve::<u64>(0);
    core::mem::forget(entry);
    0
}
