// SPDX-License-Identifier: GPL-2.0-only
//! What the verifier asks of types of maps.
//!
//! A table of a release: `maps.txt`, which tells its format.
//!
//! Source: `can_elide_value_nullness()` in `kernel/bpf/verifier.c`; the `struct bpf_map_ops` of each map.

use std::collections::HashMap;

use bpf::uapi::MapType;

use crate::facts::table::{Lines, constant};

/// The types of maps of a release.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    /// By number.
    types: Vec<Map>,
    /// The only maps that a helper takes, a bit each.
    by_helper: HashMap<&'static str, u64>,
}

/// What is known of a type.
#[derive(Clone, Debug, Default)]
struct Map {
    kernel_struct: Option<&'static str>,
    direct: bool,
    for_each: bool,
    elide: bool,
    sleepable: bool,
    helpers: Option<Vec<&'static str>>,
}

impl Maps {
    fn of(&self, map: MapType) -> Option<&Map> {
        self.types.get(map as usize)
    }

    /// Whether a helper, named without `bpf_`, takes a map of this type.
    pub(crate) fn compatible(&self, map: MapType, helper: &str) -> bool {
        let takes = self.by_helper.get(helper);
        let taken_by = self.of(map).and_then(|m| m.helpers.as_ref());
        takes.is_none_or(|maps| maps >> map as u32 & 1 != 0)
            && taken_by.is_none_or(|helpers| helpers.contains(&helper))
    }

    /// The kernel structure of a map, whose fields programs may read.
    pub(crate) fn kernel_struct(&self, map: MapType) -> Option<&'static str> {
        self.of(map)?.kernel_struct
    }

    /// Whether programs can point into the first value with `ld_imm64`.
    pub(crate) fn has_direct_value_addr(&self, map: MapType) -> bool {
        self.of(map).is_some_and(|m| m.direct)
    }

    /// Whether callbacks can walk the map's elements.
    pub(crate) fn has_for_each(&self, map: MapType) -> bool {
        self.of(map).is_some_and(|m| m.for_each)
    }

    /// Whether a lookup with a known key below `max_entries` cannot fail.
    pub(crate) fn can_elide_value_nullness(&self, map: MapType) -> bool {
        self.of(map).is_some_and(|m| m.elide)
    }

    /// Whether programs that sleep may use the map.
    pub(crate) fn in_sleepable(&self, map: MapType) -> bool {
        self.of(map).is_some_and(|m| m.sleepable)
    }
}

impl Lines for Maps {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let (Some(first), Some(name)) = (words.next(), words.next()) else {
            return Err("neither a map nor a helper".into());
        };
        match first {
            "map" => {
                self.types.resize(MapType::ALL.len(), Map::default());
                self.types[map_type(name)? as usize] = read_map(words)?;
            }
            "helper" => {
                let bits = words.map(|w| map_type(w).map(|t| 1 << t as u32));
                let takes = bits.collect::<Result<Vec<u64>, _>>()?.into_iter().sum();
                self.by_helper.insert(name, takes);
            }
            _ => return Err(format!("'{first}' is neither map nor helper")),
        }
        Ok(())
    }
}

fn map_type(name: &str) -> Result<MapType, String> {
    constant(MapType::ALL, MapType::c_name, "BPF_MAP_TYPE_", name)
}

fn read_map(words: impl Iterator<Item = &'static str>) -> Result<Map, String> {
    let mut map = Map::default();
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("struct", name) => map.kernel_struct = Some(name),
            ("helpers", names) => {
                map.helpers = Some(names.split(',').filter(|n| !n.is_empty()).collect());
            }
            ("direct", "") => map.direct = true,
            ("for_each", "") => map.for_each = true,
            ("elide", "") => map.elide = true,
            ("sleepable", "") => map.sleepable = true,
            _ => return Err(format!("'{word}' is nothing of a map")),
        }
    }
    Ok(map)
}
