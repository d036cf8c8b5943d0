// SPDX-License-Identifier: GPL-2.0-only
//! The sign of a number of one, two or four bytes, carried up.

/// The low `size` bytes with their sign.
pub(crate) const fn extend(value: i64, size: u32) -> i64 {
    match size {
        1 => value as i8 as i64,
        2 => value as i16 as i64,
        _ => value as i32 as i64,
    }
}

/// The least and the greatest number of so many bytes.
pub(crate) const fn bounds(size: u32) -> (i32, i32) {
    match size {
        1 => (i8::MIN as i32, i8::MAX as i32),
        2 => (i16::MIN as i32, i16::MAX as i32),
        _ => (i32::MIN, i32::MAX),
    }
}
