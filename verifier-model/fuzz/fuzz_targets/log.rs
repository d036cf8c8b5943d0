// SPDX-License-Identifier: GPL-2.0-only
//! Text that somebody took for a log of the verifier.
#![no_main]

use verifier_model::Explanation;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for explained in Explanation::of_logs(&text) {
        let _ = explained.text(true);
    }
});
