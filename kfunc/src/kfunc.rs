// SPDX-License-Identifier: GPL-2.0-only

//! Kfuncs: kernel functions that BPF programs call.
//!
//! C headers: [`include/linux/btf.h`](srctree/include/linux/btf.h),
//! [`include/linux/btf_ids.h`](srctree/include/linux/btf_ids.h)
//!
//! Reference: <https://docs.kernel.org/bpf/kfuncs.html>
//!
//! A kfunc is an `extern "C"` function with `#[no_mangle]`. [`kfunc_set!`] lists kfuncs with their
//! flags, and [`KfuncSet::register`] opens the set to the programs of a [`Hook`]. What the verifier
//! knows about a kfunc's arguments it reads from BTF, which a C prototype provides: see
//! [`include/linux/rust_kfunc.h`](srctree/include/linux/rust_kfunc.h).

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::atomic::{
        atomic_load,
        Relaxed, //
    }, //
};

/// A family of program types that share their kfuncs, `enum btf_kfunc_hook` in C. As there, one of
/// the types stands for it.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Hook {
    /// Programs of every type, also of those that have no hook of their own.
    Common = bindings::bpf_prog_type_BPF_PROG_TYPE_UNSPEC,
    /// Tracing and tracepoints of all kinds, performance events, and security hooks; not kprobes.
    Tracing = bindings::bpf_prog_type_BPF_PROG_TYPE_TRACING,
    /// Programs that stand for functions of the kernel, such as schedulers.
    StructOps = bindings::bpf_prog_type_BPF_PROG_TYPE_STRUCT_OPS,
    /// Programs that user space calls.
    Syscall = bindings::bpf_prog_type_BPF_PROG_TYPE_SYSCALL,
}

/// A list of kfuncs and their flags, made by [`kfunc_set!`].
///
/// # Invariants
///
/// The pointer is to a `struct btf_id_set8` in `.BTF_ids`, filled in by `resolve_btfids` when the
/// module was linked and not written to since.
pub struct KfuncSet(*const bindings::btf_id_set8);

// SAFETY: By the type invariant, nobody writes to what the pointer leads to.
unsafe impl Sync for KfuncSet {}

impl KfuncSet {
    /// For [`kfunc_set!`] alone.
    ///
    /// # Safety
    ///
    /// `set` must fulfil the type invariant.
    #[doc(hidden)]
    pub const unsafe fn from_raw(set: *const bindings::btf_id_set8) -> Self {
        // INVARIANT: By the safety requirement.
        Self(set)
    }

    /// Lets the programs of `hook` call the kfuncs of this set.
    ///
    /// To be called from the module's `init` and once for a hook: after that the verifier reads
    /// the kernel's table without a lock. There is nothing to undo. A program holds the modules
    /// whose kfuncs it calls, and the set goes with the module's BTF.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: `init` is over.
    /// - `ENOEXEC`: the module has no BTF. C's function would return 0 and register nothing; it
    ///   still does so for BTF that does not fit the kernel's, if that was built with
    ///   `CONFIG_MODULE_ALLOW_BTF_MISMATCH` and has let the module in.
    /// - `EINVAL`: the BTF of a kfunc is not fit for its flags, the kfunc's name is taken, or the
    ///   module has registered a set for this hook before, which is gone then. The kernel log may
    ///   say more.
    /// - `ENOMEM`: there is no memory for the table.
    pub fn register(&'static self, hook: Hook, module: &'static ThisModule) -> Result {
        if !in_init(module) {
            return Err(EBUSY);
        }
        if !has_btf(module) {
            pr_err!("no BTF comes with the module, so no program could call its kfuncs\n");
            return Err(ENOEXEC);
        }

        let kset = bindings::btf_kfunc_id_set {
            owner: module.as_ptr(),
            set: self.0.cast_mut(),
            filter: None,
        };

        // SAFETY: `kset` is only used during the call. Its set is valid by the type invariant and
        // copied, not written to. The module is in its `init`, as the function demands.
        to_result(unsafe { bindings::register_btf_kfunc_id_set(hook as u32, &kset) })
    }
}

/// Whether the code of `module` has yet to become usable by others.
fn in_init(module: &'static ThisModule) -> bool {
    #[cfg(CONFIG_MODULES)]
    if !module.as_ptr().is_null() {
        // SAFETY: A `ThisModule` that is not NULL points to the module this code belongs to. The
        // field is a machine word that C writes whole.
        let state = unsafe { atomic_load(&raw mut (*module.as_ptr()).state, Relaxed) };
        return state == bindings::module_state_MODULE_STATE_COMING;
    }

    // SAFETY: A global of the kernel, and a machine word that C writes whole.
    let state = unsafe { atomic_load(&raw mut bindings::system_state, Relaxed) };
    state < bindings::system_states_SYSTEM_RUNNING
}

/// Whether the verifier knows the kfuncs of `module`, or the kernel's if it is built in.
fn has_btf(module: &'static ThisModule) -> bool {
    #[cfg(CONFIG_MODULES)]
    if !module.as_ptr().is_null() {
        #[cfg(CONFIG_DEBUG_INFO_BTF_MODULES)]
        // SAFETY: A `ThisModule` that is not NULL points to the module this code belongs to. The
        // field was written before its `init`.
        return unsafe { (*module.as_ptr()).btf_data_size } != 0;
        #[cfg(not(CONFIG_DEBUG_INFO_BTF_MODULES))]
        return false;
    }

    cfg!(CONFIG_DEBUG_INFO_BTF)
}

/// Lists kfuncs and their flags, `KF_*` as in C, in a static [`KfuncSet`].
///
/// Each kfunc is compared with its prototype: the compiler reports "`if` and `else` have
/// incompatible types" where they disagree.
///
/// # Safety
///
/// Every verified program may call what is registered, and the verifier believes what it is told.
/// So each entry is `unsafe` and stands for two things:
///
/// - *Arguments*: what programs can pass by the prototype and the flags fulfils the safety
///   requirements of the function.
/// - *Result*: a pointer that it returns is valid for as long as the verifier lets programs use it,
///   and it is not NULL without `KF_RET_NULL`.
///
/// Without `unsafe` an entry does not compile.
///
/// # Layout
///
/// The set is laid out as `BTF_KFUNCS_START()`, `BTF_ID_FLAGS()` and `BTF_KFUNCS_END()` do in C.
/// `resolve_btfids` finds the words by the symbols on them, fills them in and sorts the pairs:
///
/// ```text
///                                         before       after
/// SET: __BTF_ID__set8__SET:               0            number of pairs
///                                         flags of the set
/// __BTF_ID__func__bpf_example_add__LINE:  0            BTF id of bpf_example_add
///                                         flags of bpf_example_add
/// ```
///
/// The line number keeps the symbols of one kfunc in two sets apart.
///
/// # Examples
///
/// A kfunc may as well be C's:
///
/// ```
/// mod example {
///     use kernel::{
///         kfunc::Hook,
///         prelude::*, //
///     };
///
///     mod prototypes {
///         extern "C" {
///             pub(super) fn bpf_cpumask_empty(mask: *const kernel::bindings::cpumask) -> bool;
///         }
///     }
///     use prototypes::bpf_cpumask_empty;
///
///     kernel::kfunc::kfunc_set! {
///         static EXAMPLE_KFUNCS: prototypes {
///             // SAFETY: *Arguments*: `KF_RCU` stands for a valid mask. *Result*: a `bool`.
///             unsafe bpf_cpumask_empty: KF_RCU,
///         }
///     }
///
///     struct Example;
///
///     impl kernel::Module for Example {
///         fn init(module: &'static ThisModule) -> Result<Self> {
///             EXAMPLE_KFUNCS.register(Hook::Common, module)?;
///             Ok(Self)
///         }
///     }
/// }
/// ```
#[macro_export]
macro_rules! kfunc_set {
    (
        $(#[$attr:meta])*
        $vis:vis static $set:ident: $prototypes:ident {
            $(unsafe $kfunc:ident $(: $($flag:ident)|+)?),+ $(,)?
        }
    ) => {
        // All branches of an `if` have the same type.
        $(const _: () = {
            if true {
                $prototypes::$kfunc
            } else {
                $kfunc
            };
        };)+

        ::core::arch::global_asm!(
            ".pushsection .BTF_ids, \"a\"",
            ".balign 4",
            concat!(".local ", stringify!($set)),
            concat!(stringify!($set), ":"),
            concat!(".local __BTF_ID__set8__", stringify!($set)),
            concat!("__BTF_ID__set8__", stringify!($set), ":"),
            ".zero 4",
            ".long {}",
            $(
                concat!(".local __BTF_ID__func__", stringify!($kfunc), "__", line!()),
                concat!(
                    ".type __BTF_ID__func__", stringify!($kfunc), "__", line!(),
                    ", STT_OBJECT"
                ),
                concat!(".size __BTF_ID__func__", stringify!($kfunc), "__", line!(), ", 4"),
                concat!("__BTF_ID__func__", stringify!($kfunc), "__", line!(), ":"),
                ".zero 4",
                ".long {}",
            )+
            concat!(".size __BTF_ID__set8__", stringify!($set), ", . - ", stringify!($set)),
            ".popsection",
            const ::kernel::bindings::BTF_SET8_KFUNCS,
            $(const 0 $($(| ::kernel::bindings::$flag)+)?,)+
        );

        $(#[$attr])*
        $vis static $set: $crate::kfunc::KfuncSet = {
            extern "C" {
                // The label above.
                static $set: ::kernel::bindings::btf_id_set8;
            }
            // SAFETY: `resolve_btfids` fills in the set above; the section is read-only.
            unsafe { $crate::kfunc::KfuncSet::from_raw(&raw const $set) }
        };
    };
}
#[doc(inline)]
pub use kfunc_set;
