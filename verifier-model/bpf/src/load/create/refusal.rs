// SPDX-License-Identifier: GPL-2.0-only
//! Why the kernel does not make a map.

/// An error number, as libbpf writes it.
pub(super) type Errno = &'static str;

pub(super) const EINVAL: Errno = "-EINVAL";

/// An error number, and what is wrong.
pub(super) type Refusal = (Errno, &'static str);
