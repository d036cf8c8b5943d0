// SPDX-License-Identifier: GPL-2.0-only
//! Types by number and by name.

use crate::btf::names::essential_name;
use crate::btf::table::Btf;
use crate::btf::types::{Kind, Type};

impl Btf {
    /// The type of this number, the base's included; `void` for 0.
    pub fn type_by_id(&self, id: u32) -> Option<Type<'_>> {
        if id == 0 {
            return Some(Type::void(self));
        }
        if id < self.start_id {
            return self.base.as_ref()?.type_by_id(id);
        }
        let record = self.record((id - self.start_id) as usize)?;
        Some(Type::new(self, id, record))
    }

    /// All types here without the base's and without `void`, ascending.
    pub fn types(&self) -> impl Iterator<Item = Type<'_>> {
        (self.start_id..self.nr_types()).filter_map(|id| self.type_by_id(id))
    }

    /// The types of this name, ascending: the base's first, then the ones here.
    pub fn find_by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Type<'a>> {
        let base = self.base.as_deref().map(|base| base.find_own_by_name(name));
        base.into_iter()
            .flatten()
            .chain(self.find_own_by_name(name))
    }

    /// The types of this name that are not the base's, ascending.
    pub fn find_own_by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Type<'a>> {
        self.names
            .candidates(name)
            .filter_map(|index| self.type_by_id(self.start_id + index))
            .filter(move |t| t.name() == name)
    }

    /// The types here that have this name if flavours (`___old`) are left out of both, ascending.
    pub fn find_own_by_essential_name<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = Type<'a>> {
        let essential = essential_name(name);
        self.names
            .candidates(name)
            .filter_map(|index| self.type_by_id(self.start_id + index))
            .filter(move |t| essential_name(t.name()) == essential)
    }

    /// The type of this name and kind with the lowest number, the base's included
    /// (`btf_find_by_name_kind()`).
    pub fn find_by_name_kind(&self, name: &str, kind: Kind) -> Option<Type<'_>> {
        if let Some(t) = self
            .base
            .as_ref()
            .and_then(|b| b.find_by_name_kind(name, kind))
        {
            return Some(t);
        }
        self.find_own_by_name_kind(name, kind)
    }

    /// As [`Btf::find_by_name_kind`], without the base.
    pub fn find_own_by_name_kind(&self, name: &str, kind: Kind) -> Option<Type<'_>> {
        let index = self.names.candidates(name).find(|&index| {
            self.type_by_id(self.start_id + index)
                .is_some_and(|t| t.kind() == kind && t.name() == name)
        })?;
        self.type_by_id(self.start_id + index)
    }
}
