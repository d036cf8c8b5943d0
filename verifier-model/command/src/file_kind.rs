// SPDX-License-Identifier: GPL-2.0-only
//! What a file is that has no BPF object, and what to do with it.

/// Whether it is an ELF file for BPF, sound or not: it has the header's first bytes.
pub(crate) fn is_object(data: &[u8]) -> bool {
    machine(data).is_some_and(|(machine, big)| !big && is_bpf(data, machine))
}

/// In one line why there is nothing to check.
pub(crate) fn why_not(data: &[u8]) -> String {
    if let Some((machine, big)) = machine(data) {
        return of_elf(data, machine, big);
    }
    let known = KINDS.iter().find(|(magic, ..)| data.starts_with(magic));
    let (what, hint) = match known {
        Some((_, what, hint)) => (*what, *hint),
        None if data.is_empty() => ("an empty file", COMPILE),
        None if data.iter().all(|&b| b >= b' ' || b.is_ascii_whitespace()) => {
            ("text, not an object", COMPILE)
        }
        None => (
            "no ELF file, and there is none in it",
            "--raw takes instructions alone",
        ),
    };
    format!("this is {what}; {hint}")
}

const COMPILE: &str = "objects are made by `clang -target bpf -g -O2 -c`";

const BITCODE: &str = "compile it without -flto and -emit-llvm, or make an object of it by `llc -march=bpf -filetype=obj`";

const UNPACK: &str = "unpack it first";

/// How files begin, what they are, and what to do.
const KINDS: [(&[u8], &str, &str); 14] = [
    (b"BC\xc0\xde", "LLVM bitcode", BITCODE),
    (b"\xde\xc0\x17\x0b", "LLVM bitcode", BITCODE),
    (
        b"!<arch>\ndebian-binary",
        "a Debian package",
        "unpack it by `dpkg-deb -x`",
    ),
    (
        b"!<arch>\n",
        "an archive without BPF objects",
        "give the objects that it was made for",
    ),
    (
        b"!<thin>\n",
        "an archive that only names its members",
        "give them themselves",
    ),
    (b"\x1f\x8b", "compressed by gzip", UNPACK),
    (b"\xfd7zXZ\0", "compressed by xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", UNPACK),
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"MZ", "a program for Windows", COMPILE),
    (b"\xcf\xfa\xed\xfe", "a program for macOS", COMPILE),
    (
        b"\x9f\xeb\x01",
        "BTF alone",
        "--btf takes the types of a kernel, and objects have instructions",
    ),
    (b"\xeb\x9f\x01", "big-endian BTF alone", COMPILE),
    (b"\x04\x22\x4d\x18", "compressed by lz4", UNPACK),
];

fn of_elf(data: &[u8], machine: u16, big: bool) -> String {
    if is_bpf(data, machine) && big {
        return "this is a big-endian BPF object, and the kernel is little-endian; compile it with \
                `-target bpfel`"
            .to_owned();
    }
    let bits = if data.get(4) == Some(&1) { 32 } else { 64 };
    let what = match MACHINES.iter().find(|(number, _)| *number == machine) {
        Some((_, name)) => format!("an ELF file for {name}"),
        None => format!("a {bits}-bit ELF file for machine {machine}"),
    };
    let object = data.get(16) == Some(&1);
    match object {
        true => format!("this is {what}, not for BPF; {COMPILE}"),
        false => format!(
            "this is {what}, and no BPF object is in it that is not compressed; give the object \
             that it loads"
        ),
    }
}

/// `EM_BPF`
const EM_BPF: u16 = 247;

const MACHINES: [(u16, &str); 9] = [
    (EM_BPF, "BPF that is no relocatable object"),
    (3, "x86"),
    (8, "MIPS"),
    (21, "PowerPC"),
    (22, "S/390"),
    (40, "ARM"),
    (62, "x86-64"),
    (183, "AArch64"),
    (243, "RISC-V"),
];

/// A relocatable file for BPF. Old compilers wrote no machine.
fn is_bpf(data: &[u8], machine: u16) -> bool {
    let relocatable = data.get(16..18).is_some_and(|t| t[0] | t[1] == 1);
    relocatable && matches!(machine, EM_BPF | 0)
}

/// The machine of an ELF file, and whether it is big-endian.
fn machine(data: &[u8]) -> Option<(u16, bool)> {
    let bytes = *data.strip_prefix(b"\x7fELF")?.get(14..)?.first_chunk()?;
    let big = data[5] == 2;
    Some((
        if big {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        },
        big,
    ))
}
