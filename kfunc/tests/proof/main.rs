// SPDX-License-Identifier: GPL-2.0-only
//! The walk proved in the small, with words of every width and byte order, and read while other
//! CPUs write. `bugs.txt` has what is planted to see that each of these would notice.

mod layout;
mod small;
mod walks;
mod weak;
