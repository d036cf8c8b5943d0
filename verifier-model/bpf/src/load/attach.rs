// SPDX-License-Identifier: GPL-2.0-only
//! What a program attaches to, as a BTF type.
//!
//! Source: `libbpf_prepare_prog_load()`, `libbpf_find_attach_btf_id()`, `find_kernel_btf_id()`.

use std::sync::Arc;

use crate::btf::{Btf, Kind};
use crate::kernel::{Kernel, VMLINUX};
use crate::load::object::Prog;
use crate::load::sections::{ATTACH_BTF, SLEEPABLE, USDT, XDP_FRAGS};
use crate::program::{AttachTarget, ProgFlags, ProgLoad};
use crate::uapi::{AttachType, ProgType};

pub(super) fn expected_attach_type(prog: &Prog) -> AttachType {
    if let Some(set) = prog.attach_type {
        return set;
    }
    match prog.sec_def {
        Some(def) if def.has(USDT) => AttachType::TraceUprobeMulti,
        Some(def) => def.expected_attach_type,
        None => AttachType::CgroupInetIngress,
    }
}

pub(super) fn prog_flags(prog: &Prog) -> ProgFlags {
    let has = |flag| prog.sec_def.is_some_and(|def| def.has(flag));
    let mut flags = ProgFlags::empty();
    flags.set(ProgFlags::SLEEPABLE, has(SLEEPABLE));
    flags.set(ProgFlags::XDP_HAS_FRAGS, has(XDP_FRAGS));
    flags
}

/// A target given by hand: `bpf_program__set_attach_target()`.
#[derive(Debug, Clone)]
pub enum SetAttachTarget {
    /// A kernel function, tracepoint or hook by the name that the section would have after `/`.
    Kernel(String),
    /// A function of another program. With None, the one that the section names.
    Prog(Arc<ProgLoad>, Option<String>),
}

/// The target that the section names, or that `set` does.
pub(super) fn target(
    prog: &Prog,
    set: Option<&SetAttachTarget>,
    kernel: &Kernel,
) -> Result<Option<AttachTarget>, String> {
    let Some(def) = prog.sec_def else {
        return Ok(None);
    };
    let in_section = prog.section.split_once('/').map(|(_, target)| target);
    let attach_type = expected_attach_type(prog);
    match set {
        Some(SetAttachTarget::Kernel(name)) => {
            return in_kernel(kernel, name, attach_type).map(Some);
        }
        Some(SetAttachTarget::Prog(target, name)) => {
            let name = name.as_deref().or(in_section);
            let name = name.ok_or("no function of the target program is named")?;
            let func = target.btf.as_ref();
            let func = func.and_then(|btf| btf.find_by_name_kind(name, Kind::Func));
            let func =
                func.ok_or_else(|| format!("the target program has no function '{name}'"))?;
            return Ok(Some(AttachTarget::Prog {
                prog: target.clone(),
                btf_id: func.id(),
            }));
        }
        None => {}
    }
    if is_tracing_multi(attach_type) {
        return multi_target(kernel, in_section);
    }
    if !def.has(ATTACH_BTF) {
        return Ok(None);
    }
    let name = in_section
        .ok_or("the section names no target: SEC(\"…/target\"); give one with --attach")?;
    if def.prog_type == ProgType::Ext {
        return Err(
            "it replaces a function of another program, which is not given; name it by --target"
                .into(),
        );
    }
    in_kernel(kernel, name, attach_type).map(Some)
}

fn is_tracing_multi(attach_type: AttachType) -> bool {
    matches!(
        attach_type,
        AttachType::TraceFentryMulti | AttachType::TraceFexitMulti | AttachType::TraceFsessionMulti
    )
}

/// Programs for many functions have no type, but a module if the pattern begins with `module:`.
fn multi_target(kernel: &Kernel, pattern: Option<&str>) -> Result<Option<AttachTarget>, String> {
    let Some((module, _)) = pattern.and_then(|p| p.split_once(':')) else {
        return Ok(None);
    };
    let found = kernel.modules.iter().position(|m| m.name == module);
    let found = found.ok_or_else(|| format!("there is no BTF of module '{module}'"))?;
    Ok(Some(AttachTarget::Kernel {
        btf_obj: found as u32 + 1,
        btf_id: 0,
        member: None,
    }))
}

/// Looks for `[module:]name` in vmlinux, then in the modules.
fn in_kernel(
    kernel: &Kernel,
    target: &str,
    attach_type: AttachType,
) -> Result<AttachTarget, String> {
    let (module, name) = match target.split_once(':') {
        Some((module, name)) => (Some(module), name),
        None => (None, target),
    };
    let find = |btf: &Btf| {
        match attach_type {
            AttachType::TraceRawTp => {
                btf.find_by_name_kind(&format!("btf_trace_{name}"), Kind::Typedef)
            }
            AttachType::LsmMac | AttachType::LsmCgroup => {
                btf.find_by_name_kind(&format!("bpf_lsm_{name}"), Kind::Func)
            }
            AttachType::TraceIter => btf.find_by_name_kind(&format!("bpf_iter_{name}"), Kind::Func),
            _ => btf.find_by_name_kind(name, Kind::Func),
        }
        .map(|t| t.id())
    };
    for (btf_obj, btf) in kernel.btfs() {
        // libbpf compares as many characters as the name given has.
        let wanted = match (btf_obj, module) {
            (_, None) => true,
            (VMLINUX, Some(module)) => "vmlinux".starts_with(module),
            (n, Some(module)) => kernel.modules[n as usize - 1].name.starts_with(module),
        };
        if wanted && let Some(btf_id) = find(btf) {
            return Ok(AttachTarget::Kernel {
                btf_obj,
                btf_id,
                member: None,
            });
        }
    }
    Err(format!("the kernel's BTF has no attach target '{target}'"))
}
