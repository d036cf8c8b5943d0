// SPDX-License-Identifier: GPL-2.0-only
//! Refusals that are the configuration's, not the program's.
//!
//! The verifier words them as it words true ones: a kfunc or helper that is compiled out is one
//! that programs of the type may not call. They show when kernels of the same sources and different
//! configurations disagree: here the test kernel and the stock kernel.

use answers::{Answer, Verdict};

/// What a message contains, and the option without which it means nothing.
const SIGNS: [(&str, &str); 2] = [
    // kernel/bpf/helpers.c registers it only with the option
    (
        "calling kernel function bpf_verify_pkcs7_signature is not allowed",
        "CONFIG_SYSTEM_DATA_VERIFICATION",
    ),
    // net/core/filter.c
    (
        "cannot use helper bpf_tcp_raw_check_syncookie_ipv4#",
        "CONFIG_SYN_COOKIES",
    ),
];

/// Takes back the verdicts of a kernel of this configuration that are not the program's.
pub(super) fn take_back(answers: &mut [Answer], config: &str) {
    for answer in answers {
        let Some(message) = &answer.message else {
            continue;
        };
        let wanting = SIGNS.iter().find(|(sign, option)| {
            message.contains(sign) && !config.lines().any(|line| line == format!("{option}=y"))
        });
        if let Some((_, option)) = wanting
            && answer.verdict == Verdict::Rejected
        {
            answer.take_back(format!("the kernel lacks {option}: {message}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lacking_option_takes_the_verdict_back() {
        let line = r#"{"object":"o","program":"p","verdict":"rejected","errno":22,
            "message":"program of this type cannot use helper bpf_tcp_raw_check_syncookie_ipv4#206"}"#;
        let answer: Answer = serde_json::from_str(line).unwrap();
        let mut answers = [answer.clone()];
        take_back(&mut answers, "CONFIG_NET=y\nCONFIG_SYN_COOKIES=y\n");
        assert_eq!(answers[0], answer);
        take_back(
            &mut answers,
            "CONFIG_NET=y\n# CONFIG_SYN_COOKIES is not set\n",
        );
        assert_eq!(answers[0].verdict, Verdict::Unanswered);
        let why = answers[0].why.as_deref().unwrap();
        assert!(why.starts_with("the kernel lacks CONFIG_SYN_COOKIES: program"));
    }
}
