// SPDX-License-Identifier: GPL-2.0-only
//! The programs load into Linux 7.3, or the test says why not.

#[test]
fn ports_loads() {
    verifier_model::assert_loads!(env!("PORTS"));
}
