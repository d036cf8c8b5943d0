// SPDX-License-Identifier: GPL-2.0-only
//! The contents of the `.kconfig` map: values of the kernel's configuration.
//!
//! Source: `bpf_object__process_kconfig_line()`.

use crate::kernel::Kernel;
use crate::load::error::LoadError;
use crate::load::object::{Extern, ExternKind, KconfigType, KconfigVar};

/// Writes each value where its variable is.
pub(super) fn fill(externs: &[Extern], kernel: &Kernel, map: &mut [u8]) -> Result<(), LoadError> {
    for ext in externs {
        let ExternKind::Kconfig(var) = &ext.kind else {
            continue;
        };
        let bad = |reason: &str| {
            LoadError::object(format!("configuration value '{}': {reason}", ext.name))
        };
        let start = var.offset as usize;
        let slot = map.get_mut(start..start + var.size as usize);
        let slot = slot.ok_or_else(|| bad("it lies outside the map"))?;
        let value = kernel.kconfig.get(&ext.name);
        match (ext.name.as_str(), value) {
            ("LINUX_KERNEL_VERSION", _) => set_num(var, slot, kernel.version.into()),
            // What 7.3 has.
            ("LINUX_HAS_BPF_COOKIE" | "LINUX_HAS_SYSCALL_WRAPPER", _) => set_num(var, slot, 1),
            (name, Some(value)) if name.starts_with("CONFIG_") => set(var, slot, value),
            (name, None) if name.starts_with("CONFIG_") => match ext.is_weak {
                true => Ok(()),
                false => Err("the kernel's configuration does not have it"),
            },
            (name, _) if name.starts_with("LINUX_") && ext.is_weak => Ok(()),
            _ => Err("there is no such value"),
        }
        .map_err(bad)?;
    }
    Ok(())
}

fn set(var: &KconfigVar, slot: &mut [u8], value: &str) -> Result<(), &'static str> {
    match value.as_bytes() {
        [b @ (b'y' | b'n' | b'm'), ..] => set_tristate(var, slot, *b),
        [b'"', .., b'"'] if value.len() >= 2 => set_str(var, slot, &value[1..value.len() - 1]),
        _ => {
            let number = parse_u64(value).ok_or("its value is not a number")?;
            match var.ty {
                KconfigType::Int { .. } | KconfigType::Char => set_num(var, slot, number),
                _ => Err("its value is a number, which its type is not for"),
            }
        }
    }
}

fn set_tristate(var: &KconfigVar, slot: &mut [u8], value: u8) -> Result<(), &'static str> {
    let byte = match (var.ty, value) {
        (KconfigType::Bool, b'm') => return Err("its value is 'm', which a bool cannot be"),
        (KconfigType::Bool, _) => u8::from(value == b'y'),
        // enum libbpf_tristate: TRI_NO, TRI_YES, TRI_MODULE
        (KconfigType::Tristate, b'y') => 1,
        (KconfigType::Tristate, b'm') => 2,
        (KconfigType::Tristate, _) => 0,
        (KconfigType::Char, _) => value,
        _ => return Err("its value is y, n or m, which its type is not for"),
    };
    slot[0] = byte;
    Ok(())
}

fn set_str(var: &KconfigVar, slot: &mut [u8], text: &str) -> Result<(), &'static str> {
    if var.ty != KconfigType::CharArray {
        return Err("its value is a text, which its type is not for");
    }
    let len = text.len().min(slot.len() - 1);
    slot[..len].copy_from_slice(&text.as_bytes()[..len]);
    Ok(())
}

fn set_num(var: &KconfigVar, slot: &mut [u8], value: u64) -> Result<(), &'static str> {
    let fits = match var.ty {
        KconfigType::Bool => value <= 1,
        KconfigType::Char | KconfigType::Int { signed: false } => {
            slot.len() >= 8 || value >> (8 * slot.len()) == 0
        }
        KconfigType::Int { signed: true } => {
            let bits = 8 * slot.len() as u32;
            bits >= 64 || value.wrapping_add(1 << (bits - 1)) < 1 << bits
        }
        _ => return Err("its value is a number, which its type is not for"),
    };
    if !fits {
        return Err("its value does not fit its type");
    }
    slot.copy_from_slice(&value.to_le_bytes()[..slot.len()]);
    Ok(())
}

/// A number as C's `strtoull` with base 0 takes it.
fn parse_u64(text: &str) -> Option<u64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        u64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    let value = value.ok()?;
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var(ty: KconfigType, size: u32) -> KconfigVar {
        KconfigVar {
            ty,
            size,
            align: size,
            offset: 0,
        }
    }

    #[test]
    fn values_by_type() {
        let int = var(KconfigType::Int { signed: true }, 2);
        let mut slot = [0; 2];
        assert_eq!(set(&int, &mut slot, "-1"), Ok(()));
        assert_eq!(slot, [0xff, 0xff]);
        assert_eq!(
            set(&int, &mut slot, "0x8000"),
            Err("its value does not fit its type")
        );
        let mut slot = [0xaa; 4];
        assert_eq!(
            set(&var(KconfigType::Tristate, 4), &mut slot[..1], "m"),
            Ok(())
        );
        assert_eq!(slot[0], 2);
        let mut slot = [0; 3];
        assert_eq!(
            set(&var(KconfigType::CharArray, 3), &mut slot, "\"abc\""),
            Ok(())
        );
        assert_eq!(&slot, b"ab\0");
    }
}
