// SPDX-License-Identifier: GPL-2.0-only
//! Counts packets by protocol.
#![no_std]
#![no_main]

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::HashMap;
use aya_ebpf::programs::XdpContext;

#[map]
static SEEN: HashMap<u16, u64> = HashMap::with_max_entries(1024, 0);

/// Where an Ethernet header has the protocol.
const PROTOCOL: usize = 12;

#[xdp]
pub fn protocols(ctx: XdpContext) -> u32 {
    let protocol = ctx.data() + PROTOCOL;
    if protocol + size_of::<u16>() > ctx.data_end() {
        return XDP_PASS;
    }
    let protocol = unsafe { *(protocol as *const u16) };
    match SEEN.get_ptr_mut(&protocol) {
        Some(count) => unsafe { *count += 1 },
        None => {
            let _ = SEEN.insert(&protocol, &1, 0);
        }
    }
    XDP_PASS
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
