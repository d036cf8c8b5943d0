// SPDX-License-Identifier: GPL-2.0-only
//! Linux 7.3, the release that all others are told of.

use crate::facts::release::{Limits, Release};
use crate::facts::rule::Profile;
use crate::facts::texts;

/// Linux 7.3.
pub(crate) static LINUX_7_3: Release = Release::new(
    "7.3",
    "7.3.4",
    Profile::V7_3,
    Limits {
        func_args: 12,
        call_frames: 16,
        stack_round: 16,
        stack_of_none: false,
        linked_regs: Some(5),
    },
    texts::LINUX_7_3,
    None,
);

/// Name of a helper of Linux 7.3 with its prefix, as messages print it (`func_id_name`).
pub fn helper_name(id: i32) -> String {
    LINUX_7_3.tables.helpers.name(id).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpf::kernel::kfuncs::{KfuncFlags, KfuncHook};

    #[test]
    fn a_prototype_is_no_function() {
        let table = LINUX_7_3.kfuncs();
        assert!(table.is_prototype("bpf_kfunc_implicit_arg_impl"));
        for function in ["bpf_kfunc_implicit_arg", "bpf_obj_new_impl", "no_such_impl"] {
            assert!(!table.is_prototype(function), "{function}");
        }
    }

    #[test]
    fn the_table_of_7_3() {
        let table = LINUX_7_3.kfuncs();
        let flags = |hook, func| table.flags(hook, func);
        let new = flags(KfuncHook::Common, "bpf_iter_num_new");
        assert_eq!(new, Some(KfuncFlags::ITER_NEW | KfuncFlags::SPINLOCK_SAFE));
        let acquire = flags(KfuncHook::Tracing, "bpf_cpumask_acquire");
        assert_eq!(acquire, Some(KfuncFlags::ACQUIRE));
        assert_eq!(flags(KfuncHook::Xdp, "bpf_cpumask_acquire"), None);
    }
}
