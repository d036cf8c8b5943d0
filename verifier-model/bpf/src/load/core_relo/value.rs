// SPDX-License-Identifier: GPL-2.0-only
//! The number that a relocation puts into an instruction.
//!
//! It is worked out twice: in the local type, where it must be what the compiler wrote, and in the
//! kernel's, where it is what to write.
//!
//! Source: `bpf_core_calc_relo()` and what it calls.

use crate::btf::{Btf, Kind, Type};
use crate::load::core_relo::record::{CoreError, RelocKind};
use crate::load::core_relo::spec::Spec;

/// What to put into an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    /// What the instruction must hold now; None if it need not be looked at.
    pub(super) expected: Option<u64>,
    /// What it will hold; None makes it invalid.
    pub(super) new: Option<u64>,
    /// Bytes that a load or store moves, by the local and by the kernel's type; 0 for any.
    pub(super) mem_size: (u32, u32),
    /// The sizes differ in a way that a load or store cannot make good.
    pub(super) bad_mem_size: bool,
}

/// One side's answer.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    /// None asks for an invalid instruction.
    value: Option<u64>,
    /// Of the field, if the relocation is of its offset.
    field: Option<(u32, u32)>,
    unchecked: bool,
}

impl Value {
    pub(super) fn unchecked(new: u64) -> Self {
        Self {
            expected: None,
            new: Some(new),
            mem_size: (0, 0),
            bad_mem_size: false,
        }
    }

    /// `target` is None if the kernel has nothing that matches.
    pub(super) fn new(local: &Spec<'_>, target: Option<&Spec<'_>>) -> Result<Self, CoreError> {
        let orig = side(local.kind, Some(local))?;
        let new = side(local.kind, target)?;
        let size = |side: &Side| side.field.map_or(0, |(size, _)| size);
        let mem_size = (size(&orig), size(&new));
        let poison = orig.value.is_none() || new.value.is_none();
        let bad_mem_size = match (orig.field, new.field, target) {
            _ if poison || mem_size.0 == mem_size.1 => false,
            (Some((_, a)), Some((_, b)), Some(target)) => {
                !can_adjust(local.btf.type_by_id(a), target.btf.type_by_id(b))
            }
            _ => true,
        };
        Ok(Self {
            expected: orig.value.filter(|_| !orig.unchecked),
            new: new.value.filter(|_| !poison),
            mem_size: if poison { (0, 0) } else { mem_size },
            bad_mem_size,
        })
    }

    /// Whether two candidates come to the same.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.new == other.new
    }
}

/// A load can be made narrower or wider if the bits above are zero: pointers, unsigned integers.
fn can_adjust(a: Option<Type<'_>>, b: Option<Type<'_>>) -> bool {
    let both = |test: fn(Type<'_>) -> bool| a.is_some_and(test) && b.is_some_and(test);
    both(|t| t.kind() == Kind::Ptr)
        || both(|t| {
            t.int()
                .is_some_and(|int| !int.signed() || int.char() || int.bool())
        })
}

fn side(kind: RelocKind, spec: Option<&Spec<'_>>) -> Result<Side, CoreError> {
    let exists = || Side {
        value: Some(spec.is_some().into()),
        ..Side::default()
    };
    match (kind, spec) {
        (
            RelocKind::FieldExists
            | RelocKind::TypeExists
            | RelocKind::TypeMatches
            | RelocKind::EnumvalExists,
            _,
        ) => Ok(exists()),
        (RelocKind::TypeIdLocal | RelocKind::TypeIdTarget | RelocKind::TypeSize, None) => {
            Ok(exists())
        }
        (_, None) => Ok(Side::default()),
        (RelocKind::TypeIdLocal | RelocKind::TypeIdTarget, Some(spec)) => Ok(Side {
            value: Some(spec.root_type_id.into()),
            unchecked: true,
            ..Side::default()
        }),
        (RelocKind::TypeSize, Some(spec)) => Ok(Side {
            value: Some(size(spec.btf, spec.root_type_id)?.into()),
            ..Side::default()
        }),
        (RelocKind::EnumvalValue, Some(spec)) => Ok(Side {
            value: enumerator(spec),
            ..Side::default()
        }),
        (_, Some(spec)) => field(kind, spec),
    }
}

/// libbpf takes a 32-bit enumerator's value as signed.
fn enumerator(spec: &Spec<'_>) -> Option<u64> {
    let accessor = spec.accessors.first()?;
    let t = spec.btf.type_by_id(accessor.type_id)?;
    let value = t.enumerators().nth(accessor.index as usize)?.value();
    Some(match t.kind() {
        Kind::Enum => value as i32 as u64,
        _ => value,
    })
}

fn size(btf: &Btf, id: u32) -> Result<u32, CoreError> {
    btf.resolve_size(id).map_err(|e| e.to_string())
}

/// Size and type of what a load of a field moves: for arrays one element.
fn element_size(btf: &Btf, id: u32) -> Result<u32, CoreError> {
    let mut t = btf.skip_mods_and_typedefs(id);
    for _ in 0..32 {
        match t.array() {
            Some(array) => t = btf.skip_mods_and_typedefs(array.type_id),
            None => break,
        }
    }
    size(btf, t.id())
}

fn field(kind: RelocKind, spec: &Spec<'_>) -> Result<Side, CoreError> {
    let btf = spec.btf;
    let accessor = spec.accessors.last().ok_or("a field without a path")?;
    let mut side = Side::default();
    if accessor.name.is_none() {
        side.value = Some(match kind {
            RelocKind::FieldByteOffset => {
                side.field = Some((element_size(btf, accessor.type_id)?, accessor.type_id));
                spec.bit_offset / 8
            }
            RelocKind::FieldByteSize => size(btf, accessor.type_id)?.into(),
            _ => return Err("the relocation cannot be of an array's element".into()),
        });
        return Ok(side);
    }
    let t = btf.type_by_id(accessor.type_id);
    let member = t.and_then(|t| t.members().nth(accessor.index as usize));
    let member = member.ok_or("a field without a structure")?;
    let member_type = btf.skip_mods_and_typedefs(member.type_id());
    let bits = Bits::new(btf, member_type, spec.bit_offset, member.bitfield_size())?;
    let is_bitfield = member.bitfield_size() != 0;
    // How a bitfield is read is the compiler's choice, which may be another than ours.
    side.unchecked =
        is_bitfield && !matches!(kind, RelocKind::FieldSigned | RelocKind::FieldRshiftU64);
    side.value = Some(match kind {
        RelocKind::FieldByteOffset => {
            if !is_bitfield {
                side.field = Some((element_size(btf, member_type.id())?, member_type.id()));
            }
            bits.byte_offset
        }
        RelocKind::FieldByteSize => bits.byte_size,
        RelocKind::FieldSigned => {
            let signed = member_type.int().is_some_and(|int| int.signed());
            u64::from(signed || member_type.is_any_enum() && member_type.kflag())
        }
        RelocKind::FieldLshiftU64 => {
            64_u64.wrapping_sub(spec.bit_offset + bits.bit_size - bits.byte_offset * 8)
        }
        RelocKind::FieldRshiftU64 => 64_u64.wrapping_sub(bits.bit_size),
        _ => return Err("the relocation cannot be of a field".into()),
    });
    Ok(side)
}

/// The load that reads a field whole.
struct Bits {
    byte_offset: u64,
    byte_size: u64,
    bit_size: u64,
}

impl Bits {
    fn new(btf: &Btf, t: Type<'_>, bit_offset: u64, bitfield_size: u32) -> Result<Self, CoreError> {
        if bitfield_size == 0 {
            let byte_size = u64::from(size(btf, t.id())?);
            return Ok(Self {
                byte_offset: bit_offset / 8,
                byte_size,
                bit_size: byte_size * 8,
            });
        }
        let bit_size = u64::from(bitfield_size);
        let mut byte_size = u64::from(t.size());
        loop {
            let unit = bit_offset / 8 / byte_size.max(1);
            let byte_offset = unit * byte_size;
            if byte_size != 0 && bit_offset + bit_size <= (byte_offset + byte_size) * 8 {
                return Ok(Self {
                    byte_offset,
                    byte_size,
                    bit_size,
                });
            }
            if byte_size == 0 || byte_size >= 8 {
                return Err("a bitfield cannot be read by one 64-bit load".into());
            }
            byte_size *= 2;
        }
    }
}
