// SPDX-License-Identifier: GPL-2.0-only
//! What every program of this kind ends with.

/// There is nobody to tell; a program that could come here is rejected.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
