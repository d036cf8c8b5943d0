// SPDX-License-Identifier: GPL-2.0-only
//! Fields of kernel structures that programs may write.
//!
//! A table of a release: `btf_struct_access.txt`, which tells its format; where the fields are comes
//! from BTF.
//!
//! Source: `btf_struct_access` of the `struct bpf_verifier_ops` all over the kernel.

use std::collections::HashMap;
use std::ops::Range;

use bpf::btf::{Btf, Kind};

use crate::facts::table::Lines;

/// Of programs of the network: where there is a connection tracker, and where there is none.
pub(crate) const BY_PROG_TYPE: [&str; 2] = [
    "_nf_conntrack_btf_struct_access",
    "tc_cls_act_btf_struct_access",
];

/// What programs of a release may write, by the function that says so.
#[derive(Debug, Default)]
pub(crate) struct BtfStructAccess {
    functions: HashMap<&'static str, Writes>,
    last: &'static str,
}

impl BtfStructAccess {
    /// The functions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &'static str> {
        self.functions.keys().copied()
    }

    /// What this function lets programs write.
    pub(crate) fn of(&self, function: &str) -> Option<&Writes> {
        self.functions.get(function)
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
    of: &'static str,
    place: Place,
    /// None for the whole structure.
    path: Option<&'static str>,
}

/// What one function lets programs write, and what it says otherwise.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    fields: Vec<Field>,
    messages: HashMap<&'static str, &'static str>,
}

impl Writes {
    /// Whether a write may be; else what is said of it.
    pub(crate) fn allows(
        &self,
        btf: &Btf,
        name: &str,
        off: i32,
        size: i32,
    ) -> Result<(), Option<String>> {
        let off = i64::from(off);
        let end = off + i64::from(size);
        let says = |key: &str, field_end: i64| {
            let words = [
                ("{struct}", name.to_owned()),
                ("{off}", off.to_string()),
                ("{size}", size.to_string()),
                ("{end}", field_end.to_string()),
            ];
            let text = (*self.messages.get(key)?).to_owned();
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
            let range = match field.path {
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

impl Lines for BtfStructAccess {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let line = line.trim();
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if first == "writes" {
            self.last = rest;
            self.functions.insert(rest, Writes::default());
            return Ok(());
        }
        let writes = self.functions.get_mut(self.last);
        let writes = writes.ok_or("a field before the first function")?;
        let (how, path) = rest.split_once(' ').unwrap_or((rest, ""));
        let (place, path) = match (first, how) {
            ("unlisted" | "beyond" | "past" | "others", _) => {
                writes.messages.insert(first, rest);
                return Ok(());
            }
            (_, "at") => (Place::At, Some(path)),
            (_, "in") => (Place::In, Some(path)),
            (_, "to" | "size") => (Place::To, Some(path)),
            (_, "all") => (Place::To, None),
            _ => return Err(format!("'{how}' is no place of a write")),
        };
        writes.fields.push(Field {
            of: first,
            place,
            path,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::release::linux_7_3::LINUX_7_3;
    use crate::facts::release::shipped::linux_7_3;

    #[test]
    fn fields_are_where_the_kernel_has_them() {
        let kernel = linux_7_3().expect("it comes with the crate");
        let btf = &kernel.vmlinux;
        for (function, writes) in &LINUX_7_3.tables.btf_struct_access.functions {
            for field in writes.fields.iter().filter(|f| f.of != "*") {
                // What the configuration leaves out has no structure at all.
                if btf.find_by_name_kind(field.of, Kind::Struct).is_none() {
                    continue;
                }
                let found = field.path.map(|path| locate(btf, path));
                assert!(found != Some(None), "{function}: {field:?}");
            }
        }
    }

    #[test]
    fn a_write_begins_in_a_field_and_stays_there() {
        let kernel = linux_7_3().expect("it comes with the crate");
        let btf = &kernel.vmlinux;
        let writes = LINUX_7_3
            .tables
            .btf_struct_access
            .of("bpf_tcp_ca_btf_struct_access");
        let writes = writes.expect("it is in the table");
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
