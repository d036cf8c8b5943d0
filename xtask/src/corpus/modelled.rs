// SPDX-License-Identifier: GPL-2.0-only
//! The kernel that is asked, as the model has it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use verifier_model::{Release, Shipped};

use crate::linux::image;
use crate::linux::target::Target;
use crate::workshop::files::read;

/// The release that is modelled and nearest to that of the asked kernel.
pub(crate) fn release(target: &Target<'_>) -> &'static Release {
    nearest(&image::point(&target.kernel))
}

/// The asked kernel as far as it can be told: its own types and configuration, with the rules and
/// kfuncs of the release that is modelled and nearest.
pub(crate) fn kernel(
    target: &Target<'_>,
    release: &Release,
    modules: &[PathBuf],
) -> Result<Kernel> {
    let vmlinux = Arc::new(Btf::from_file(target.kernel.btf(), None)?);
    let mut kernel = Kernel::new(vmlinux.clone());
    kernel.kfuncs = release.kfuncs();
    kernel.set_release(&target.kernel.release, &image::point(&target.kernel));
    kernel.read_config(&read(&target.kernel.build.join(".config"))?);
    for path in modules {
        let name = path.file_stem().context("a module has a name")?;
        let btf = Btf::from_file(path, Some(vmlinux.clone()))?;
        kernel.add_module(&name.to_string_lossy(), btf);
    }
    Ok(kernel)
}

/// The release that is modelled and nearest to the kernel `point`, as the command has it; for a series
/// that it does not know the oldest that is not older, or else the newest.
fn nearest(point: &str) -> &'static Release {
    let number = |release: &str| -> Vec<u32> {
        let numbers = release.split('.').take(2);
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    let series: Vec<&str> = point.split('.').take(2).collect();
    let not_older = || {
        let mut all = Shipped::ALL.iter();
        all.find(|shipped| number(shipped.release.point()) >= number(point))
    };
    let found = Shipped::of_series(&series.join(".")).or_else(not_older);
    found.unwrap_or(Shipped::DEFAULT).release
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_release_is_not_older() {
        assert_eq!(nearest("6.12.117").name(), "6.12");
        assert_eq!(nearest("5.10.223").name(), "6.1");
        assert_eq!(nearest("6.16.12").name(), "6.18");
        assert_eq!(nearest("7.0.13").name(), "7.1");
        // But for one, as the command says.
        assert_eq!(nearest("6.19.14").name(), "6.18");
        assert_eq!(nearest("6.13.7").name(), "6.18");
        assert_eq!(nearest("7.9").name(), "7.3");
    }
}
