// SPDX-License-Identifier: GPL-2.0-only
//! `assert_loads!`: a test of somebody's own programs, with the explanation as the failure's text.

use std::path::Path;

use bpf::load::{Object, PrepareOptions};

use crate::explain::explain;
use crate::facts::release::shipped::linux_7_3;
use crate::options::Options;

/// What `assert_loads!` does.
#[doc(hidden)]
#[track_caller]
pub fn assert_loads(path: impl AsRef<Path>) {
    let path = path.as_ref();
    match failures(path) {
        Ok((_, failed)) if failed.is_empty() => {}
        Ok((programs, failed)) => panic!(
            "{}: {} of {programs} programs are not accepted\n\n{}",
            path.display(),
            failed.len(),
            failed.join("\n\n")
        ),
        Err(e) => panic!("{}: {e}", path.display()),
    }
}

/// How many programs there are, and the explanations of those that are not accepted.
fn failures(path: &Path) -> Result<(usize, Vec<String>), Box<dyn std::error::Error>> {
    let kernel = linux_7_3()?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let object = Object::open(&std::fs::read(path)?, &name)?;
    let (mut programs, mut failed) = (0, Vec::new());
    for prog in object.prepare(&kernel, &PrepareOptions::default())? {
        programs += 1;
        match prog.load {
            Err(e) => failed.push(format!(
                "{}: {} does not load it: {e}",
                prog.name, prog.loader
            )),
            Ok(load) => {
                let (verdict, why) = explain(&load, &kernel, &Options::default());
                if !verdict.accepted() {
                    failed.push(why.text(false));
                }
            }
        }
    }
    if programs == 0 {
        return Err("the object has no program that is loaded by default".into());
    }
    Ok((programs, failed))
}
