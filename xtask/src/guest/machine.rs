// SPDX-License-Identifier: GPL-2.0-only
//! The machine that a guest gets: QEMU's command line, and the kernel's.
//!
//! More CPUs are possible than are present, on both architectures by a detour.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::device_tree::{self, VIRT};
use super::qemu::{Accel, Guest, ICOUNT};
use crate::workshop::arch::Arch;

/// Pointers are signed in a way that is quick to emulate; vectors are not used. The counter counts
/// nanoseconds, which it does from Armv8.6 on.
const ARM: &str = "max,pauth-impdef=on,sve=off,sme=off";

impl Guest<'_> {
    /// QEMU, but for where the second serial line goes.
    pub(super) fn command(
        &self,
        accel: Accel,
        parameters: &str,
        console: &Path,
    ) -> Result<Command> {
        let arch = self.target.toolchain.arch();
        let mut command = self.target.toolchain.command(arch.qemu());
        command.args([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
        ]);
        // /dev/kvm may open and yet hang the guest; TCG answers everywhere.
        command.args(match accel {
            Accel::Tcg => ["-accel", "tcg,thread=single"].as_slice(),
            Accel::Threads => &["-accel", "tcg,thread=multi"],
            Accel::Icount => &["-accel", "tcg,thread=single", "-icount", ICOUNT],
            Accel::Kvm => &["-accel", "kvm"],
        });
        match arch {
            Arch::Amd64 => self.pc(&mut command, accel),
            Arch::Arm64 => self.virt(&mut command)?,
        }
        command
            .args(["-m", self.memory, "-kernel"])
            .arg(&self.target.kernel.image)
            .arg("-initrd")
            .arg(self.initramfs);
        command.args(["-append", &self.command_line(accel, parameters)]);
        command
            .arg("-serial")
            .arg(format!("file:{}", console.display()));
        Ok(command)
    }

    fn pc(&self, command: &mut Command, accel: Accel) {
        // Linux counts CPUs that may come (`maxcpus=`) as possible only on a hypervisor that it
        // knows: acpi_is_processor_usable() in arch/x86/kernel/acpi/boot.c. It does not know TCG;
        // it takes this for VMware, by the serial number and the port that QEMU has for it. So
        // many CPUs can be possible at the price of the few that are present.
        command.args([
            "-machine",
            "q35,vmport=on",
            "-smbios",
            "type=1,serial=VMware-0",
        ]);
        command.args(["-cpu", "max,la57=off,-hypervisor", "-smp", self.smp]);
        if accel == Accel::Icount || self.possible() > 254 {
            // What it takes to have more than 254 CPUs possible.
            command.args(["-device", "intel-iommu,intremap=on,eim=on"]);
        }
    }

    fn virt(&self, command: &mut Command) -> Result<()> {
        let present = self.present();
        let absent = present..self.possible();
        command.args(["-machine", VIRT, "-cpu", ARM]);
        command.args(["-smp", &present.to_string()]);
        if !absent.is_empty() {
            let tree = device_tree::with_absent(self, present, absent)?;
            command.arg("-dtb").arg(tree);
        }
        Ok(())
    }

    /// How many CPUs are present, by the first number of `4` or `4,maxcpus=130`.
    fn present(&self) -> u32 {
        let first = self.smp.split(',').next();
        first.and_then(|first| first.parse().ok()).unwrap_or(0)
    }

    /// How many CPUs are possible, by the last number of `4` or `4,maxcpus=130`.
    fn possible(&self) -> u32 {
        let last = self.smp.rsplit(['=', ',']).next();
        last.and_then(|last| last.parse().ok()).unwrap_or(0)
    }

    fn command_line(&self, accel: Accel, parameters: &str) -> String {
        // `panic=-1` with -no-reboot ends QEMU, after an oops as well; what follows `--` goes to /init.
        let kernel = "panic=-1 oops=panic psi=1 audit=0 rcupdate.rcu_cpu_stall_timeout=60";
        let arch = self.target.toolchain.arch();
        let console = match arch {
            Arch::Amd64 => "ttyS0",
            Arch::Arm64 => "ttyAMA0",
        };
        // With CPU numbers above 254 the APIC is read by rdmsr, and QEMU has no instruction count
        // to base its timer on there: "Bad icount read" when Linux calibrates it. On arm64 a module that
        // KASLR puts too far from the kernel calls it by three more instructions.
        let exact = match (accel, arch) {
            (Accel::Icount, Arch::Amd64) => " nolapic_timer",
            (Accel::Icount, Arch::Arm64) => " nokaslr",
            _ => "",
        };
        let parameters = match parameters {
            "" => String::new(),
            parameters => format!(" {parameters}"),
        };
        let told = self.args.join(" ");
        format!("console={console} {kernel}{exact}{parameters} -- {told}")
    }
}
