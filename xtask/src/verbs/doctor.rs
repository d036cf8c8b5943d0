// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask doctor`: what is missing here, and the exact command that mends it.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::linux::kernel;
use crate::workshop::host;
use crate::workshop::project::Project;
use crate::workshop::run;

/// Runs the verb.
pub(crate) fn run(project: &Project) -> Result<()> {
    let mut doctor = Doctor { missing: 0 };
    for (program, package) in host::PROGRAMS {
        let found = which::which(program).is_ok();
        doctor.say(
            found,
            program,
            &format!("as root: {}", host::install_line(&[package])),
        );
    }
    if !host::is_root() {
        let found = which::which("newuidmap").is_ok();
        doctor.say(
            found,
            "newuidmap",
            &format!("as root: {}", host::install_line(&["uidmap"])),
        );
        let user = std::env::var("USER").unwrap_or_default();
        let ranges = fs::read_to_string("/etc/subuid").unwrap_or_default();
        let mapped = ranges
            .lines()
            .any(|line| line.starts_with(&format!("{user}:")));
        let mend = format!(
            "as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
        );
        doctor.say(mapped, "a range of user ids for this user", &mend);
        let works = which::which("bwrap").is_err()
            || Command::new("bwrap")
                .args(["--ro-bind", "/", "/", "true"])
                .output()
                .is_ok_and(|output| output.status.success());
        doctor.say(
            works,
            "user namespaces",
            "as root: sysctl kernel.unprivileged_userns_clone=1",
        );
    }
    let rustc = run::output(Command::new("rustc").arg("--version")).unwrap_or_default();
    doctor.say(
        !rustc.is_empty(),
        &format!("rustc ({})", rustc.trim()),
        "install Rust with rustup",
    );
    let free = host::free_gib(project.cache.dir())?;
    let space = format!("{free} GiB free at {}", project.cache.dir().display());
    let built = !project.cache.complete("toolchain").is_empty();
    let mend = format!(
        "free some ({} GiB needed), or set XDG_CACHE_HOME to a larger place",
        host::SPACE_GIB
    );
    doctor.say(built || free >= host::SPACE_GIB, &space, &mend);

    for (kind, what, command) in [
        ("toolchain", "toolchain", "cargo xtask kernel stock"),
        ("stock", "stock kernel", "cargo xtask kernel stock"),
        ("kernel", "test kernel", "cargo xtask kernel build"),
    ] {
        match project.cache.complete(kind).last() {
            Some(path) => println!("  ready    {what}: {}", path.display()),
            None => println!("  not yet  {what}: made when it is needed, or by `{command}`"),
        }
    }
    match kernel::running().and_then(|build| kernel::check_build(&build)) {
        Ok(()) => println!(
            "  ready    the module can be built for the running kernel: cargo xtask module running"
        ),
        Err(error) => {
            println!("  not here the module cannot be built for the running kernel: {error:#}")
        }
    }
    if doctor.missing > 0 {
        bail!("{} missing; what mends each stands above", doctor.missing);
    }
    Ok(())
}

struct Doctor {
    missing: u32,
}

impl Doctor {
    fn say(&mut self, found: bool, what: &str, mend: &str) {
        if found {
            println!("  ok       {what}");
        } else {
            self.missing += 1;
            println!("  MISSING  {what}; {mend}");
        }
    }
}
