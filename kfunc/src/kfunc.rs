// SPDX-License-Identifier: GPL-2.0-only

//! Kfuncs: functions of the kernel that BPF programs call.
//!
//! C header: [`include/linux/btf.h`](srctree/include/linux/btf.h)

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// What a kfunc demands and promises, `KF_*` in C.
#[derive(Clone, Copy)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Self = Self(0);
    pub const ACQUIRE: Self = Self(bindings::KF_ACQUIRE);
    pub const RELEASE: Self = Self(bindings::KF_RELEASE);
    pub const RET_NULL: Self = Self(bindings::KF_RET_NULL);
    pub const RCU: Self = Self(bindings::KF_RCU);
    pub const RCU_PROTECTED: Self = Self(bindings::KF_RCU_PROTECTED);
    pub const ITER_NEW: Self = Self(bindings::KF_ITER_NEW);
    pub const ITER_NEXT: Self = Self(bindings::KF_ITER_NEXT);
    pub const ITER_DESTROY: Self = Self(bindings::KF_ITER_DESTROY);

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn bits(self) -> u32 {
        self.0
    }
}

#[derive(Clone, Copy)]
pub enum Hook {
    /// Every program type.
    Common,
}

pub struct KfuncSet(*const bindings::btf_id_set8);

// SAFETY: nothing is ever written to.
unsafe impl Sync for KfuncSet {}

pub struct Registration(());

impl KfuncSet {
    pub const unsafe fn from_raw(ptr: *const bindings::btf_id_set8) -> Self {
        Self(ptr)
    }

    pub fn register(&'static self, hook: Hook, module: &'static ThisModule) -> Result<Registration> {
        let kset = bindings::btf_kfunc_id_set {
            owner: module.as_ptr(),
            set: self.0.cast_mut(),
            filter: None,
        };
        let prog_type = match hook {
            Hook::Common => bindings::bpf_prog_type_BPF_PROG_TYPE_UNSPEC,
        };
        // SAFETY: TODO
        to_result(unsafe { bindings::register_btf_kfunc_id_set(prog_type, &kset) })?;
        Ok(Registration(()))
    }
}

macro_rules! kfunc_set {
    (
        $(#[$attr:meta])*
        $vis:vis static $set:ident: $prototypes:ident {
            $($name:ident $(: $($flag:ident)|+)?),+ $(,)?
        }
    ) => {
        $(
            const _: () = {
                if true {
                    $prototypes::$name
                } else {
                    $name
                };
            };
        )+

        ::core::arch::global_asm!(
            ".pushsection .BTF_ids, \"a\"",
            ".balign 4",
            concat!(".local ", stringify!($set)),
            concat!(stringify!($set), ":"),
            concat!(".local __BTF_ID__set8__", stringify!($set)),
            concat!("__BTF_ID__set8__", stringify!($set), ":"),
            ".zero 4",
            ".long {set_flags}",
            $(
                concat!(".local __BTF_ID__func__", stringify!($name), "__", line!()),
                concat!(".type __BTF_ID__func__", stringify!($name), "__", line!(), ", STT_OBJECT"),
                concat!(".size __BTF_ID__func__", stringify!($name), "__", line!(), ", 4"),
                concat!("__BTF_ID__func__", stringify!($name), "__", line!(), ":"),
                ".zero 4",
                concat!(".long {", stringify!($name), "}"),
            )+
            concat!(".size __BTF_ID__set8__", stringify!($set), ", . - ", stringify!($set)),
            ".popsection",
            set_flags = const ::kernel::bindings::BTF_SET8_KFUNCS,
            $(
                $name = const $crate::kfunc::Flags::NONE
                    $($(.union($crate::kfunc::Flags::$flag))+)?
                    .bits(),
            )+
        );

        $(#[$attr])*
        $vis static $set: $crate::kfunc::KfuncSet = {
            extern "C" {
                static $set: ::kernel::bindings::btf_id_set8;
            }
            // SAFETY: TODO
            unsafe { $crate::kfunc::KfuncSet::from_raw(&raw const $set) }
        };
    };
}
pub(crate) use kfunc_set;
