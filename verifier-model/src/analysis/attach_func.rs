// SPDX-License-Identifier: GPL-2.0-only
//! Functions of the kernel that programs attach to: not every one, and not every way.
//!
//! ```text
//! fentry.s/__x64_sys_read       may sleep: a system call
//! fentry.s/vfs_read             may not: who calls it may hold what does not sleep
//! fmod_ret/security_file_open   may change the verdict of a security hook
//! fmod_ret/vfs_read             may not change what it returns
//! fexit/do_exit                 never returns
//! fentry/migrate_disable        is part of running a program
//! ```
//!
//! Source: `btf_id_allow_sleepable()`, `check_attach_sleepable()`,
//! `check_attach_modify_return()` in `kernel/bpf/verifier.c`.

use bpf::kernel::VMLINUX;
use bpf::kernel::kfuncs::{KfuncFlags, KfuncHook};
use bpf::program::AttachTarget;
use bpf::uapi::{AttachType, ProgType};

use crate::analysis::Known;
use crate::facts::btf_sets::BtfSet;
use crate::facts::error_injection::is_native_syscall;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::reject;

/// Security hooks, whose verdict may be changed.
const SECURITY_PREFIX: &str = "security_";

impl Known<'_> {
    /// Whether the program may attach to its function, and the way it wants to.
    pub(crate) fn check_attach_func(&self) -> Checked {
        self.check_address()?;
        let attach = self.input.prog.expected_attach_type;
        let by_trampoline = matches!(
            attach,
            AttachType::TraceFentry
                | AttachType::TraceFexit
                | AttachType::ModifyReturn
                | AttachType::TraceFsession
        );
        if self.input.prog.prog_type != ProgType::Tracing || !by_trampoline {
            return Ok(());
        }
        let name = self.input.attach_func_name();
        let modifies = attach == AttachType::ModifyReturn;
        if self.input.prog.sleepable() {
            if !self.may_sleep(name) {
                return reject!(self, ProgramCannotSleep, EINVAL, "{name} is not sleepable");
            }
        } else if modifies && !self.is_modifiable(name) {
            return reject!(self, AttachTarget, EINVAL, "{name}() is not modifiable");
        }
        if self.input.attaches_to_one_of(BtfSet::Denied) {
            return reject!(
                self,
                AttachTarget,
                EINVAL,
                "Attaching tracing programs to function '{name}' is rejected."
            );
        }
        let returns = attach != AttachType::TraceFentry;
        if returns && self.input.attaches_to_one_of(BtfSet::NoReturn) {
            return reject!(
                self,
                AttachTarget,
                EINVAL,
                "Attaching fexit/fsession/fmod_ret to __noreturn function '{name}' is rejected."
            );
        }
        Ok(())
    }

    /// A trampoline is put where the function is: one that was inlined everywhere is in BTF alone.
    fn check_address(&self) -> Checked {
        use bpf::uapi::AttachType as A;
        let by_address =
            matches!(
                self.input.prog.expected_attach_type,
                A::TraceFentry
                    | A::TraceFexit
                    | A::ModifyReturn
                    | A::TraceFsession
                    | A::LsmMac
                    | A::LsmCgroup
            ) && matches!(self.input.prog.prog_type, ProgType::Tracing | ProgType::Lsm);
        // Symbols of modules are not in a System.map.
        let in_vmlinux = matches!(
            self.input.prog.attach,
            Some(AttachTarget::Kernel {
                btf_obj: VMLINUX,
                ..
            })
        );
        let name = self.input.attach_func_name();
        if by_address && in_vmlinux && !self.input.kernel.has_address(name) {
            return reject!(
                self,
                AttachTarget,
                ENOENT,
                "The address of function {name} cannot be found"
            );
        }
        Ok(())
    }

    /// Whether whoever calls the function may sleep.
    fn may_sleep(&self, name: &str) -> bool {
        let excepted = BtfSet::NonSleepableErrorInject;
        let flags = self.modify_return_flags(name);
        self.may_fail(name) && !self.input.attaches_to_one_of(excepted)
            || flags.is_some_and(|flags| flags.contains(KfuncFlags::SLEEPABLE))
    }

    /// Whether what the function returns may be changed.
    fn is_modifiable(&self, name: &str) -> bool {
        self.may_fail(name)
            || name.starts_with(SECURITY_PREFIX)
            || self.modify_return_flags(name).is_some()
    }

    /// Whether the function may be made to fail; where none is, system calls stand for those that may.
    fn may_fail(&self, name: &str) -> bool {
        let kconfig = &self.input.kernel.kconfig;
        match kconfig.lacks("CONFIG_FUNCTION_ERROR_INJECTION") {
            true => self.input.profile.has(Rule::SYSCALLS_MAY_SLEEP) && is_native_syscall(name),
            false => self.input.release.tables.error_injection.contains(name),
        }
    }

    /// Flags of a function whose return value is there to be changed (`btf_kfunc_is_modify_return()`).
    fn modify_return_flags(&self, name: &str) -> Option<KfuncFlags> {
        let kfuncs = &self.input.kernel.kfuncs;
        kfuncs.flags(KfuncHook::Fmodret, name)
    }
}
