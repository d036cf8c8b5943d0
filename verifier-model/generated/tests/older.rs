// SPDX-License-Identifier: GPL-2.0-only
//! Generated programs that older kernels judged in another way than the model did: a folder a release, and
//! in each file what that kernel said.

use std::fs;
use std::path::Path;

use generated::file::{Answer, CaseFile};
use generated::law;
use verifier_model::{Options, Shipped};

#[test]
fn cases_that_were_found_are_judged_as_the_kernel_of_their_folder_does() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/older");
    let mut wrong = String::new();
    for of_release in fs::read_dir(all).expect("tests/older") {
        let dir = of_release.expect("an entry").path();
        let release = dir.file_name().unwrap_or_default().to_string_lossy();
        let shipped = Shipped::named(&release).expect("a release");
        let kernel = shipped.kernel().expect("it comes along");
        let options = Options::of(shipped.release);
        for entry in fs::read_dir(&dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.display();
            let text = fs::read_to_string(&path).expect("a case");
            let case = CaseFile::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let verdict = law::judge_with(&options, &case.code, &kernel).expect("all names known");
            if verdict.accepted() != (case.kernel == Answer::Accept) {
                wrong += &format!("{name}: the kernel: {}\n{}\n", case.kernel, verdict.log);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
