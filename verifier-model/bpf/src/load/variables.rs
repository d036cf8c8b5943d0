// SPDX-License-Identifier: GPL-2.0-only
//! Global variables that a loader sets before it loads, by name: `skel->rodata->x.y[3] = 7`.
//!
//! Names and values are written as `veristat -G` takes them.
//!
//! Source: `set_global_vars()` in `tools/testing/selftests/bpf/veristat.c`.

use crate::btf::{Btf, Kind, Type};
use crate::load::error::LoadError;
use crate::load::object::Object;

impl Object {
    /// Sets a variable, or a member or element of one: `name`, `name.member`, `name[3].member`. The
    /// value is a number as C writes it, or the name of an enumerator.
    pub fn set_variable(&mut self, name: &str, value: &str) -> Result<(), LoadError> {
        self.try_set(name, value)
            .map_err(|reason| LoadError::object(format!("variable '{name}': {reason}")))
    }

    /// Sets all bytes of a section of variables, such as `.rodata`.
    pub fn set_data(&mut self, section: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let bad = |reason: String| LoadError::object(format!("section '{section}' {reason}"));
        let map = self.map_of_section(section);
        let map = map.ok_or_else(|| bad("is not there, or holds no variables".into()))?;
        let def = &mut self.maps[map].def;
        if bytes.len() != def.value_size as usize {
            let size = def.value_size;
            return Err(bad(format!("has {size} bytes, not {}", bytes.len())));
        }
        def.contents = bytes.to_vec();
        Ok(())
    }

    fn try_set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let steps = parse(name)?;
        let Some((Step::Member(variable), steps)) = steps.split_first() else {
            return Err("a variable's name comes first".into());
        };
        let btf = self.btf.clone().ok_or("the object has no BTF")?;
        let (map, mut place) = self.find(&btf, variable)?;
        for step in steps {
            place = place.step(&btf, step)?;
        }
        let bits = place.bits(&btf, value)?;
        let def = &mut self.maps[map].def;
        def.contents.resize(def.value_size as usize, 0);
        place.write(&mut def.contents, bits)
    }

    /// The map that has a variable, and where.
    fn find(&self, btf: &Btf, name: &str) -> Result<(usize, Place), String> {
        for (index, map) in self.maps.iter().enumerate() {
            let section = btf.type_by_id(map.def.btf_value_type_id);
            let Some(section) = section.filter(|t| t.kind() == Kind::Datasec) else {
                continue;
            };
            for info in section.var_secinfos() {
                let var = btf.type_by_id(info.type_id);
                let Some(var) = var.filter(|t| t.kind() == Kind::Var && t.name() == name) else {
                    continue;
                };
                if Some(index) == self.kconfig_map {
                    return Err("it is a value of the kernel's configuration".into());
                }
                let place = Place {
                    type_id: var.type_id(),
                    bit_offset: u64::from(info.offset) * 8,
                    bitfield_size: 0,
                };
                return Ok((index, place));
            }
        }
        Err("the object has no such global variable".into())
    }

    fn map_of_section(&self, section: &str) -> Option<usize> {
        let btf = self.btf.as_ref();
        self.maps.iter().position(|map| {
            let t = btf.and_then(|btf| btf.type_by_id(map.def.btf_value_type_id));
            let of_type = t.is_some_and(|t| t.kind() == Kind::Datasec && t.name() == section);
            let of_name = || map.struct_ops.is_none() && map.def.name.ends_with(section);
            of_type || t.is_none_or(|t| t.id() == 0) && of_name()
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    /// A number or an enumerator.
    Element(&'a str),
}

/// Takes a name apart.
fn parse(name: &str) -> Result<Vec<Step<'_>>, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut steps = Vec::new();
    for part in name.split('.') {
        let mut pieces = part.split('[');
        let member = pieces.next().unwrap_or_default().trim();
        if member.is_empty() || !member.chars().all(is_name) {
            return Err(format!("'{part}' is no name"));
        }
        steps.push(Step::Member(member));
        for piece in pieces {
            let index = piece.trim().strip_suffix(']').map(str::trim);
            match index {
                Some(index) if !index.is_empty() && index.chars().all(is_name) => {
                    steps.push(Step::Element(index));
                }
                _ => return Err(format!("'[{piece}' is no index")),
            }
        }
    }
    Ok(steps)
}

/// Something within a section of variables.
#[derive(Debug, Clone, Copy)]
struct Place {
    type_id: u32,
    bit_offset: u64,
    /// 0 for what is no bitfield.
    bitfield_size: u32,
}

impl Place {
    fn step(self, btf: &Btf, step: &Step<'_>) -> Result<Self, String> {
        let t = btf.skip_mods_and_typedefs(self.type_id);
        match step {
            Step::Member(name) => {
                let found = if t.is_composite() {
                    member(btf, t, name, 0)
                } else {
                    None
                };
                let (type_id, bit_offset, bitfield_size) =
                    found.ok_or_else(|| format!("there is no member '{name}'"))?;
                Ok(Self {
                    type_id,
                    bit_offset: self.bit_offset + u64::from(bit_offset),
                    bitfield_size,
                })
            }
            Step::Element(index) => {
                let array = t.array().ok_or("an index, but no array")?;
                let at = match number(index) {
                    Some(at) => at,
                    None => any_enumerator(btf, index).ok_or_else(|| {
                        format!("'{index}' is neither a number nor an enumerator")
                    })?,
                };
                let count = array.nelems;
                let at = u32::try_from(at).ok().filter(|at| *at < count);
                let at = at.ok_or_else(|| format!("there is no element {index} of {count}"))?;
                let size = btf.resolve_size(array.type_id).map_err(|e| e.to_string())?;
                Ok(Self {
                    type_id: array.type_id,
                    bit_offset: self.bit_offset + u64::from(at) * u64::from(size) * 8,
                    bitfield_size: 0,
                })
            }
        }
    }

    /// The value's bits, if the type can hold it.
    fn bits(self, btf: &Btf, value: &str) -> Result<(u64, u32), String> {
        let t = btf.skip_mods_and_typedefs(self.type_id);
        let scalar = matches!(t.kind(), Kind::Int | Kind::Ptr) || t.is_any_enum();
        let size = btf.resolve_size(t.id()).unwrap_or(0);
        if !scalar || !matches!(size, 1 | 2 | 4 | 8) {
            return Err("numbers, enumerators and pointers can be set, one at a time".into());
        }
        let width = match self.bitfield_size {
            0 => size * 8,
            bits => bits,
        };
        let value = match number(value) {
            Some(number) => number,
            None if t.is_any_enum() => enumerator(t, value)
                .ok_or_else(|| format!("its type has no enumerator '{value}'"))?,
            None if t.int().is_some_and(|int| int.bool()) && value == "true" => 1,
            None if t.int().is_some_and(|int| int.bool()) && value == "false" => 0,
            None => return Err(format!("'{value}' is no number")),
        };
        let signed = match t.kind() {
            Kind::Int => t.int().is_some_and(|int| int.signed()),
            Kind::Ptr => false,
            _ => t.kflag(),
        };
        // Both ways of writing the highest bit are taken where nothing is lost: -1 for an unsigned
        // number, and what is over the signed range for 64 bits.
        let limit = 1_i128 << (width - u32::from(signed));
        let (low, high) = match width {
            64 => (i128::from(i64::MIN), i128::from(u64::MAX)),
            _ => (-limit, limit - 1),
        };
        if value < low || value > high {
            let low = if signed { low } else { 0 };
            return Err(format!("{value} is not within {low} to {high}"));
        }
        Ok((value as u64, width))
    }

    fn write(self, contents: &mut [u8], (value, width): (u64, u32)) -> Result<(), String> {
        for bit in 0..u64::from(width) {
            let at = self.bit_offset + bit;
            let byte = contents.get_mut((at / 8) as usize);
            let byte = byte.ok_or("it lies outside its section")?;
            let mask = 1 << (at % 8);
            match value >> bit & 1 {
                0 => *byte &= !mask,
                _ => *byte |= mask,
            }
        }
        Ok(())
    }
}

/// Deepest nesting of anonymous members that is looked into.
const MAX_NESTING: u32 = 16;

/// Type, offset in bits and bitfield's size of a member, which may be in an anonymous one.
fn member(btf: &Btf, t: Type<'_>, name: &str, depth: u32) -> Option<(u32, u32, u32)> {
    for m in t.members() {
        if m.name() == name {
            return Some((m.type_id(), m.bit_offset(), m.bitfield_size()));
        }
        let inner = btf.skip_mods_and_typedefs(m.type_id());
        if m.name().is_empty()
            && inner.is_composite()
            && depth < MAX_NESTING
            && let Some((id, offset, size)) = member(btf, inner, name, depth + 1)
        {
            return Some((id, offset.checked_add(m.bit_offset())?, size));
        }
    }
    None
}

fn enumerator(t: Type<'_>, name: &str) -> Option<i128> {
    let found = t.enumerators().find(|e| e.name() == name)?;
    let value = found.value();
    Some(match (t.kind(), t.kflag()) {
        (Kind::Enum, true) => i128::from(value as u32 as i32),
        (Kind::Enum, false) => i128::from(value as u32),
        (_, true) => i128::from(value as i64),
        (_, false) => i128::from(value),
    })
}

fn any_enumerator(btf: &Btf, name: &str) -> Option<i128> {
    let mut enums = btf.types().filter(|t| t.is_any_enum());
    enums.find_map(|t| enumerator(t, name))
}

/// A number as C's `strtoll` with base 0 takes it.
fn number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let value = match lower.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None if lower.len() > 1 && lower.starts_with('0') => u64::from_str_radix(&lower, 8),
        None => lower.parse(),
    };
    let value = i128::from(value.ok().filter(|_| !digits.starts_with('+'))?);
    Some(if negative { -value } else { value })
}
