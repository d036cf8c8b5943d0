// SPDX-License-Identifier: GPL-2.0-only
//! A kernel that tests itself: the doctests of its Rust, which KUnit runs while it boots, and whether
//! the iterators leave memory behind, which two of its debugging aids tell.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::build::initramfs;
use crate::guest::qemu::{Guest, MEMORY};
use crate::linux::patches::series::Series;
use crate::linux::target::Target;
use crate::linux::test_kernel::Form;
use crate::workshop::project::Project;

/// The suite that `scripts/rustdoc_test_gen.rs` makes.
const SUITE: &str = "rust_doctests_kernel";
/// What of the guest's suite makes copies of masks, and the test that asks the debugging aids.
const COPIES: &str = "snapshot::";
const LEAKS: &str = "test snapshot::nothing_left_behind ... ok";
const LIMIT: Duration = Duration::from_secs(600);

/// Builds the kernel, boots it, and looks at the doctests of the files that `series` adds. Then boots
/// it once more with so many CPUs possible that a copy of a mask takes memory.
pub(super) fn run(project: &Project, series: &Series) -> Result<()> {
    let target = Target::test(project, Form::Kunit)?;
    let guest = Guest {
        target: &target,
        initramfs: &initramfs::bare(&target)?,
        smp: "2",
        args: &["kunit".to_owned(), SUITE.to_owned()],
        memory: MEMORY,
        known: &[],
        limit: LIMIT,
    };
    let ended = guest.collect("doctests")?;
    ensure!(ended.status == 0, "the guest has no results of {SUITE}");
    for file in series.kernel_crate() {
        check(&ended.output, &file)?;
    }
    let copies = Guest {
        initramfs: &initramfs::build(&target)?,
        smp: "4,maxcpus=300",
        args: &["test", "--possible", "300", "--filter", COPIES].map(str::to_owned),
        ..guest
    };
    let ended = copies.run("memory of copies")?;
    ensure!(
        ended.status == 0 && ended.output.lines().any(|line| spaced(line) == LEAKS),
        "copies of masks leave memory behind, or nobody looked"
    );
    Ok(())
}

/// The line with one space where the test harness has some, so that its results line up.
fn spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the doctests of `rust/kernel/FILE`, of which there must be some, have passed by the
/// results `said`. Prints them.
///
/// ```text
///     # rust_doctest_kernel_kfunc_rs_0.location: rust/kernel/kfunc.rs:81
///     ok 97 rust_doctest_kernel_kfunc_rs_0
/// ```
fn check(said: &str, file: &str) -> Result<()> {
    let name = file.replace(['/', '.'], "_");
    let of_file = |line: &&str| {
        let word = line
            .split_whitespace()
            .find(|word| word.starts_with("rust_doctest_"));
        let number =
            word.and_then(|word| word.strip_prefix(&format!("rust_doctest_kernel_{name}_")));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let results: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("ok ") || line.starts_with("not ok "))
        .filter(of_file)
        .collect();
    ensure!(
        !results.is_empty(),
        "rust/kernel/{file} has no doctest in the results"
    );
    for result in results {
        println!("{result}");
        if !result.starts_with("ok ") || result.contains("# SKIP") {
            bail!("rust/kernel/{file}: {result}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_file_must_pass() {
        let said = "KTAP version 1\n    1..3\n    ok 1 rust_doctest_kernel_kfunc_rs_0\n    \
             not ok 2 rust_doctest_kernel_time_rs_0\n    ok 3 rust_doctest_kernel_sync_kfunc_rs_0\n";
        assert!(check(said, "kfunc.rs").is_ok());
        assert!(check(said, "sync/kfunc.rs").is_ok());
        let error = check(said, "time.rs").unwrap_err().to_string();
        assert!(error.contains("not ok 2"), "{error}");
        assert!(check(said, "time/hrtimer.rs").is_err());
    }
}
