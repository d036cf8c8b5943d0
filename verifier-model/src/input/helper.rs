// SPDX-License-Identifier: GPL-2.0-only
//! Which helpers the program may call, and by which prototype.

use bpf::uapi::{AttachType, ProgType};

use crate::facts::btf_sets::BtfSet;
use crate::facts::helper_caller::Caller;
use crate::facts::helper_proto::HelperProto;
use crate::facts::helpers::id;
use crate::input::{Extends, Input};

impl Input<'_> {
    /// The prototype by which the program calls a helper; None if it may not.
    pub(crate) fn helper_proto(&self, func_id: i32) -> Option<&'static HelperProto> {
        let helpers = &self.release.tables.helpers;
        let set = match &self.struct_ops {
            Some(ops) => ops.known?.helpers.and_then(|set| helpers.set(set)),
            None if self.extends == Some(Extends::Loaded) => None,
            None => helpers.set_of(self.prog.prog_type),
        };
        let caller = Caller {
            prog: self.prog,
            set: set?,
            hook: self.attach_func_name(),
            caps: self.opts.caps,
            kconfig: &self.kernel.kconfig,
        };
        helpers.proto_for(&caller, func_id)
    }

    /// Whether a helper that asks about the program lets it call (`allowed()` of its prototype).
    pub(crate) fn helper_allowed(&self, func_id: i32) -> bool {
        let (typ, attach) = (self.prog.prog_type, self.prog.expected_attach_type);
        match func_id {
            id::D_PATH if typ == ProgType::Tracing && attach == AttachType::TraceIter => true,
            id::D_PATH if typ != ProgType::Lsm => self.attaches_to_one_of(BtfSet::DPathAllowlist),
            id::SK_STORAGE_GET | id::SK_STORAGE_DELETE => match attach {
                _ if self.dst_prog.is_some() => false,
                AttachType::TraceIter | AttachType::TraceRawTp => true,
                AttachType::TraceFentry | AttachType::TraceFexit | AttachType::TraceFsession => {
                    !self.attach_func_name().starts_with("bpf_sk_storage")
                }
                _ => false,
            },
            _ => self.attaches_to_one_of(BtfSet::SleepableLsmHooks),
        }
    }
}
