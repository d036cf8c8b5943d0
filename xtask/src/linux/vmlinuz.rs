// SPDX-License-Identifier: GPL-2.0-only
//! What is inside a bootable image: the kernel itself, compressed.
//!
//! Source: Documentation/arch/x86/boot.rst, arch/x86/boot/compressed/

use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use lz4_flex::frame::FrameDecoder;

use crate::workshop::files::{read_bytes, write};
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// The setup header's fields: how many sectors come before the kernel, and where in it what is
/// compressed begins and ends.
const SETUP_SECTS: usize = 0x1f1;
const MAGIC: (usize, &[u8]) = (0x202, b"HdrS");
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// Unpacks the ELF file in the image `vmlinuz` to `vmlinux`.
pub(super) fn unpack(toolchain: &Toolchain, vmlinuz: &Path, vmlinux: &Path) -> Result<()> {
    let wrong = || format!("{} cannot be unpacked", vmlinuz.display());
    let image = read_bytes(vmlinuz)?;
    let payload = payload(&image).with_context(wrong)?;
    let packed = vmlinux.with_extension("packed");
    let elf = match payload {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => outside(toolchain, "xz", payload, &packed),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => outside(toolchain, "zstd", payload, &packed),
        [0x02, 0x21, 0x4c, 0x18, ..] => lz4(payload),
        _ => bail!("{}: a compression that is not known", vmlinuz.display()),
    };
    let elf = elf.with_context(wrong)?;
    ensure!(
        elf.starts_with(b"\x7fELF"),
        "{}: no ELF inside",
        vmlinuz.display()
    );
    write(vmlinux, elf)
}

/// What is compressed. The length of the rest stands behind it, as no decompressor expects.
fn payload(image: &[u8]) -> Result<&[u8]> {
    let word = |at: usize| {
        let bytes = image.get(at..at + 4).context("it is too short")?;
        Ok::<usize, anyhow::Error>(u32::from_le_bytes(bytes.try_into()?).try_into()?)
    };
    let (at, magic) = MAGIC;
    ensure!(
        image.get(at..at + magic.len()) == Some(magic),
        "it is no boot image"
    );
    // 0 stands for 4, and the boot sector comes on top.
    let sectors = match image[SETUP_SECTS] {
        0 => 5,
        sectors => usize::from(sectors) + 1,
    };
    let start = sectors * 512 + word(PAYLOAD_OFFSET)?;
    let length = word(PAYLOAD_LENGTH)?.checked_sub(4);
    let end = length.map(|length| start + length);
    end.and_then(|end| image.get(start..end))
        .context("it is cut short")
}

/// By a program of the toolchain.
fn outside(toolchain: &Toolchain, program: &str, payload: &[u8], packed: &Path) -> Result<Vec<u8>> {
    write(packed, payload)?;
    let mut command = toolchain.command(program);
    let unpacked = run::bytes(command.args(["--decompress", "--stdout"]).arg(packed));
    std::fs::remove_file(packed)?;
    unpacked
}

/// By the legacy format's blocks.
fn lz4(payload: &[u8]) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    FrameDecoder::new(Cursor::new(payload)).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_lies_behind_the_setup_sectors() {
        let mut image = vec![0; 1024 + 0x40];
        image[SETUP_SECTS] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[PAYLOAD_OFFSET] = 0x20;
        image[PAYLOAD_LENGTH] = 8;
        image[1024 + 0x20..][..8].copy_from_slice(b"abcdSIZE");
        assert_eq!(payload(&image).unwrap(), b"abcd");
        image.truncate(1024 + 0x23);
        assert!(
            payload(&image)
                .unwrap_err()
                .to_string()
                .contains("cut short")
        );
        assert!(
            payload(&[0; 600])
                .unwrap_err()
                .to_string()
                .contains("no boot")
        );
    }
}
