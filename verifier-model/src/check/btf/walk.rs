// SPDX-License-Identifier: GPL-2.0-only
//! From a structure and an offset to what is there: walking pointers through BTF.
//!
//! Source: `btf_struct_walk()`, `btf_struct_access()`, `btf_struct_ids_match()`,
//! `btf_nested_type_is_trusted()` in `kernel/bpf/btf.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::kernel::BtfRef;

use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::type_tags::type_tags;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::RegState;

/// A walk goes through at most this many nested structures.
const MAX_STEPS: u32 = 64;

/// What an access at an offset finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// A number, or something that is read like one.
    Scalar,
    /// A pointer to a structure: its type, modifiers, and the member's name.
    Ptr(u32, Flag, String),
    /// A pointer to something else.
    PtrUntrusted,
}

enum Walk {
    Scalar,
    Ptr(u32, String),
    PtrUntrusted,
    /// The access is to the start of a structure inside.
    Struct(u32),
}

/// Whether the last member may be walked into when it is an array without a length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FlexArray {
    Walked,
    Refused,
}

impl Env<'_> {
    /// An object of the program's own ends where its structure does.
    pub(crate) fn flex_array(&self, typ: RegType) -> FlexArray {
        match typ.has(Flag::MEM_ALLOC) && self.input.profile.has(Rule::OBJECTS_END) {
            true => FlexArray::Refused,
            false => FlexArray::Walked,
        }
    }
}

/// Whether a structure may stand for one that it starts with, or has at that offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nested {
    Allowed,
    Refused,
}

/// One structure's part of a walk.
enum Step<'a> {
    Ends(Walk),
    /// The access is inside another structure, at that offset of it.
    Into(Type<'a>, u32),
}

impl Env<'_> {
    /// What is at an offset of a structure (`btf_struct_walk`).
    fn walk(
        &self,
        btf: &Btf,
        id: u32,
        mut off: u32,
        size: u32,
        flags: &mut Flag,
        flex: FlexArray,
    ) -> Checked<Walk> {
        let mut t = btf.skip_mods_and_typedefs(id);
        for _ in 0..MAX_STEPS {
            if !t.is_composite() {
                let name = struct_name(t);
                return reject!(self, FieldAccess, EINVAL, "Type '{name}' is not a struct");
            }
            if t.kind() == Kind::Union
                && t.members().len() != 1
                && self.input.profile.has(Rule::TRUSTED_POINTERS)
            {
                *flags |= Flag::PTR_UNTRUSTED;
            }
            let step = if off.saturating_add(size) <= t.size() {
                self.walk_members(btf, t, off, size, flags)?
            } else if flex == FlexArray::Walked
                && let Some(step) = flex_array(btf, t, off)
            {
                step
            } else {
                let name = struct_name(t);
                return reject!(
                    self,
                    FieldAccess,
                    EACCES,
                    "access beyond struct {name} at off {off} size {size}"
                );
            };
            match step {
                Step::Ends(found) => return Ok(found),
                Step::Into(next, o) => (t, off) = (next, o),
            }
        }
        Err(Errno::EINVAL.into())
    }

    /// The member that an access inside a structure falls on.
    fn walk_members<'b>(
        &self,
        btf: &'b Btf,
        t: Type<'b>,
        off: u32,
        size: u32,
        flags: &mut Flag,
    ) -> Checked<Step<'b>> {
        for m in t.members() {
            let moff = m.bit_offset() / 8;
            if off + size <= moff {
                break;
            }
            if m.bitfield_size() != 0 {
                let end = m.bit_offset() + m.bitfield_size();
                if off <= moff && end.div_ceil(8) <= off + size {
                    return Ok(Step::Ends(Walk::Scalar));
                }
                continue;
            }
            if off < moff {
                break;
            }
            let mname = m.name();
            let Ok(msize) = btf.resolve_size(m.type_id()) else {
                return reject!(self, FieldAccess, EFAULT, "field {mname} doesn't have size");
            };
            let end = moff.saturating_add(msize);
            if off >= end {
                continue;
            }
            let Some((mtype, elem_size)) = element(btf, m.type_id(), msize) else {
                continue;
            };
            let moff = moff + (off - moff) / elem_size * elem_size;
            if mtype.is_composite() {
                return Ok(if off == moff {
                    Step::Ends(Walk::Struct(mtype.id()))
                } else {
                    Step::Into(mtype, off - moff)
                });
            }
            if mtype.kind() == Kind::Ptr {
                if elem_size != size || off != moff {
                    let name = struct_name(t);
                    return reject!(
                        self,
                        FieldAccess,
                        EACCES,
                        "cannot access ptr member {mname} with moff {moff} in struct {name} with off {off} size {size}"
                    );
                }
                return Ok(Step::Ends(walk_ptr(btf, mtype, mname, flags)));
            }
            if off + size > end && !flags.any(Flag::PTR_UNTRUSTED) {
                let name = struct_name(t);
                return reject!(
                    self,
                    FieldAccess,
                    EACCES,
                    "access beyond the end of member {mname} (mend:{end}) in struct {name} with off {off} size {size}"
                );
            }
            return Ok(Step::Ends(Walk::Scalar));
        }
        let name = struct_name(t);
        reject!(
            self,
            FieldAccess,
            EINVAL,
            "struct {name} doesn't have field at offset {off}"
        )
    }

    /// What an access through a pointer to a structure finds (`btf_struct_access`).
    pub(crate) fn struct_access(&mut self, reg: &RegState, off: u32, size: u32) -> Checked<Found> {
        let Some((bref, mut id)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        let alloc = reg.typ.has(Flag::MEM_ALLOC);
        if alloc {
            for f in &self.input.struct_record(bref, id).fields {
                if off < f.offset + f.size && f.offset < off + size {
                    return reject!(
                        self,
                        SpecialField,
                        EACCES,
                        "direct access to {} is disallowed",
                        f.kind.type_name()
                    );
                }
            }
        }
        let Some(btf) = self.input.btf(bref).cloned() else {
            return Err(Errno::EFAULT.into());
        };
        let flex = self.flex_array(reg.typ);
        let mut flags = Flag::NONE;
        let mut off = off;
        for _ in 0..MAX_STEPS {
            match self.walk(&btf, id, off, size, &mut flags, flex)? {
                Walk::Scalar => return Ok(Found::Scalar),
                Walk::Ptr(..) if alloc => return Ok(Found::Scalar),
                Walk::Ptr(id, name) => return Ok(Found::Ptr(id, flags, name)),
                Walk::PtrUntrusted => return Ok(Found::PtrUntrusted),
                Walk::Struct(inner) => {
                    id = inner;
                    off = 0;
                }
            }
        }
        Err(Errno::EINVAL.into())
    }

    /// Whether a pointer to one structure can stand for a pointer to another: the same, or one that
    /// starts at that offset inside it.
    pub(crate) fn struct_ids_match(
        &mut self,
        have: (BtfRef, u32),
        off: i32,
        need: (BtfRef, u32),
        nested: Nested,
        flex: FlexArray,
    ) -> bool {
        if off == 0 && self.types_are_same(have, need) {
            return true;
        }
        let Some(btf) = self.input.btf(have.0).cloned() else {
            return false;
        };
        let Ok(mut off) = u32::try_from(off) else {
            return false;
        };
        if nested == Nested::Refused {
            return false;
        }
        let mut id = have.1;
        let mut flags = Flag::NONE;
        for _ in 0..MAX_STEPS {
            match self.walk(&btf, id, off, 1, &mut flags, flex) {
                Ok(Walk::Struct(inner)) => {
                    if self.types_are_same((have.0, inner), need) {
                        return true;
                    }
                    id = inner;
                    off = 0;
                }
                _ => return false,
            }
        }
        false
    }

    /// Whether two BTF references are one type. A module's BTF shares the numbers of vmlinux's.
    pub(crate) fn types_are_same(&self, a: (BtfRef, u32), b: (BtfRef, u32)) -> bool {
        if a.1 != b.1 {
            return false;
        }
        let base = |r: BtfRef| {
            let own = self.input.btf(r).is_some_and(|b| a.1 >= b.start_id());
            if r.is_kernel() && !own {
                BtfRef::VMLINUX
            } else {
                r
            }
        };
        base(a.0) == base(b.0)
    }

    /// Whether a member is listed as one that stays valid with its parent: the kernel's BTF has
    /// structures with the parent's name and a suffix for that.
    pub(crate) fn nested_type_is_trusted(
        &self,
        reg: &RegState,
        field: &str,
        btf_id: u32,
        suffix: &str,
    ) -> bool {
        let Some((bref, id)) = reg.btf() else {
            return false;
        };
        let Some(btf) = self.input.btf(bref) else {
            return false;
        };
        let Some(walk) = btf.type_by_id(id) else {
            return false;
        };
        let name = format!("{}{suffix}", walk.name());
        let Some(safe) = btf.find_by_name_kind(&name, walk.kind()) else {
            return false;
        };
        safe.members().any(|m| {
            let Some(ptr) = btf
                .type_by_id(m.type_id())
                .filter(|t| t.kind() == Kind::Ptr)
            else {
                return false;
            };
            m.name() == field && btf.skip_mods_and_typedefs(ptr.type_id()).id() == btf_id
        })
    }

    /// Size of a type that is not a structure; None for one that is; its name if it has no size.
    pub(crate) fn struct_type_size(&self, bref: BtfRef, id: u32) -> Result<Option<u32>, String> {
        let Some(btf) = self.input.btf(bref) else {
            return Err(String::new());
        };
        let t = btf.skip_mods_and_typedefs(id);
        if t.is_composite() {
            return Ok(None);
        }
        btf.resolve_size(t.id())
            .map(Some)
            .map_err(|_| t.name().to_owned())
    }

    /// What kind of register a structure's pointer is as a context argument or socket.
    pub(crate) fn reg2btf(&self, typ: RegType) -> Option<&'static str> {
        match typ.base() {
            RegType::PTR_TO_SOCKET => Some("sock"),
            RegType::PTR_TO_SOCK_COMMON => Some("sock_common"),
            RegType::PTR_TO_TCP_SOCK => Some("tcp_sock"),
            RegType::CONST_PTR_TO_MAP => Some("bpf_map"),
            _ => None,
        }
    }
}

fn struct_name(t: Type<'_>) -> &str {
    match t.name() {
        "" => "(anon)",
        name => name,
    }
}

/// A member's type and size, of an array those of an element; None if nothing is in it.
fn element(btf: &Btf, id: u32, size: u32) -> Option<(Type<'_>, u32)> {
    let mut t = btf.skip_mods_and_typedefs(id);
    if t.kind() != Kind::Array {
        return Some((t, size));
    }
    let mut nelems = 1u32;
    while let Some(a) = t.array() {
        nelems = nelems.saturating_mul(a.nelems);
        t = btf.skip_mods_and_typedefs(a.type_id);
    }
    let size = size.checked_div(nelems).filter(|size| *size != 0)?;
    Some((t, size))
}

/// What a member that is a pointer points to.
fn walk_ptr(btf: &Btf, ptr: Type<'_>, name: &str, flags: &mut Flag) -> Walk {
    const TAGS: [(&str, Flag); 3] = [
        ("user", Flag::MEM_USER),
        ("percpu", Flag::MEM_PERCPU),
        ("rcu", Flag::MEM_RCU),
    ];
    let (f, id) = type_tags(btf, ptr, &TAGS);
    if btf.type_by_id(id).is_some_and(|t| t.is_composite()) {
        *flags |= f;
        return Walk::Ptr(id, name.to_owned());
    }
    Walk::PtrUntrusted
}

/// The last member may be an array without a length.
fn flex_array<'a>(btf: &'a Btf, t: Type<'a>, off: u32) -> Option<Step<'a>> {
    let last = t.members().last()?;
    let a = btf.skip_mods_and_typedefs(last.type_id()).array()?;
    let moff = last.bit_offset() / 8;
    if a.nelems != 0 || off < moff {
        return None;
    }
    let elem = btf.skip_mods_and_typedefs(a.type_id);
    if elem.kind() == Kind::Int {
        return Some(Step::Ends(Walk::Scalar));
    }
    if !elem.is_composite() || elem.size() == 0 {
        return None;
    }
    Some(Step::Into(elem, (off - moff) % elem.size()))
}
