// SPDX-License-Identifier: GPL-2.0-only
//! Where programs may attach, and how, as kernels said it: `attach.txt`.

use std::collections::BTreeMap;

use bpf::btf::Kind;
use bpf::kernel::Kernel;
use bpf::load::raw_program;
use bpf::program::ProgFlags;
use verifier_model::{Options, Outcome, Shipped, verify};

/// Debian's kernels.
const KERNELS: [&str; 6] = ["6.1", "6.12", "6.18", "7.1", "7.2", "debian-7.3"];

/// `r0 = 0; exit`
const INSNS: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// What the model says of a program that attaches by this section.
fn said(kernel: &Kernel, section: &str, options: &Options) -> String {
    let load = raw_program(&INSNS, "attach", section, kernel).expect(section);
    match verify(&load, kernel, options).outcome {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Rejected(why) if why.said().is_empty() => "rejected".to_owned(),
        Outcome::Rejected(why) => why.said().to_owned(),
        Outcome::NotModelled(what) => format!("not modelled: {what}"),
    }
}

#[test]
fn programs_attach_where_kernels_let_them() {
    let shipped = KERNELS.map(|name| {
        let shipped = Shipped::named(name).expect(name);
        let options = Options {
            log_level: 1,
            ..Options::of(shipped.release)
        };
        (name, (shipped.kernel().expect(name), options))
    });
    let shipped = BTreeMap::from(shipped);
    let mut wrong = String::new();
    let lines = include_str!("attach.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let [section, kernels, want] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}: section, kernels, verdict");
        };
        let kernels: Vec<&str> = match kernels {
            "*" => KERNELS.to_vec(),
            some => some.split(',').collect(),
        };
        for name in kernels {
            let (kernel, options) = &shipped[name];
            let got = said(kernel, section, options);
            if got != want {
                wrong += &format!("{section} on {name}: {got}, not {want}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_a_device_answers_is_for_programs_of_devices() {
    const WANTED: &str = "metadata kfuncs require device-bound program";
    for name in &KERNELS[1..] {
        let shipped = Shipped::named(name).expect(name);
        let kernel = shipped.kernel().expect(name);
        let kfunc = "bpf_xdp_metadata_rx_timestamp";
        let kfunc = kernel.vmlinux.find_by_name_kind(kfunc, Kind::Func);
        let [a, b, c, d] = kfunc.expect("a kfunc").id().to_le_bytes();
        // r2 = r10 - 8; call; then as ever
        let mut insns = vec![0xbf, 0xa2, 0, 0, 0, 0, 0, 0];
        insns.extend([0x07, 0x02, 0, 0, 0xf8, 0xff, 0xff, 0xff]);
        insns.extend([0x85, 0x20, 0, 0, a, b, c, d]);
        insns.extend(INSNS);
        let mut load = raw_program(&insns, "attach", "xdp", &kernel).expect(name);
        let options = Options::of(shipped.release);
        let told = |load: &_| match verify(load, &kernel, &options).outcome {
            Outcome::Rejected(why) => why.said().to_owned(),
            _ => String::new(),
        };
        assert_eq!(told(&load), WANTED, "{name}");
        load.prog_flags = ProgFlags::XDP_DEV_BOUND_ONLY;
        assert_ne!(told(&load), WANTED, "{name}");
    }
}
