// SPDX-License-Identifier: GPL-2.0-only
//! A device tree for arm64 guests with CPUs that are possible and absent.
//!
//! QEMU's `virt` machine describes the CPUs that are present. Linux takes each CPU in the tree as
//! possible whose way of being started it knows, and as present if it can be: with the method
//! `spin-table` it writes to an address, and a CPU whose address is 0 is never there
//! (`smp_spin_table_cpu_prepare()` in arch/arm64/kernel/smp_spin_table.c).

use std::fmt::Write;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::qemu::Guest;
use crate::workshop::files::write;
use crate::workshop::run;

/// The machine of arm64 guests. Its interrupt controller has room for more than eight CPUs.
pub(super) const VIRT: &str = "virt,gic-version=3";

/// QEMU's own tree for `present` CPUs, with the CPUs `absent` added.
pub(super) fn with_absent(guest: &Guest<'_>, present: u32, absent: Range<u32>) -> Result<PathBuf> {
    let toolchain = &guest.target.toolchain;
    let name = format!("{present}-of-{}.dtb", absent.end);
    let made = guest.target.products()?.join(name);
    let plain = made.with_extension(format!("{}.plain", std::process::id()));
    let mut qemu = toolchain.command(toolchain.arch().qemu());
    qemu.arg("-machine")
        .arg(format!("{VIRT},dumpdtb={}", plain.display()));
    qemu.args(["-cpu", "max", "-smp", &present.to_string()]);
    qemu.args(["-m", guest.memory, "-nodefaults", "-display", "none"]);
    qemu.args(["-serial", "null", "-serial", "null"]);
    run::output(&mut qemu).context("QEMU does not show its device tree")?;
    let mut dtc = toolchain.command("dtc");
    dtc.args(["-q", "-I", "dtb", "-O", "dts"]).arg(&plain);
    let source = run::output(&mut dtc)?;
    let source = add(&source, absent).context("QEMU's device tree has no CPUs")?;
    write(&plain, source)?;
    // Another run may be reading the one before.
    let partial = plain.with_extension("partial");
    let mut dtc = toolchain.command("dtc");
    dtc.args(["-q", "-I", "dts", "-O", "dtb", "-o"])
        .arg(&partial);
    run::output(dtc.arg(&plain))?;
    std::fs::rename(&partial, &made)?;
    std::fs::remove_file(&plain)?;
    Ok(made)
}

/// The tree with a node for each CPU of `absent`, behind those that are there: Linux counts them in
/// this order.
fn add(source: &str, absent: Range<u32>) -> Option<String> {
    let cpus = source.find("\tcpus {\n")?;
    let end = cpus + source[cpus..].find("\n\t};")? + 1;
    let (before, after) = source.split_at(end);
    let mut tree = before.to_owned();
    for cpu in absent {
        // Sixteen to a cluster, as the interrupt controller has them.
        let reg = ((cpu / 16) << 8) | (cpu % 16);
        writeln!(
            tree,
            "\t\tcpu@{reg:x} {{ device_type = \"cpu\"; compatible = \"arm,armv8\"; reg = <{reg:#x}>; \
             enable-method = \"spin-table\"; cpu-release-addr = <0 0>; }};"
        )
        .ok()?;
    }
    Some(tree + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_cpus_stand_behind_the_others() {
        let source = "/ {\n\tcpus {\n\n\t\tcpu@0 {\n\t\t};\n\t};\n\n\tflash {\n\t};\n};\n";
        let tree = add(source, 16..17).unwrap();
        let place = |node: &str| tree.find(node).unwrap();
        assert!(place("cpu@0 {") < place("cpu@100 {") && place("cpu@100 {") < place("flash"));
        assert_eq!(add("/ { };", 1..2), None);
    }
}
