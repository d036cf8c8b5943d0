// SPDX-License-Identifier: GPL-2.0-only
//! Who calls a helper, and what an entry of the table asks of them.
//!
//! Source: the `switch` and `if` of the `*_func_proto()` functions all over the kernel.

use bpf::caps::Caps;
use bpf::kernel::config::Config;
use bpf::program::ProgLoad;
use bpf::uapi::{AttachType, ProgType};

use crate::facts::table::constant;

/// Who calls a helper.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// The program.
    pub prog: &'a ProgLoad,
    /// Its set of helpers (`get_func_proto()`).
    pub set: SetId,
    /// What it attaches to: the function of an LSM program, the member of a struct_ops program.
    pub hook: &'a str,
    /// What its loader is capable of.
    pub caps: Caps,
    /// The kernel's configuration; empty if that is not known, when every option is taken to be set.
    pub kconfig: &'a Config,
}

/// What an entry asks of its caller.
#[derive(Debug)]
pub(crate) struct Condition {
    asks: Asks,
    /// One of these; for questions that have no values, none.
    values: Vec<&'static str>,
    /// The other way round.
    unless: bool,
}

#[derive(Clone, Copy, Debug)]
enum Asks {
    Attach,
    Caps,
    Config,
    Hook,
    Sleepable,
    Iter,
    LsmCgroup,
    Trampoline,
}

impl Condition {
    pub(crate) fn read(text: &'static str) -> Result<Self, String> {
        let (what, values) = text.split_once('=').unwrap_or((text, ""));
        let (what, unless) = match what.strip_suffix('!') {
            Some(what) => (what, true),
            None => (what, false),
        };
        let asks = match what {
            "attach" => Asks::Attach,
            "caps" => Asks::Caps,
            "config" => Asks::Config,
            "hook" => Asks::Hook,
            "sleepable" => Asks::Sleepable,
            "iter" => Asks::Iter,
            "lsm_cgroup" => Asks::LsmCgroup,
            "trampoline" => Asks::Trampoline,
            _ => return Err(format!("'{what}' is no condition")),
        };
        let values: Vec<_> = values.split('|').filter(|v| !v.is_empty()).collect();
        for value in &values {
            match asks {
                Asks::Attach => {
                    constant(AttachType::ALL, AttachType::c_name, "", value)?;
                }
                Asks::Caps => {
                    Caps::parse(value)?;
                }
                _ => {}
            }
        }
        Ok(Self {
            asks,
            values,
            unless,
        })
    }
}

impl Caller<'_> {
    /// Whether an entry is for this caller.
    pub(crate) fn meets(&self, condition: &Condition) -> bool {
        let attach = self.prog.expected_attach_type;
        let any = |is: &dyn Fn(&str) -> bool| condition.values.iter().any(|v| is(v));
        let is = match condition.asks {
            Asks::Attach => any(&|value| attach.c_name() == value),
            Asks::Caps => any(&|value| Caps::parse(value).is_ok_and(|cap| self.caps.has(cap))),
            Asks::Config => any(&|value| {
                let set = self.kconfig.get(value);
                self.kconfig.is_empty() || set == Some("y")
            }),
            Asks::Hook => any(&|value| self.hook == value),
            Asks::Sleepable => self.prog.sleepable(),
            Asks::Iter => attach == AttachType::TraceIter,
            Asks::LsmCgroup => attach == AttachType::LsmCgroup,
            Asks::Trampoline => match self.prog.prog_type {
                ProgType::Tracing => matches!(
                    attach,
                    AttachType::TraceFentry
                        | AttachType::TraceFexit
                        | AttachType::ModifyReturn
                        | AttachType::TraceFsession
                        | AttachType::TraceFentryMulti
                        | AttachType::TraceFexitMulti
                        | AttachType::TraceFsessionMulti
                ),
                ProgType::Lsm => attach == AttachType::LsmMac,
                _ => false,
            },
        };
        is != condition.unless
    }
}

/// A set of helpers (`get_func_proto()`), by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetId(pub(super) usize);
