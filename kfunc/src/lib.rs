// SPDX-License-Identifier: GPL-2.0-only
//! The cpumask iterator's core as a host library.
