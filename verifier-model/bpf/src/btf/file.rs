// SPDX-License-Identifier: GPL-2.0-only
//! BTF from files: raw, as under `/sys/kernel/btf`, the `.BTF` section of an ELF file, or packed.

use std::path::Path;
use std::sync::Arc;

use object::{Object, ObjectSection};

use crate::btf::table::{Btf, BtfError};

impl Btf {
    /// Reads the file, raw or ELF (`vmlinux`, a module's `.ko`). BTF of a module that was built
    /// outside the kernel's tree is moved to `base` ([`Btf::relocate`]).
    pub fn from_file(path: impl AsRef<Path>, base: Option<Arc<Btf>>) -> Result<Self, BtfError> {
        let path = path.as_ref();
        let file = |e: &dyn std::fmt::Display| BtfError::File(format!("{}: {e}", path.display()));
        let data = std::fs::read(path).map_err(|e| file(&e))?;
        Self::from_bytes(&data, base).map_err(|e| file(&e))
    }

    /// As [`Btf::from_file`], of its contents.
    pub fn from_bytes(data: &[u8], base: Option<Arc<Btf>>) -> Result<Self, BtfError> {
        if !data.starts_with(b"\x7fELF") {
            return Self::parse(data, base);
        }
        let elf = object::File::parse(data).map_err(|e| BtfError::File(e.to_string()))?;
        let section = |name| {
            let section = elf.section_by_name(name);
            let data = section.map(|section| section.data()).transpose();
            data.map_err(|e| BtfError::File(e.to_string()))
        };
        let btf = section(".BTF")?
            .ok_or_else(|| BtfError::File("the ELF file has no .BTF section".into()))?;
        match (section(".BTF.base")?, base) {
            (Some(distilled), Some(base)) => {
                let distilled = Arc::new(Self::parse(distilled, None)?);
                Self::parse(btf, Some(distilled))?.relocate(base)
            }
            (_, base) => Self::parse(btf, base),
        }
    }
}
