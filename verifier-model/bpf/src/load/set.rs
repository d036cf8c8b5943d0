// SPDX-License-Identifier: GPL-2.0-only
//! What a loader changes between opening an object and loading it: types of programs, which are loaded,
//! sizes of maps, what is in maps of maps.
//!
//! Source: `bpf_program__set_type()` and its like, `bpf_map__set_max_entries()` and its like,
//! `bpf_map__set_inner_map_fd()`, `bpf_map__set_autocreate()`.

use crate::load::error::LoadError;
use crate::load::maps::ringbuf_size;
use crate::load::object::{Map, Object, Prog};
use crate::load::sections::SecDef;
use crate::uapi::{AttachType, MapType};

/// What is set of a map; None leaves what the object says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetMap {
    /// `max_entries`
    pub max_entries: Option<u32>,
    /// `key_size`
    pub key_size: Option<u32>,
    /// `value_size`
    pub value_size: Option<u32>,
    /// `map_flags`
    pub map_flags: Option<u32>,
    /// Whether the map is created at all.
    pub autocreate: Option<bool>,
}

impl Object {
    /// Loads a program as if it were in this section, which says its type and what it attaches to.
    pub fn set_section(&mut self, prog: &str, section: &str) -> Result<(), LoadError> {
        let def = SecDef::find(section).ok_or_else(|| {
            LoadError::object(format!("section '{section}' tells no program type"))
        })?;
        let prog = self.prog_mut(prog)?;
        prog.section = section.to_owned();
        prog.sec_def = Some(def);
        Ok(())
    }

    /// Loads a program for this attach type: `bpf_program__set_expected_attach_type()`.
    pub fn set_attach_type(
        &mut self,
        prog: &str,
        attach_type: AttachType,
    ) -> Result<(), LoadError> {
        self.prog_mut(prog)?.attach_type = Some(attach_type);
        Ok(())
    }

    /// Whether a program is loaded without being asked for: `bpf_program__set_autoload()`.
    pub fn set_autoload(&mut self, prog: &str, autoload: bool) -> Result<(), LoadError> {
        self.prog_mut(prog)?.autoload = autoload;
        Ok(())
    }

    fn prog_mut(&mut self, name: &str) -> Result<&mut Prog, LoadError> {
        let found = self.entry_progs().find(|(_, prog)| prog.name == name);
        match found.map(|(index, _)| index) {
            Some(index) => Ok(&mut self.progs[index]),
            None => Err(LoadError::object(format!(
                "the object has no program '{name}'"
            ))),
        }
    }

    /// Sets sizes and flags of a map.
    pub fn set_map(&mut self, map: &str, set: SetMap) -> Result<(), LoadError> {
        let map = self.map_mut(map)?;
        let def = &mut map.def;
        if let Some(size) = set.value_size.filter(|_| !def.contents.is_empty()) {
            def.contents.resize(size as usize, 0);
        }
        // What was another size had another type.
        if set.key_size.is_some_and(|size| size != def.key_size) {
            def.btf_key_type_id = 0;
        }
        if set.value_size.is_some_and(|size| size != def.value_size) {
            (def.btf_key_type_id, def.btf_value_type_id) = (0, 0);
        }
        def.key_size = set.key_size.unwrap_or(def.key_size);
        def.value_size = set.value_size.unwrap_or(def.value_size);
        def.map_flags = set.map_flags.unwrap_or(def.map_flags);
        def.max_entries = set.max_entries.unwrap_or(def.max_entries);
        if matches!(def.map_type, MapType::Ringbuf | MapType::UserRingbuf) {
            def.max_entries = ringbuf_size(def.max_entries);
        }
        if let Some(autocreate) = set.autocreate {
            map.autocreate = autocreate;
        }
        Ok(())
    }

    /// Makes the maps in `outer`, a map of maps, like `inner`.
    pub fn set_inner_map(&mut self, outer: &str, inner: &str) -> Result<(), LoadError> {
        let inner = self.map_mut(inner)?.def.clone();
        let map = self.map_mut(outer)?;
        if !matches!(map.def.map_type, MapType::ArrayOfMaps | MapType::HashOfMaps) {
            return Err(LoadError::object(format!(
                "map '{outer}' is not one of maps"
            )));
        }
        map.def.inner_map = Some(Box::new(inner));
        Ok(())
    }

    fn map_mut(&mut self, name: &str) -> Result<&mut Map, LoadError> {
        let names: Vec<&str> = self.maps.iter().map(|map| map.def.name.as_str()).collect();
        let has = match names.is_empty() {
            true => "it has none".to_owned(),
            false => format!("it has {}", names.join(", ")),
        };
        let found = self.maps.iter().position(|map| map.def.name == name);
        match found {
            Some(index) => Ok(&mut self.maps[index]),
            None => Err(LoadError::object(format!(
                "the object has no map '{name}'; {has}"
            ))),
        }
    }
}
