// SPDX-License-Identifier: GPL-2.0-only
//! Kfuncs that the verifier tells apart from others of the same prototype and flags.
//!
//! Since there are implicit arguments some have two names: programs built for an older kernel call
//! `f_impl`, which is `f` with all that the verifier supplies spelt out.
//!
//! Source: `enum special_kfunc_type`, `special_kfunc_list` and the `is_*_kfunc()` functions in
//! `kernel/bpf/verifier.c`.

macro_rules! special_kfuncs {
    ($($kfunc:ident = $name:literal;)*) => {
        /// A kfunc of vmlinux that the verifier knows by its id.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum SpecialKfunc { $(#[doc = concat!("`", $name, "`")] $kfunc,)* }

        impl SpecialKfunc {
            #[cfg(test)]
            const NAMES: &[&str] = &[$($name,)*];

            /// The one of this name in vmlinux.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$kfunc,)*
                    _ => return None,
                })
            }
        }
    };
}

special_kfuncs! {
    ObjNew = "bpf_obj_new";
    ObjNewImpl = "bpf_obj_new_impl";
    ObjDrop = "bpf_obj_drop";
    ObjDropImpl = "bpf_obj_drop_impl";
    PercpuObjNew = "bpf_percpu_obj_new";
    PercpuObjNewImpl = "bpf_percpu_obj_new_impl";
    PercpuObjDrop = "bpf_percpu_obj_drop";
    PercpuObjDropImpl = "bpf_percpu_obj_drop_impl";
    RefcountAcquire = "bpf_refcount_acquire";
    RefcountAcquireImpl = "bpf_refcount_acquire_impl";
    ListPushFront = "bpf_list_push_front";
    ListPushFrontImpl = "bpf_list_push_front_impl";
    ListPushBack = "bpf_list_push_back";
    ListPushBackImpl = "bpf_list_push_back_impl";
    ListAdd = "bpf_list_add";
    RbtreeAdd = "bpf_rbtree_add";
    RbtreeAddImpl = "bpf_rbtree_add_impl";
    RbtreeRemove = "bpf_rbtree_remove";
    RbtreeFirst = "bpf_rbtree_first";
    RbtreeRoot = "bpf_rbtree_root";
    RbtreeLeft = "bpf_rbtree_left";
    RbtreeRight = "bpf_rbtree_right";
    CastToKernCtx = "bpf_cast_to_kern_ctx";
    RdonlyCast = "bpf_rdonly_cast";
    RcuReadLock = "bpf_rcu_read_lock";
    RcuReadUnlock = "bpf_rcu_read_unlock";
    PreemptDisable = "bpf_preempt_disable";
    PreemptEnable = "bpf_preempt_enable";
    LocalIrqSave = "bpf_local_irq_save";
    ResSpinLock = "bpf_res_spin_lock";
    ResSpinUnlock = "bpf_res_spin_unlock";
    ResSpinLockIrqsave = "bpf_res_spin_lock_irqsave";
    ResSpinUnlockIrqrestore = "bpf_res_spin_unlock_irqrestore";
    DynptrFromSkb = "bpf_dynptr_from_skb";
    DynptrFromXdp = "bpf_dynptr_from_xdp";
    DynptrFromSkbMeta = "bpf_dynptr_from_skb_meta";
    DynptrFromFile = "bpf_dynptr_from_file";
    DynptrFileDiscard = "bpf_dynptr_file_discard";
    DynptrClone = "bpf_dynptr_clone";
    DynptrSlice = "bpf_dynptr_slice";
    DynptrSliceRdwr = "bpf_dynptr_slice_rdwr";
    XdpPullData = "bpf_xdp_pull_data";
    Throw = "bpf_throw";
    Trap = "__bpf_trap";
    WqSetCallback = "bpf_wq_set_callback";
    TaskWorkScheduleSignal = "bpf_task_work_schedule_signal";
    TaskWorkScheduleResume = "bpf_task_work_schedule_resume";
    SessionIsReturn = "bpf_session_is_return";
    SessionCookie = "bpf_session_cookie";
    GetKmemCache = "bpf_get_kmem_cache";
    IterCssTaskNew = "bpf_iter_css_task_new";
}

impl SpecialKfunc {
    /// Allocates an object of a type of the program (`is_bpf_obj_new_kfunc`, and per CPU).
    pub(crate) const fn is_obj_new(self) -> bool {
        matches!(self, Self::ObjNew | Self::ObjNewImpl) || self.is_percpu_obj_new()
    }

    /// Allocates one for each CPU (`is_bpf_percpu_obj_new_kfunc`).
    pub(crate) const fn is_percpu_obj_new(self) -> bool {
        matches!(self, Self::PercpuObjNew | Self::PercpuObjNewImpl)
    }

    /// Gives back what [`is_obj_new`](Self::is_obj_new) allocated (`is_bpf_obj_drop_kfunc`).
    pub(crate) const fn is_obj_drop(self) -> bool {
        matches!(self, Self::ObjDrop | Self::ObjDropImpl)
    }

    /// Gives back what was allocated for each CPU (`is_bpf_percpu_obj_drop_kfunc`).
    pub(crate) const fn is_percpu_obj_drop(self) -> bool {
        matches!(self, Self::PercpuObjDrop | Self::PercpuObjDropImpl)
    }

    /// `is_bpf_refcount_acquire_kfunc`
    pub(crate) const fn is_refcount_acquire(self) -> bool {
        matches!(self, Self::RefcountAcquire | Self::RefcountAcquireImpl)
    }

    /// Puts a node into a list (`is_bpf_list_push_kfunc`).
    pub(crate) const fn is_list_push(self) -> bool {
        matches!(
            self,
            Self::ListPushFront
                | Self::ListPushFrontImpl
                | Self::ListPushBack
                | Self::ListPushBackImpl
                | Self::ListAdd
        )
    }

    /// Puts a node into a tree (`is_bpf_rbtree_add_kfunc`).
    pub(crate) const fn is_rbtree_add(self) -> bool {
        matches!(self, Self::RbtreeAdd | Self::RbtreeAddImpl)
    }

    /// Is of trees; a callback called by one of them runs with the lock held
    /// (`is_rbtree_lock_required_kfunc`).
    pub(crate) const fn is_rbtree_api(self) -> bool {
        self.is_rbtree_add()
            || matches!(
                self,
                Self::RbtreeRemove
                    | Self::RbtreeFirst
                    | Self::RbtreeRoot
                    | Self::RbtreeLeft
                    | Self::RbtreeRight
            )
    }

    /// Calls a function back later (`is_async_callback_calling_kfunc`).
    pub(crate) const fn is_async_callback_calling(self) -> bool {
        matches!(self, Self::WqSetCallback) || self.is_task_work_schedule()
    }

    /// `is_task_work_add_kfunc`
    pub(crate) const fn is_task_work_schedule(self) -> bool {
        matches!(
            self,
            Self::TaskWorkScheduleSignal | Self::TaskWorkScheduleResume
        )
    }

    /// Takes or gives back a resilient lock (`is_bpf_res_spin_lock_kfunc`).
    pub(crate) const fn is_res_spin(self) -> bool {
        self.is_res_spin_lock()
            || matches!(self, Self::ResSpinUnlock | Self::ResSpinUnlockIrqrestore)
    }

    /// Takes a resilient lock, which may fail.
    pub(crate) const fn is_res_spin_lock(self) -> bool {
        matches!(self, Self::ResSpinLock | Self::ResSpinLockIrqsave)
    }

    /// Takes or gives back a resilient lock with interrupts saved.
    pub(crate) const fn is_res_spin_irq(self) -> bool {
        matches!(
            self,
            Self::ResSpinLockIrqsave | Self::ResSpinUnlockIrqrestore
        )
    }

    /// Saves the state of interrupts, with a lock or without.
    pub(crate) const fn saves_irq(self) -> bool {
        matches!(self, Self::LocalIrqSave | Self::ResSpinLockIrqsave)
    }

    /// Has the context for an argument, whatever it is declared to point to.
    pub(crate) const fn takes_ctx(self) -> bool {
        matches!(
            self,
            Self::CastToKernCtx | Self::SessionIsReturn | Self::SessionCookie
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::release::shipped::linux_7_3;
    use bpf::btf::Kind;

    #[test]
    fn the_kernel_has_them() {
        let kernel = linux_7_3().expect("it comes with the crate");
        for name in SpecialKfunc::NAMES {
            let found = kernel.vmlinux.find_by_name_kind(name, Kind::Func);
            assert!(found.is_some(), "{name}");
        }
    }
}
