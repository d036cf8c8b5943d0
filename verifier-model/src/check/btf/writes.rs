// SPDX-License-Identifier: GPL-2.0-only
//! Writes to kernel structures, which some program types may make to some fields: where
//! `check_ptr_to_btf_access()` asks the `btf_struct_access` of the program's type.

use bpf::btf::Kind;
use bpf::kernel::BtfRef;
use bpf::uapi::ProgType;

use crate::env::Env;
use crate::facts::btf_struct_access::BY_PROG_TYPE;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, not_modelled};
use crate::log::{reject, verbose};

impl Env<'_> {
    /// Who says what programs of this type may write; None for what all types may.
    pub(crate) fn btf_struct_access_function(&self) -> Checked<Option<&'static str>> {
        Ok(match self.input.prog.prog_type {
            ProgType::StructOps => match &self.input.struct_ops {
                Some(ops) => match ops.known {
                    Some(known) => known.writes,
                    None => {
                        return not_modelled(format!(
                            "writes to kernel structures by programs of {}",
                            ops.name
                        ));
                    }
                },
                None => None,
            },
            ProgType::SchedCls | ProgType::SchedAct | ProgType::Xdp => {
                let [tracked, untracked] = BY_PROG_TYPE;
                Some(match self.has_nf_conntrack() {
                    true => tracked,
                    false => untracked,
                })
            }
            _ => None,
        })
    }

    fn has_nf_conntrack(&self) -> bool {
        let mut btfs = self.input.kernel.btfs();
        btfs.any(|(_, btf)| btf.find_own_by_name_kind("nf_conn", Kind::Struct).is_some())
    }

    /// A write of `size` bytes at `off` of a kernel structure.
    pub(crate) fn check_struct_write(
        &mut self,
        function: &str,
        argname: &str,
        (bref, id): (BtfRef, u32),
        off: i32,
        size: i32,
    ) -> Checked {
        let btf = self.input.btf(bref).filter(|_| bref.is_kernel());
        let writes = self.input.release.tables.btf_struct_access.of(function);
        let (Some(btf), Some(writes)) = (btf, writes) else {
            return Err(Errno::EFAULT.into());
        };
        let name = self.input.btf_type_name(bref, id).to_owned();
        let Err(message) = writes.allows(btf, &name, off, size) else {
            return Ok(());
        };
        if let Some(message) = message {
            verbose!(self, "{message}\n");
        }
        reject!(
            self,
            ReadOnly,
            EACCES,
            "{argname} cannot write into ptr_{name} at off={off} size={size}"
        )
    }
}
