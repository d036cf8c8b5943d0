// SPDX-License-Identifier: GPL-2.0-only
//! Writes to kernel structures, which some program types may make to some fields.
//!
//! The fields are data (`data/btf_struct_access.txt`, which tells its format); where they are comes
//! from BTF.
//!
//! Source: `btf_struct_access()` of the `struct bpf_verifier_ops` all over the kernel, and its call in
//! `check_ptr_to_btf_access()` in `kernel/bpf/verifier.c`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use bpf::btf::{Btf, Kind};
use bpf::kernel::BtfRef;
use bpf::uapi::ProgType as P;

use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, not_modelled};
use crate::log::{reject, verbose};

impl Env<'_> {
    /// Who says what programs of this type may write; None for what all types may.
    pub(crate) fn btf_struct_access_function(&self) -> Checked<Option<&'static str>> {
        Ok(match self.input.prog.prog_type {
            P::StructOps => match &self.input.struct_ops {
                Some(ops) => match ops.known {
                    Some(known) => known.writes.as_deref(),
                    None => {
                        return not_modelled(format!(
                            "writes to kernel structures by programs of {}",
                            ops.name
                        ));
                    }
                },
                None => None,
            },
            P::SchedCls | P::SchedAct | P::Xdp if self.has_nf_conntrack() => {
                Some("_nf_conntrack_btf_struct_access")
            }
            P::SchedCls | P::SchedAct | P::Xdp => Some("tc_cls_act_btf_struct_access"),
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
        let (Some(btf), Some(writes)) = (btf, table().get(function)) else {
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

/// Where in a structure a write may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// From the field's start.
    At,
    /// Anywhere in the field.
    In,
    /// From the structure's start on.
    To,
}

#[derive(Debug)]
struct Field {
    /// The structure; `*` for any.
    of: String,
    place: Place,
    /// None for the whole structure.
    path: Option<String>,
}

/// What one function lets programs write, and what it says otherwise.
#[derive(Debug, Default)]
struct Writes {
    fields: Vec<Field>,
    messages: HashMap<String, String>,
}

impl Writes {
    /// Whether a write may be; else what is said of it.
    fn allows(&self, btf: &Btf, name: &str, off: i32, size: i32) -> Result<(), Option<String>> {
        let off = i64::from(off);
        let end = off + i64::from(size);
        let says = |key: &str, field_end: i64| {
            let words = [
                ("{struct}", name.to_owned()),
                ("{off}", off.to_string()),
                ("{size}", size.to_string()),
                ("{end}", field_end.to_string()),
            ];
            let text = self.messages.get(key)?.clone();
            Some(words.iter().fold(text, |t, (word, is)| t.replace(word, is)))
        };
        let mut of_it = self
            .fields
            .iter()
            .filter(|f| f.of == "*" || f.of == name)
            .peekable();
        if of_it.peek().is_none() {
            return Err(says("others", 0));
        }
        let whole = btf.find_by_name_kind(name, Kind::Struct);
        let whole = whole.map_or(0, |t| i64::from(t.size()));
        if self.messages.contains_key("past") && end > whole {
            return Err(says("past", whole));
        }
        let mut past = None;
        for field in of_it {
            let range = match &field.path {
                Some(path) => locate(btf, path),
                None => Some(0..whole),
            };
            // A configuration may leave the field out.
            let Some(range) = range else { continue };
            let begins = match field.place {
                Place::At => off == range.start,
                Place::In => range.contains(&off),
                Place::To => (0..range.end).contains(&off),
            };
            if begins && end <= range.end {
                return Ok(());
            }
            if begins {
                past = Some(range.end);
            }
        }
        Err(match past {
            Some(field_end) => says("beyond", field_end),
            None => says("unlisted", 0),
        })
    }
}

/// Where a field is, in bytes: `tcp_sock:snd_cwnd`, `sk_buff:cb+qdisc_skb_cb:data`, `hid_device:name-`.
fn locate(btf: &Btf, path: &str) -> Option<Range<i64>> {
    let (path, cut) = match path.strip_suffix('-') {
        Some(path) => (path, 1),
        None => (path, 0),
    };
    let mut range = 0..0;
    for part in path.split('+') {
        let (base, members) = part.split_once(':').unwrap_or((part, ""));
        let mut t = btf.find_by_name_kind(base, Kind::Struct)?;
        let mut size = t.size();
        let mut start = range.start;
        for name in members.split('.').filter(|m| !m.is_empty()) {
            let (bits, id) = member(btf, t.id(), name)?;
            start += i64::from(bits / 8);
            t = btf.skip_mods_and_typedefs(id);
            size = btf.resolve_size(id).ok()?;
        }
        range = start..start + i64::from(size);
    }
    Some(range.start..range.end - cut)
}

/// A member by name, also of the unnamed structures and unions in it: offset in bits, and type.
fn member(btf: &Btf, id: u32, name: &str) -> Option<(u32, u32)> {
    let t = btf.type_by_id(id)?;
    t.members().find_map(|m| match m.name() {
        "" => {
            let inner = btf.skip_mods_and_typedefs(m.type_id());
            let (bits, id) = member(btf, inner.id(), name)?;
            Some((m.bit_offset() + bits, id))
        }
        found => (found == name).then(|| (m.bit_offset(), m.type_id())),
    })
}

fn table() -> &'static HashMap<String, Writes> {
    static TABLE: OnceLock<HashMap<String, Writes>> = OnceLock::new();
    TABLE.get_or_init(|| {
        parse(include_str!(
            "../../../data/linux-7.3/btf_struct_access.txt"
        ))
    })
}

/// Whether the table has a function.
#[cfg(test)]
pub(crate) fn is_known(function: &str) -> bool {
    table().contains_key(function)
}

fn parse(text: &str) -> HashMap<String, Writes> {
    let mut all: HashMap<String, Writes> = HashMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let line = line.trim();
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if first == "writes" {
            current = rest.to_owned();
            all.insert(current.clone(), Writes::default());
            continue;
        }
        let Some(writes) = all.get_mut(&current) else {
            continue;
        };
        let (how, path) = rest.split_once(' ').unwrap_or((rest, ""));
        let field = |place, path: Option<&str>| Field {
            of: first.to_owned(),
            place,
            path: path.map(str::to_owned),
        };
        match (first, how) {
            ("unlisted" | "beyond" | "past" | "others", _) => {
                writes.messages.insert(first.to_owned(), rest.to_owned());
            }
            (_, "at") => writes.fields.push(field(Place::At, Some(path))),
            (_, "in") => writes.fields.push(field(Place::In, Some(path))),
            (_, "to" | "size") => writes.fields.push(field(Place::To, Some(path))),
            (_, "all") => writes.fields.push(field(Place::To, None)),
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_kernel_has_them() {
        let kernel = crate::facts::linux_7_3::linux_7_3().expect("it comes with the crate");
        let btf = &kernel.vmlinux;
        for (function, writes) in table() {
            for field in writes.fields.iter().filter(|f| f.of != "*") {
                // What the configuration leaves out has no structure at all.
                if btf.find_by_name_kind(&field.of, Kind::Struct).is_none() {
                    continue;
                }
                let found = field.path.as_deref().map(|path| locate(btf, path));
                assert!(found != Some(None), "{function}: {field:?}");
            }
        }
    }

    #[test]
    fn a_write_begins_in_a_field_and_stays_there() {
        let kernel = crate::facts::linux_7_3::linux_7_3().expect("it comes with the crate");
        let btf = &kernel.vmlinux;
        let writes = &table()["bpf_tcp_ca_btf_struct_access"];
        let cwnd = locate(btf, "tcp_sock:snd_cwnd")
            .expect("the kernel has it")
            .start as i32;
        assert_eq!(writes.allows(btf, "tcp_sock", cwnd, 4), Ok(()));
        let beyond = writes.allows(btf, "tcp_sock", cwnd, 8);
        assert!(beyond.is_err_and(|m| m.is_some_and(|m| m.contains("beyond the member"))));
        let unlisted = writes.allows(btf, "tcp_sock", cwnd + 1, 1);
        assert!(unlisted.is_err_and(|m| m.is_some_and(|m| m.contains("no write support"))));
        assert_eq!(
            writes.allows(btf, "sock", 0, 4),
            Err(Some("only read is supported".into()))
        );
    }
}
