// SPDX-License-Identifier: GPL-2.0-only
//! Which maps the kernel makes: thousands of every type, held against what 7.3.4 said of each, as
//! `cargo xtask oracle --maps` asked it.

use std::collections::BTreeMap;
use std::path::Path;

use answers::read_packed;
use bpf::load::create_map;
use bpf::uapi::MapType;
use generated::maps::cases;
use verifier_model::linux_7_3;

#[test]
fn as_the_kernel_makes_them() {
    let kernel = linux_7_3().expect("it comes along");
    let answers = read_packed(Path::new("answers/7.3/maps.gz")).expect("the answers");
    let answers = answers.lines().filter(|line| !line.starts_with('#'));
    let answers: BTreeMap<&str, &str> = answers.filter_map(|l| l.rsplit_once(' ')).collect();
    let mut wrong = Vec::new();
    let mut refused = 0;
    for case in cases() {
        let line = case.to_string();
        let Some(&errno) = answers.get(line.as_str()) else {
            panic!("{line}: the kernel was not asked");
        };
        // No size stands for that of the machine, and of some types none can be put inside.
        let sized_by_cpus = case.map_type == MapType::PerfEventArray && case.sizes[2] == 0;
        if sized_by_cpus || errno == "-EBADF" {
            continue;
        }
        // What there is no memory for is made elsewhere.
        let said = match create_map(&case.def(), &kernel, case.caps) {
            Ok(()) if errno == "-ENOMEM" => continue,
            Ok(()) => "0",
            Err((errno, _)) => errno,
        };
        refused += usize::from(errno != "0");
        if said != errno {
            wrong.push(format!("{line}: the kernel {errno}, we {said}"));
        }
    }
    assert!(
        refused > 1000 && refused < answers.len() - 1000,
        "{refused}"
    );
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}
