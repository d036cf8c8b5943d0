// SPDX-License-Identifier: GPL-2.0-only
//! What is known of a register or a stack slot, in words.

use crate::env::Env;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::types::{Flag, RegType};
use crate::state::FuncState;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot};

/// What a register holds, as the predicate of a sentence: *a number from 0 to 9*.
pub(crate) fn reg_words(env: &Env<'_>, reg: &RegState) -> String {
    let t = reg.typ;
    if t == RegType::NOT_INIT {
        return "never written".into();
    }
    if reg.is_scalar() {
        return number_words(reg);
    }
    let mut text = pointee_words(env, reg);
    let fixed = reg.var_off.is_const();
    let offset = (reg.var_off.value as i64).wrapping_add(reg.delta.into());
    if !fixed {
        text += &format!(", plus {}", range_words(reg));
    } else if offset != 0 && t != RegType::PTR_TO_STACK {
        text += &format!(", plus {offset}");
    }
    if t.may_be_null() {
        text += ", or NULL: not checked yet";
    }
    text
}

/// What a scalar may be.
pub(crate) fn number_words(reg: &RegState) -> String {
    let mut text = range_words(reg);
    if reg.precise {
        text += " (precise: its value matters)";
    }
    text
}

fn range_words(reg: &RegState) -> String {
    if reg.var_off.is_const() {
        return number(reg.var_off.value as i64);
    }
    let by_sign = reg.smin() != i64::MIN || reg.smax() != i64::MAX;
    let range = if reg.umax() <= i64::MAX as u64 || !by_sign && reg.umax() - reg.umin() != u64::MAX
    {
        format!(
            "a number from {} to {}",
            unsigned(reg.umin()),
            unsigned(reg.umax())
        )
    } else if by_sign {
        format!(
            "a number from {} to {}",
            signed(reg.smin()),
            signed(reg.smax())
        )
    } else if reg.u32_min() != 0 || reg.u32_max() != u32::MAX {
        let (lo, hi) = (reg.u32_min(), reg.u32_max());
        format!("a number whose low half is {lo} to {hi}")
    } else {
        "any number".into()
    };
    let known_zeros = (reg.var_off.value | reg.var_off.mask).trailing_zeros();
    match known_zeros {
        1..=12 => format!("{range}, a multiple of {}", 1u64 << known_zeros),
        _ => range,
    }
}

fn number(n: i64) -> String {
    match n {
        -65536..=1_000_000 => n.to_string(),
        _ => format!("{n:#x}"),
    }
}

/// Numbers near the ends of a range of words are told by their distance from it.
fn unsigned(n: u64) -> String {
    match n {
        n if n > u64::MAX - 4096 => format!("2^64-{}", u64::MAX - n + 1),
        n if n > i64::MAX as u64 - 4096 && n <= i64::MAX as u64 => signed(n as i64),
        n if n <= u64::from(u32::MAX) && n > u64::from(u32::MAX - 4096) => {
            format!("2^32-{}", u64::from(u32::MAX) - n + 1)
        }
        n => n.to_string(),
    }
}

fn signed(n: i64) -> String {
    match n {
        i64::MIN => "-2^63".into(),
        n if n < i64::MIN + 4096 => format!("-2^63+{}", n - i64::MIN),
        n if n > i64::MAX - 4096 => format!("2^63-{}", i64::MAX - n + 1),
        n => n.to_string(),
    }
}

fn pointee_words(env: &Env<'_>, reg: &RegState) -> String {
    let t = reg.typ;
    let map = || {
        let map = reg.map().and_then(|m| env.code.maps.get(m));
        map.map_or("?", |m| m.def.name.as_str())
    };
    let value_size = || {
        let map = reg.map().and_then(|m| env.code.maps.get(m));
        map.map_or(0, |m| m.def.value_size)
    };
    match t.base() {
        RegType::PTR_TO_CTX => "the program's context".into(),
        RegType::CONST_PTR_TO_MAP => format!("the map '{}'", map()),
        RegType::PTR_TO_MAP_VALUE => {
            format!("a value of map '{}' ({} bytes)", map(), value_size())
        }
        RegType::PTR_TO_MAP_KEY => format!("a key of map '{}'", map()),
        RegType::PTR_TO_STACK => {
            let off = (reg.var_off.value as i64).wrapping_add(reg.delta.into());
            let place = match off {
                0 => "the frame pointer".into(),
                off if off < 0 && reg.var_off.is_const() => format!("the address of stack fp{off}"),
                _ => String::from("an address in the stack"),
            };
            match reg.frameno() == env.path.cur.curframe() {
                true => place,
                false => format!("{place} of frame {}", reg.frameno()),
            }
        }
        RegType::PTR_TO_PACKET_META => "the packet's metadata".into(),
        RegType::PTR_TO_PACKET => {
            format!("packet data, {} bytes of it checked", reg.range().max(0))
        }
        RegType::PTR_TO_PACKET_END => "the packet's end".into(),
        RegType::PTR_TO_BTF_ID => {
            let name = reg
                .btf()
                .map_or("?", |(btf, id)| env.input.btf_type_name(btf, id));
            format!(
                "{}pointer to struct {name}{}",
                trust(t),
                referenced(env, reg)
            )
        }
        RegType::PTR_TO_MEM => {
            let rdonly = if t.has(Flag::MEM_RDONLY) {
                " read-only"
            } else {
                ""
            };
            format!(
                "{} bytes of{rdonly} memory{}",
                reg.mem_size(),
                referenced(env, reg)
            )
        }
        RegType::PTR_TO_BUF => "a buffer".into(),
        RegType::PTR_TO_FUNC => "the address of a function".into(),
        RegType::CONST_PTR_TO_DYNPTR => "a dynptr".into(),
        RegType::PTR_TO_SOCKET | RegType::PTR_TO_SOCK_COMMON | RegType::PTR_TO_TCP_SOCK => {
            "a pointer to a socket".into()
        }
        _ => format!("a pointer of type {t}"),
    }
}

fn trust(t: RegType) -> &'static str {
    if t.has(Flag::PTR_UNTRUSTED) {
        "an untrusted "
    } else if t.has(Flag::MEM_RCU) {
        "an RCU-protected "
    } else if t.has(Flag::MEM_ALLOC) {
        "an owned "
    } else if t.has(Flag::PTR_TRUSTED) {
        "a trusted "
    } else {
        "a "
    }
}

fn referenced(env: &Env<'_>, reg: &RegState) -> String {
    let held = env
        .path
        .cur
        .refs
        .iter()
        .find(|r| r.id == reg.id && r.id != 0);
    held.map_or(String::new(), |r| {
        format!(", a reference acquired at insn {}", r.insn_idx)
    })
}

/// What a stack slot holds.
pub(crate) fn slot_words(env: &Env<'_>, slot: &StackSlot) -> String {
    let all = |t: Slot| slot.typ.iter().all(|b| *b == t);
    match slot.typ[BPF_REG_SIZE - 1] {
        Slot::Spill => reg_words(env, &slot.reg),
        Slot::Iter => match slot.reg.iter() {
            Some(it) => {
                let kind = env.input.iter_type_str(it.btf, it.btf_id);
                let rcu = match slot.reg.typ {
                    t if t.has(Flag::PTR_UNTRUSTED) => ", its RCU section has ended",
                    t if t.has(Flag::MEM_RCU) => ", bound to the RCU section",
                    _ => "",
                };
                let state = it.state.as_str();
                let n = it.depth;
                let s = if n == 1 { "" } else { "s" };
                format!("iterator {kind}, {state}, {n} element{s} so far{rcu}")
            }
            None => "part of an iterator".into(),
        },
        Slot::Dynptr => "a dynptr".into(),
        Slot::IrqFlag => "a saved IRQ flag".into(),
        _ if all(Slot::Zero) => "0".into(),
        _ if all(Slot::Misc) => "some data".into(),
        _ if slot
            .typ
            .iter()
            .all(|t| matches!(t, Slot::Invalid | Slot::Poison)) =>
        {
            "never written".into()
        }
        _ => {
            let written = |t: &&Slot| !matches!(t, Slot::Invalid | Slot::Poison);
            let n = slot.typ.iter().filter(written).count();
            format!("some data in {n} of 8 bytes")
        }
    }
}

/// The slots of a frame that hold something, each with its name. What an iterator or dynptr spans
/// is named once.
pub(crate) fn slots_words(env: &Env<'_>, frame: &FuncState) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (spi, slot) in frame.stack.iter().enumerate() {
        let empty = |t: &Slot| matches!(t, Slot::Invalid | Slot::Poison);
        let rest = slot.typ[BPF_REG_SIZE - 1] == Slot::Iter && slot.reg.id == 0;
        if !slot.typ.iter().all(empty) && !rest {
            let name = format!("fp-{}", (spi + 1) * BPF_REG_SIZE);
            all.push((name, slot_words(env, slot)));
        }
    }
    all
}
