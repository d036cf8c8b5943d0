// SPDX-License-Identifier: GPL-2.0-only
//! `helpers.txt` of the release that others are told of: its sets of helpers, and which prototype it
//! gives a kind of programs. What a kernel says of itself is told in the same sets.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use bpf::program::ProgFlags;
use bpf::uapi::{AttachType as A, ProgType as P};

use crate::corpus::kinds::Kind;

/// How a condition begins that is about the loader.
const CAPS: &str = "caps=";

/// Sets by name, in the order of the file.
pub(super) struct Frame<'a> {
    /// Names and sets.
    pub(super) sets: Vec<(&'a str, Set<'a>)>,
    /// Types of programs without their prefix, and where each begins.
    pub(super) progs: Vec<(&'a str, &'a str)>,
    /// Those that may move packet data.
    pub(super) changes_pkt_data: Vec<&'a str>,
}

/// A set of helpers.
#[derive(Default)]
pub(super) struct Set<'a> {
    /// Sets that are asked when this one has no answer.
    pub(super) then: Vec<&'a str>,
    /// What it asks the loader to be capable of, as the file says it.
    pub(super) caps: Option<&'a str>,
    entries: Vec<Entry<'a>>,
}

/// A helper, what it asks of the program, and its prototype.
struct Entry<'a> {
    helper: &'a str,
    conditions: Vec<&'a str>,
    proto: &'a str,
}

impl<'a> Frame<'a> {
    /// Reads the file.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let mut this = Self {
            sets: Vec::new(),
            progs: Vec::new(),
            changes_pkt_data: Vec::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            match words.next().unwrap_or_default() {
                "" | "helper" | "proto" => {}
                "changes_pkt_data" => this.changes_pkt_data.extend(words),
                "set" => {
                    let (name, then) = words
                        .next()
                        .zip(words.next())
                        .context("a set without a name")?;
                    let then = then.trim_start_matches("then=").split(',');
                    let then = then.filter(|name| !name.is_empty()).collect();
                    let caps = words.find(|word| word.starts_with(CAPS));
                    this.sets.push((
                        name,
                        Set {
                            then,
                            caps,
                            ..Set::default()
                        },
                    ));
                }
                "prog" => this.progs.extend(words.next().zip(words.next())),
                first => {
                    let (_, set) = this
                        .sets
                        .last_mut()
                        .context("a helper before the first set")?;
                    for word in std::iter::once(first).chain(words) {
                        set.entries.push(Entry::parse(word)?);
                    }
                }
            }
        }
        Ok(this)
    }

    fn set(&self, name: &str) -> Option<&Set<'a>> {
        self.sets
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, set)| set)
    }

    /// A set and all that are asked behind it.
    pub(super) fn chain(&self, name: &'a str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut todo = vec![name];
        while let Some(name) = todo.pop() {
            let Some(set) = self.set(name).filter(|_| !chain.contains(&name)) else {
                continue;
            };
            chain.push(name);
            todo.extend(set.then.iter().rev());
        }
        chain
    }

    /// Whether the set itself has the helper.
    pub(super) fn has(&self, set: &str, helper: &str) -> bool {
        let set = self.set(set);
        set.is_some_and(|set| set.entries.iter().any(|entry| entry.helper == helper))
    }

    /// The prototype by which a program of `kind`, whose set is `set`, calls `helper`; the kernel may be
    /// configured with anything.
    pub(super) fn proto(&self, set: &'a str, kind: &Kind, helper: &str) -> Option<&'a str> {
        self.chain(set).into_iter().find_map(|set| {
            let entries = self.set(set)?.entries.iter();
            let mut found = entries.filter(|entry| {
                entry.helper == helper && entry.conditions.iter().all(|c| meets(kind, c))
            });
            let special = found.clone().find(|entry| !entry.conditions.is_empty());
            special.or_else(|| found.next()).map(|entry| entry.proto)
        })
    }

    /// What the loader has to be capable of, so that a program whose set is `set` may call `helper`. Kernels
    /// are asked by root, who cannot tell.
    pub(super) fn caps(&self, set: &'a str, helper: &str) -> Option<&'a str> {
        let sets = self.chain(set).into_iter();
        let mut entries = sets
            .filter_map(|set| self.set(set))
            .flat_map(|set| &set.entries);
        let entry = entries.find(|entry| entry.helper == helper)?;
        entry
            .conditions
            .iter()
            .copied()
            .find(|c| c.starts_with(CAPS))
    }

    /// All that is asked of programs for `helper` anywhere, but for the configuration and the loader.
    pub(super) fn conditions(&self, helper: &str) -> BTreeSet<String> {
        let entries = self.sets.iter().flat_map(|(_, set)| &set.entries);
        let of_it = entries.filter(|entry| entry.helper == helper);
        let all = of_it.map(|entry| {
            let of_others = |c: &str| c.starts_with("config") || c.starts_with(CAPS);
            let program = entry.conditions.iter().filter(|c| !of_others(c));
            program.copied().collect::<Vec<_>>().join("&")
        });
        all.filter(|conditions| !conditions.is_empty()).collect()
    }
}

impl<'a> Entry<'a> {
    fn parse(word: &'a str) -> Result<Self> {
        let (left, proto) = word
            .rsplit_once('=')
            .context("a helper without a prototype")?;
        let (helper, conditions) = left.split_once('@').unwrap_or((left, ""));
        let conditions = conditions.split('&').filter(|c| !c.is_empty()).collect();
        Ok(Self {
            helper,
            conditions,
            proto,
        })
    }
}

/// Whether programs of `kind` are what a condition asks for, as `helpers.txt` writes it.
pub(super) fn meets(kind: &Kind, condition: &str) -> bool {
    let (what, values) = condition.split_once('=').unwrap_or((condition, ""));
    let (what, unless) = match what.strip_suffix('!') {
        Some(what) => (what, true),
        None => (what, false),
    };
    let (prog_type, attach) = (kind.prog.prog_type, kind.prog.expected_attach_type);
    let one_of = |value: &str| values.split('|').any(|each| each == value);
    let is = match what {
        "attach" => one_of(attach.c_name()),
        "hook" => one_of(&kind.hook),
        "sleepable" => kind.prog.prog_flags.contains(ProgFlags::SLEEPABLE),
        "iter" => attach == A::TraceIter,
        "lsm_cgroup" => attach == A::LsmCgroup,
        "trampoline" => match prog_type {
            P::Tracing => matches!(
                attach,
                A::TraceFentry | A::TraceFexit | A::ModifyReturn | A::TraceFsession
            ),
            P::Lsm => attach == A::LsmMac,
            _ => false,
        },
        // The configuration is the kernel's own, and it has been asked; root asked it.
        _ => true,
    };
    is != unless
}

/// A condition that these kinds meet and no others of them, if one is to be had.
pub(super) fn telling(
    wanted: &[&Kind],
    others: &[&Kind],
    known: &BTreeSet<String>,
) -> Option<String> {
    let attach: BTreeMap<&str, ()> = wanted
        .iter()
        .map(|kind| (kind.prog.expected_attach_type.c_name(), ()))
        .collect();
    let hooks: BTreeMap<&str, ()> = wanted.iter().map(|kind| (&*kind.hook, ())).collect();
    let join = |names: BTreeMap<&str, ()>| names.into_keys().collect::<Vec<_>>().join("|");
    let (attach, hooks) = (join(attach), join(hooks));
    let mut all: Vec<String> = known.iter().cloned().collect();
    all.extend(["sleepable", "sleepable!", "iter", "trampoline"].map(str::to_owned));
    all.push(format!("attach={attach}"));
    all.push(format!("hook={hooks}"));
    all.push(format!("attach={attach}&sleepable"));
    all.push(format!("attach={attach}&hook={hooks}"));
    all.push(format!("hook={hooks}&sleepable"));
    all.push(format!("hook={hooks}&sleepable!"));
    let fits = |condition: &String| {
        let meets = |kind: &&&Kind| condition.split('&').all(|c| meets(kind, c));
        wanted.iter().all(|kind| meets(&kind)) && !others.iter().any(|kind| meets(&kind))
    };
    all.into_iter().find(fits)
}
