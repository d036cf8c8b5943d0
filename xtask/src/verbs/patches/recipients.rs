// SPDX-License-Identifier: GPL-2.0-only
//! Whom a series goes to: what the kernel's `get_maintainer.pl` says of its patches.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::linux::patches::named::{self, Named};
use crate::linux::test_kernel;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// Prints for each series the maintainers and lists, for `git send-email`.
pub(super) fn run(project: &Project) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let (base, _) = test_kernel::base(project, &mut toolchain)?;
    for Named { name, own, .. } in named::all(project)? {
        let mut perl = toolchain.command("env");
        perl.arg("--chdir").arg(&base);
        perl.args(["perl", "scripts/get_maintainer.pl", "--norolestats"]);
        // Who has changed a file lately is for the sender to look at, in the tree that it goes to.
        perl.args(["--nogit", "--nogit-fallback", "--nor"]);
        perl.args(own.patches.iter().map(|patch| &patch.path));
        let output = perl.stdin(Stdio::null()).output();
        let output = output.context("cannot run get_maintainer.pl")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        check(&name, &said)?;
        println!("{name}:");
        for line in said.lines() {
            println!("  {line}");
        }
    }
    Ok(())
}

/// That there is a person and a list, besides the list that everything goes to.
fn check(name: &str, said: &str) -> Result<()> {
    let everything = |line: &&str| !line.starts_with("linux-kernel@");
    let lists = said.lines().filter(everything);
    let (people, lists): (Vec<&str>, Vec<&str>) = lists.partition(|line| line.contains('<'));
    ensure!(
        !people.is_empty(),
        "{name}: nobody maintains what it touches"
    );
    ensure!(!lists.is_empty(), "{name}: no list is for what it touches");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_and_a_list_are_needed() {
        let said = "A Person <a@b.example>\nbpf@vger.kernel.org\nlinux-kernel@vger.kernel.org\n";
        assert!(check("n", said).is_ok());
        let error = |said: &str| check("n", said).unwrap_err().to_string();
        assert!(error("bpf@vger.kernel.org\n").contains("nobody"));
        assert!(error("A <a@b.example>\nlinux-kernel@vger.kernel.org\n").contains("no list"));
    }
}
