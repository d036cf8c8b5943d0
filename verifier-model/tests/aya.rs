// SPDX-License-Identifier: GPL-2.0-only
//! Programs written with aya, held against what 7.3.4 said when aya itself loaded them: `cargo xtask oracle
//! --aya` asked. The objects' sources and how they were made are in tests/inputs/aya.

use std::fs;

use answers::{Answer, Verdict};
use bpf::load::{Autoload, Loader};
use verifier_model::{Object, Options, Outcome, PrepareOptions, linux_7_3, verify};

const ANSWERS: &str = include_str!("../answers/7.3/aya.txt");

#[test]
fn as_the_kernel_does() {
    let kernel = linux_7_3().expect("it comes along");
    let mut wrong = Vec::new();
    let (mut accepted, mut rejected, mut refused) = (0, 0, 0);
    for line in ANSWERS.lines() {
        let answer: Answer = serde_json::from_str(line).expect("an answer");
        let path = format!("tests/inputs/aya/{}.elf", answer.object);
        let data = fs::read(path).expect("an object");
        let name = answer.name();
        let object = Object::open_for(&data, &answer.object, Loader::Aya).expect("an object");
        let Some(program) = answer.program else {
            // aya does not take it, whatever is asked for; its words are those of another aya.
            let all = PrepareOptions::default();
            let mut prepared = object.prepare(&kernel, &all).expect("programs");
            assert!(prepared.all(|prog| prog.load.is_err()), "{name}");
            refused += 1;
            continue;
        };
        let options = PrepareOptions {
            autoload: Autoload::Only(&program),
            ..PrepareOptions::default()
        };
        let prepared = object.prepare(&kernel, &options).expect("the program");
        let load = prepared.last().expect("the program").load;
        let load = load.expect("it is loaded");
        let verdict = verify(&load, &kernel, &Options::default());
        let (said, errno, message) = match &verdict.outcome {
            Outcome::Accepted => (Verdict::Accepted, None, None),
            Outcome::Rejected(why) => (Verdict::Rejected, Some(why.errno.0), Some(&*why.message)),
            Outcome::NotModelled(_) => (Verdict::Unanswered, None, None),
        };
        accepted += usize::from(answer.verdict == Verdict::Accepted);
        rejected += usize::from(answer.verdict == Verdict::Rejected);
        let kernel_said = (answer.verdict, answer.errno, answer.message.as_deref());
        if (said, errno, message) != kernel_said {
            wrong.push(format!(
                "{name}: the kernel {kernel_said:?}, we {said:?} {message:?}"
            ));
        }
    }
    assert!(
        accepted > 2 && rejected > 2 && refused > 0,
        "{accepted}, {rejected}, {refused}"
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}
