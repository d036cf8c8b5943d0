// SPDX-License-Identifier: GPL-2.0-only
//! The toolchain: a Debian 13 root with the compilers and tools that Linux 7.x needs, and QEMU.
//!
//! It is entered with bubblewrap: its `/usr` and `/etc` read-only, the checkout and the cache at
//! their own paths, so that a path in a message means the same inside and outside. All that runs
//! inside ends with the process that started it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workshop::arch::Arch;
use crate::workshop::cache::Partial;
use crate::workshop::files::{create, read};
use crate::workshop::host;
use crate::workshop::project::Project;
use crate::workshop::run;

/// Debian's name for the release.
pub(crate) const SUITE: &str = "trixie";

/// What goes into the root; a change here makes another root.
const PACKAGES: [&str; 33] = [
    // Rust for the kernel
    "bindgen",
    "rust-clippy",
    "rust-src",
    "rustc",
    "rustfmt",
    // C for the kernel, BPF and the guest
    "ccache",
    "clang",
    "gcc",
    "libc6-dev",
    "lld",
    "llvm",
    // what a kernel build runs
    "bc",
    "bison",
    "cpio",
    "flex",
    "kmod",
    "libdw-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "openssl",
    "pahole",
    "perl",
    "python3",
    "rsync",
    "xz-utils",
    "zstd",
    // BPF and the guest
    "bpftool",
    "busybox-static",
    "libbpf-dev",
    "libzstd-dev",
    "pkgconf",
    "qemu-system-x86",
];

/// What a root for arm64 has besides.
const FOR_ARM64: [&str; 4] = [
    "device-tree-compiler",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "qemu-system-arm",
];

/// Lines that apt and dpkg print for the packages above and what they need: two a package.
const LINES: u64 = 640;

/// What goes into the root of the browser, which is of no use to kernels.
const BROWSER: [&str; 2] = ["chromium-headless-shell", "fonts-dejavu-core"];
const BROWSER_LINES: u64 = 340;

/// A root that is complete.
#[derive(Clone)]
pub(crate) struct Toolchain {
    root: PathBuf,
    /// What it builds for.
    arch: Arch,
    /// Directories of the host and where they are seen inside; of two at one place, the later.
    binds: Vec<(PathBuf, PathBuf)>,
}

impl Toolchain {
    /// The toolchain for x86-64, made on first use.
    pub(crate) fn ensure(project: &Project) -> Result<Self> {
        Self::ensure_for(project, Arch::Amd64)
    }

    /// The toolchain for `arch`, made on first use. Each is a root of its own: who needs one of them
    /// does not wait for the other.
    pub(crate) fn ensure_for(project: &Project, arch: Arch) -> Result<Self> {
        let mut packages = PACKAGES.to_vec();
        let label = match arch {
            Arch::Amd64 => SUITE.to_owned(),
            Arch::Arm64 => {
                packages.extend(FOR_ARM64);
                format!("{SUITE}-{}", arch.debian())
            }
        };
        let key = packages.join(",");
        let path = project.cache.path("toolchain", &label, &[&key, "1"]);
        let make = |dir: &Path| make(project, dir, &packages, LINES);
        let root = project.cache.entry(path, Partial::Discard, make)?;
        for program in ["make", "rustc", arch.qemu()] {
            if !root.join("usr/bin").join(program).exists() {
                bail!(
                    "{program} is absent from the toolchain; run `cargo xtask clean --toolchain`, it is then made anew"
                );
            }
        }
        Ok(Self::of(project, root, arch))
    }

    /// A root with a browser in it, made on first use.
    pub(crate) fn browser(project: &Project) -> Result<Self> {
        let path = project
            .cache
            .path("browser", SUITE, &[&BROWSER.join(","), "1"]);
        let root = project.cache.entry(path, Partial::Discard, |dir| {
            make(project, dir, &BROWSER, BROWSER_LINES)
        })?;
        Ok(Self::of(project, root, Arch::Amd64))
    }

    fn of(project: &Project, root: PathBuf, arch: Arch) -> Self {
        Self {
            root,
            arch,
            binds: [&project.checkout, project.cache.dir()]
                .map(|dir| (dir.to_path_buf(), dir.to_path_buf()))
                .to_vec(),
        }
    }

    /// What it builds for.
    pub(crate) fn arch(&self) -> Arch {
        self.arch
    }

    /// Makes the user's directory `path` visible inside.
    pub(crate) fn bind(&mut self, path: &Path) {
        self.bind_over(path, path);
    }

    /// Makes the directory `path` visible inside in place of `over`. What is built of it has the
    /// paths of the other then, and the compiler cache takes the one for the other where they are
    /// the same.
    pub(crate) fn bind_over(&mut self, path: &Path, over: &Path) {
        self.binds.push((path.to_path_buf(), over.to_path_buf()));
    }

    /// A file of the root, seen from outside.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// `program`, to be run inside.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("bwrap");
        command.args(["--die-with-parent", "--unshare-pid", "--unshare-ipc"]);
        command.args(["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]);
        for name in ["usr", "etc", "var"] {
            command
                .arg("--ro-bind")
                .arg(self.root.join(name))
                .arg(format!("/{name}"));
        }
        for name in ["bin", "lib", "lib64", "sbin"] {
            command.args(["--symlink", &format!("usr/{name}"), &format!("/{name}")]);
        }
        command.args(["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"]);
        for (path, inside) in &self.binds {
            command.arg("--bind").arg(path).arg(inside);
        }
        // Kernel builds read these; what the user has set for another project must not reach them.
        for name in [
            "KBUILD_OUTPUT",
            "ARCH",
            "CROSS_COMPILE",
            "RUSTFLAGS",
            "MAKEFLAGS",
            "LANG",
        ] {
            command.args(["--unsetenv", name]);
        }
        command.args([
            "--setenv",
            "PATH",
            "/usr/sbin:/usr/bin",
            "--setenv",
            "LC_ALL",
            "C.UTF-8",
        ]);
        command.args(["--setenv", "HOME", "/tmp"]);
        command.arg("--").arg(program);
        command
    }

    /// The host's own Rust inside, with the crates that the host has fetched; which of its programs
    /// is for the caller to add. The guest's programs are built with it against the root's static
    /// libraries.
    pub(crate) fn cargo(&self, environment: &[(&str, String)]) -> Result<Command> {
        let sysroot = run::output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim());
        let home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| dirs::home_dir().map(|home| home.join(".cargo")))
            .context("no Cargo home: set HOME or CARGO_HOME")?;
        let mut inside = self.clone();
        inside.bind(&sysroot);
        inside.bind(&home);
        let mut command = inside.command("env");
        command.arg(format!("PATH={}/bin:/usr/sbin:/usr/bin", sysroot.display()));
        command.arg(format!("CARGO_HOME={}", home.display()));
        for name in [
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTDOC",
            "RUSTUP_TOOLCHAIN",
            "CARGO",
            "CARGO_ENCODED_RUSTFLAGS",
        ] {
            command.env_remove(name);
        }
        for (name, value) in environment {
            command.arg(format!("{name}={value}"));
        }
        Ok(command)
    }

    /// The version line of the root's rustc, as `CONFIG_RUSTC_VERSION_TEXT` has it.
    pub(crate) fn rustc_version(&self) -> Result<String> {
        Ok(run::output(self.command("rustc").arg("--version"))?
            .trim()
            .to_owned())
    }

    /// The `deb` line of the root's own archive, for another suite of it.
    pub(crate) fn archive_line(&self, suite: &str) -> Result<String> {
        let path = self.root.join("etc/apt/sources.list");
        let list = read(&path)?;
        let wanted = format!(" {SUITE} main");
        let line = list.lines().find(|line| line.ends_with(&wanted));
        let line =
            line.with_context(|| format!("{} names no archive for {SUITE}", path.display()))?;
        Ok(line.replace(&wanted, &format!(" {suite} main")))
    }
}

/// Makes the root in `dir`: mmdebstrap installs `packages` and hands the tree on as an archive,
/// which is unpacked as this user whether or not that is root.
fn make(project: &Project, dir: &Path, packages: &[&str], lines: u64) -> Result<()> {
    host::ensure(project)?;
    host::ensure_space(dir, host::SPACE_GIB)?;
    let log = project.runner.log("root filesystem unpacking")?;
    let unpack_log = create(&log)?;
    let archive = dir.join("root.tar");
    let mut command = Command::new("mmdebstrap");
    if host::is_root() {
        // What an interrupt leaves behind goes with the entry. Without root, mapped users work in
        // the temporary directory, and they may not enter a home directory.
        command.env("TMPDIR", dir);
    }
    command.args(["--mode=auto", "--variant=apt", "--verbose", "--format=tar"]);
    command.arg("--aptopt=Acquire::Languages \"none\"");
    for path in ["man", "doc", "locale", "info"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{path}/*"));
    }
    command.arg(format!("--include={}", packages.join(",")));
    command.arg(SUITE).arg(&archive);
    project
        .runner
        .run_counted("root filesystem", command, lines, |line| {
            u64::from(line.starts_with("Unpacking ") || line.starts_with("Setting up "))
        })?;
    let status = Command::new("tar")
        .args([
            "--extract",
            "--no-same-owner",
            "--exclude=./dev/*",
            "--exclude=./proc/*",
            "--exclude=./sys/*",
        ])
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(dir)
        .stdin(Stdio::null())
        .stderr(unpack_log)
        .status()?;
    if !status.success() {
        bail!(
            "unpacking the root filesystem failed (log: {})",
            log.display()
        );
    }
    fs::remove_file(&archive)?;
    // A mount point for the host's own.
    let resolver = dir.join("etc/resolv.conf");
    if !resolver.is_file() {
        let _ = fs::remove_file(&resolver);
        fs::write(&resolver, "")?;
    }
    Ok(())
}
