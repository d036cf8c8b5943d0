// SPDX-License-Identifier: GPL-2.0-only
//! Helpers: numbers, names, prototypes, and which programs may call which.
//!
//! A table of a release: `helpers.txt`, which tells its format.
//!
//! Source: `___BPF_FUNC_MAPPER` in `include/uapi/linux/bpf.h`, the `bpf_func_proto` objects and the
//! `*_func_proto()` functions all over the kernel.

use std::collections::{HashMap, HashSet};

use bpf::uapi::ProgType;

use crate::facts::helper_caller::{Caller, Condition, SetId};
use crate::facts::helper_proto::{HelperProto, parse_proto};
use crate::facts::table::{Lines, constant};

/// Numbers of the helpers that the verifier treats specially.
pub(crate) mod id {
    pub(crate) const MAP_LOOKUP_ELEM: i32 = 1;
    pub(crate) const MAP_UPDATE_ELEM: i32 = 2;
    pub(crate) const MAP_DELETE_ELEM: i32 = 3;
    pub(crate) const TAIL_CALL: i32 = 12;
    pub(crate) const GET_SMP_PROCESSOR_ID: i32 = 8;
    pub(crate) const GET_STACK: i32 = 67;
    pub(crate) const GET_LOCAL_STORAGE: i32 = 81;
    pub(crate) const SK_LOOKUP_TCP: i32 = 84;
    pub(crate) const SK_LOOKUP_UDP: i32 = 85;
    pub(crate) const MAP_PUSH_ELEM: i32 = 87;
    pub(crate) const MAP_POP_ELEM: i32 = 88;
    pub(crate) const MAP_PEEK_ELEM: i32 = 89;
    pub(crate) const SPIN_LOCK: i32 = 93;
    pub(crate) const SPIN_UNLOCK: i32 = 94;
    pub(crate) const SK_FULLSOCK: i32 = 95;
    pub(crate) const TCP_SOCK: i32 = 96;
    pub(crate) const SKC_LOOKUP_TCP: i32 = 99;
    pub(crate) const PROBE_READ_STR: i32 = 45;
    pub(crate) const PROBE_READ_USER_STR: i32 = 114;
    pub(crate) const PROBE_READ_KERNEL_STR: i32 = 115;
    pub(crate) const RINGBUF_RESERVE: i32 = 131;
    pub(crate) const GET_TASK_STACK: i32 = 141;
    pub(crate) const PER_CPU_PTR: i32 = 153;
    pub(crate) const THIS_CPU_PTR: i32 = 154;
    pub(crate) const FOR_EACH_MAP_ELEM: i32 = 164;
    pub(crate) const SNPRINTF: i32 = 165;
    pub(crate) const TIMER_SET_CALLBACK: i32 = 170;
    pub(crate) const GET_FUNC_IP: i32 = 173;
    pub(crate) const FIND_VMA: i32 = 180;
    pub(crate) const LOOP: i32 = 181;
    pub(crate) const GET_RETVAL: i32 = 186;
    pub(crate) const SET_RETVAL: i32 = 187;
    pub(crate) const KPTR_XCHG: i32 = 194;
    pub(crate) const DYNPTR_FROM_MEM: i32 = 197;
    pub(crate) const DYNPTR_WRITE: i32 = 202;
    pub(crate) const DYNPTR_DATA: i32 = 203;
    pub(crate) const USER_RINGBUF_DRAIN: i32 = 209;
    pub(crate) const SK_RELEASE: i32 = 86;
    pub(crate) const D_PATH: i32 = 147;
    pub(crate) const SK_STORAGE_GET: i32 = 107;
    pub(crate) const SK_STORAGE_DELETE: i32 = 108;
}

/// The helpers of a release.
#[derive(Debug, Default)]
pub(crate) struct Helpers {
    /// By number.
    helpers: Vec<Option<Helper>>,
    protos: Vec<HelperProto>,
    sets: Vec<Set>,
    /// The set of each type of program, by its number.
    of_type: Vec<Option<SetId>>,
    set_ids: HashMap<&'static str, SetId>,
    proto_ids: HashMap<&'static str, usize>,
    ids: HashMap<&'static str, i32>,
}

#[derive(Debug)]
struct Helper {
    /// With its prefix.
    name: String,
    changes_pkt_data: bool,
}

#[derive(Debug)]
struct Set {
    /// By helper; those of one helper as they stand in the table.
    entries: Vec<Entry>,
    /// Sets that are asked when this one has no answer.
    then: Vec<&'static str>,
    then_ids: Vec<SetId>,
    /// What it asks of its callers, and what comes then asks too.
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Entry {
    helper: i32,
    conditions: Vec<Condition>,
    /// None where the search ends without a prototype.
    proto: Option<usize>,
}

impl Helpers {
    /// Name of a helper with its prefix, as messages print it (`func_id_name`).
    pub(crate) fn name(&self, id: i32) -> &str {
        self.helper(id).map_or("unknown", |h| &h.name)
    }

    /// Whether a helper of this number exists.
    pub(crate) fn exists(&self, id: i32) -> bool {
        id == 0 || self.helper(id).is_some()
    }

    /// Whether a helper may move packet data, so that pointers into it are lost.
    pub(crate) fn changes_pkt_data(&self, id: i32) -> bool {
        self.helper(id).is_some_and(|h| h.changes_pkt_data)
    }

    fn helper(&self, id: i32) -> Option<&Helper> {
        self.helpers.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// The set of helpers of a type of program; None if it has none, or none of its own.
    pub(crate) fn set_of(&self, prog_type: ProgType) -> Option<SetId> {
        *self.of_type.get(prog_type as usize)?
    }

    /// The set of this name.
    pub(crate) fn set(&self, name: &str) -> Option<SetId> {
        self.set_ids.get(name).copied()
    }

    /// The number of a helper, named without `bpf_`.
    pub(crate) fn by_name(&self, name: &str) -> Option<i32> {
        self.ids.get(name).copied()
    }

    /// A set that nothing leads to: no type of program, no other set, none of `named`.
    pub(crate) fn orphan(&self, named: &[&str]) -> Option<&'static str> {
        let leads_to = |set: SetId, name: &str| {
            self.of_type.contains(&Some(set))
                || self.sets.iter().any(|s| s.then_ids.contains(&set))
                || named.contains(&name)
        };
        let mut orphans = self
            .set_ids
            .iter()
            .filter(|(name, set)| !leads_to(**set, name));
        orphans.next().map(|(name, _)| *name)
    }

    /// A prototype that no helper has.
    pub(crate) fn idle_proto(&self) -> Option<&'static str> {
        let entries = self.sets.iter().flat_map(|set| &set.entries);
        let called: HashSet<usize> = entries.filter_map(|entry| entry.proto).collect();
        let mut idle = self.proto_ids.iter().filter(|(_, id)| !called.contains(id));
        idle.next().map(|(name, _)| *name)
    }

    /// The prototype by which a program calls a helper; None if it may not.
    pub(crate) fn proto_for(&self, caller: &Caller<'_>, id: i32) -> Option<&HelperProto> {
        let mut todo = vec![caller.set];
        let mut steps = 0;
        while let Some(SetId(set)) = todo.pop() {
            steps += 1;
            let set = &self.sets[set];
            if steps >= 16 || !set.conditions.iter().all(|c| caller.meets(c)) {
                continue;
            }
            let first = set.entries.partition_point(|e| e.helper < id);
            let of_it = set.entries[first..].iter().take_while(|e| e.helper == id);
            let mut found = of_it.filter(|e| e.conditions.iter().all(|c| caller.meets(c)));
            // The conditional entry is the more special one.
            let entry = found
                .clone()
                .find(|e| !e.conditions.is_empty())
                .or_else(|| found.next());
            if let Some(entry) = entry {
                return entry.proto.map(|p| &self.protos[p]);
            }
            todo.extend(set.then_ids.iter().rev());
        }
        None
    }
}

impl Lines for Helpers {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        match words.next().unwrap_or_default() {
            "helper" => self.add_helper(words),
            "changes_pkt_data" => words.try_for_each(|name| {
                let id = *self.ids.get(name).ok_or_else(|| no_helper(name))?;
                if let Some(Some(h)) = self.helpers.get_mut(id as usize) {
                    h.changes_pkt_data = true;
                }
                Ok(())
            }),
            "proto" => {
                let name = words.next().ok_or("a prototype without a name")?;
                self.proto_ids.insert(name, self.protos.len());
                self.protos.push(parse_proto(name, words)?);
                Ok(())
            }
            "set" => self.add_set(words),
            "prog" => {
                let (Some(typ), Some(set)) = (words.next(), words.next()) else {
                    return Err("no type and set".into());
                };
                let typ = constant(ProgType::ALL, ProgType::c_name, "BPF_PROG_TYPE_", typ)?;
                let set = self
                    .set(set)
                    .ok_or_else(|| format!("no set is called '{set}'"))?;
                self.of_type.resize(ProgType::ALL.len(), None);
                self.of_type[typ as usize] = Some(set);
                Ok(())
            }
            first => core::iter::once(first)
                .chain(words)
                .try_for_each(|entry| self.add_entry(entry)),
        }
    }

    fn finish(&mut self) -> Result<(), String> {
        let ids = &self.set_ids;
        for set in &mut self.sets {
            set.entries.sort_by_key(|e| e.helper);
            for name in &set.then {
                let id = ids.get(name).copied();
                set.then_ids
                    .push(id.ok_or_else(|| format!("no set is called '{name}'"))?);
            }
        }
        Ok(())
    }
}

impl Helpers {
    fn add_helper(&mut self, mut words: impl Iterator<Item = &'static str>) -> Result<(), String> {
        let (Some(Ok(id)), Some(name)) = (words.next().map(str::parse::<u16>), words.next()) else {
            return Err("a helper has a number and a name".into());
        };
        if self.helpers.len() <= id.into() {
            self.helpers.resize_with(usize::from(id) + 1, || None);
        }
        self.helpers[usize::from(id)] = Some(Helper {
            name: format!("bpf_{name}"),
            changes_pkt_data: false,
        });
        self.ids.insert(name, id.into());
        Ok(())
    }

    fn add_set(&mut self, mut words: impl Iterator<Item = &'static str>) -> Result<(), String> {
        let (Some(name), Some(then)) = (words.next(), words.next()) else {
            return Err("a set has a name and says what comes then".into());
        };
        let conditions = words.map(Condition::read).collect::<Result<_, _>>()?;
        let then = then.strip_prefix("then=").ok_or("then= is missing")?;
        self.set_ids.insert(name, SetId(self.sets.len()));
        self.sets.push(Set {
            entries: Vec::new(),
            then: then.split(',').filter(|s| !s.is_empty()).collect(),
            then_ids: Vec::new(),
            conditions,
        });
        Ok(())
    }

    fn add_entry(&mut self, entry: &'static str) -> Result<(), String> {
        let (left, proto) = entry
            .rsplit_once('=')
            .ok_or_else(|| format!("'{entry}' has no prototype"))?;
        let (name, conditions) = left.split_once('@').unwrap_or((left, ""));
        let conditions = conditions.split('&').filter(|c| !c.is_empty());
        let entry = Entry {
            helper: *self.ids.get(name).ok_or_else(|| no_helper(name))?,
            conditions: conditions.map(Condition::read).collect::<Result<_, _>>()?,
            proto: match self.proto_ids.get(proto) {
                None if proto != "none" => {
                    return Err(format!("no prototype is called '{proto}'"));
                }
                known => known.copied(),
            },
        };
        let set = self
            .sets
            .last_mut()
            .ok_or("a helper before the first set")?;
        set.entries.push(entry);
        Ok(())
    }
}

fn no_helper(name: &str) -> String {
    format!("no helper is called '{name}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::release::linux_7_3::LINUX_7_3;

    fn read(lines: &[&'static str]) -> Result<Helpers, String> {
        let mut helpers = Helpers::default();
        lines.iter().try_for_each(|line| helpers.line(line))?;
        helpers.finish()?;
        Ok(helpers)
    }

    #[test]
    fn what_is_defined_is_used() {
        let lines = [
            "helper 1 map_lookup_elem",
            "proto p ret=INTEGER",
            "set a then=b",
            "set b then=",
            "map_lookup_elem=p",
            "prog XDP a",
        ];
        assert_eq!(read(&lines).unwrap().orphan(&[]), None);
        let helpers = read(&[&lines[..], &["set c then="]].concat()).unwrap();
        assert_eq!(
            (helpers.orphan(&[]), helpers.orphan(&["c"])),
            (Some("c"), None)
        );
        let idle = read(&[&["proto q ret=INTEGER"], &lines[..]].concat()).unwrap();
        assert_eq!(idle.idle_proto(), Some("q"));
        assert_eq!(helpers.idle_proto(), None);
    }

    #[test]
    fn numbers_and_names_agree() {
        for (n, name) in [
            (id::MAP_LOOKUP_ELEM, "bpf_map_lookup_elem"),
            (id::TAIL_CALL, "bpf_tail_call"),
            (id::GET_STACK, "bpf_get_stack"),
            (id::GET_LOCAL_STORAGE, "bpf_get_local_storage"),
            (id::SPIN_LOCK, "bpf_spin_lock"),
            (id::PROBE_READ_STR, "bpf_probe_read_str"),
            (id::PROBE_READ_KERNEL_STR, "bpf_probe_read_kernel_str"),
            (id::RINGBUF_RESERVE, "bpf_ringbuf_reserve"),
            (id::GET_TASK_STACK, "bpf_get_task_stack"),
            (id::THIS_CPU_PTR, "bpf_this_cpu_ptr"),
            (id::FOR_EACH_MAP_ELEM, "bpf_for_each_map_elem"),
            (id::SNPRINTF, "bpf_snprintf"),
            (id::TIMER_SET_CALLBACK, "bpf_timer_set_callback"),
            (id::GET_FUNC_IP, "bpf_get_func_ip"),
            (id::FIND_VMA, "bpf_find_vma"),
            (id::LOOP, "bpf_loop"),
            (id::SET_RETVAL, "bpf_set_retval"),
            (id::KPTR_XCHG, "bpf_kptr_xchg"),
            (id::DYNPTR_FROM_MEM, "bpf_dynptr_from_mem"),
            (id::DYNPTR_DATA, "bpf_dynptr_data"),
            (id::USER_RINGBUF_DRAIN, "bpf_user_ringbuf_drain"),
            (id::SKC_LOOKUP_TCP, "bpf_skc_lookup_tcp"),
            (id::SK_RELEASE, "bpf_sk_release"),
            (id::MAP_PEEK_ELEM, "bpf_map_peek_elem"),
        ] {
            assert_eq!(LINUX_7_3.tables.helpers.name(n), name);
        }
    }
}
