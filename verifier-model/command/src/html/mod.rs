// SPDX-License-Identifier: GPL-2.0-only
//! `explain --html`, `check --html`: a page to go through a verification with, in one file that needs
//! nothing else.
//!
//! The page is `page.html`; style and scripts are files of their own beside it, and go into it with what
//! was walked as JSON.

use std::path::Path;

use anyhow::{Result, bail};
use bpf::kernel::Kernel;
use bpf::load::Prepared;
use verifier_model::{Options, Replay, Verdict};

use crate::whole_file::WholeFile;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In the order in which they use each other.
const SCRIPTS: [&str; 9] = [
    include_str!("model.js"),
    include_str!("page.js"),
    include_str!("going.js"),
    include_str!("source.js"),
    include_str!("tree.js"),
    include_str!("state.js"),
    include_str!("search.js"),
    include_str!("reasons.js"),
    include_str!("start.js"),
];

/// Writes the page of the one program of `progs`; with the verdict, what is in it.
pub(crate) fn write(
    path: &Path,
    progs: &[Prepared],
    kernel: &Kernel,
    options: &Options,
) -> Result<(Verdict, Replay)> {
    let [prog] = progs else {
        let names: Vec<&str> = progs.iter().map(|prog| prog.name.as_str()).collect();
        bail!("--html shows one program, say which: {}", names.join(", "));
    };
    let Ok(load) = &prog.load else {
        bail!(
            "--html: {} does not load {}, so nothing is walked",
            prog.loader,
            prog.name
        );
    };
    let file = WholeFile::create(path)?;
    let (verdict, replay) = Replay::of(load, kernel, options);
    file.write(&page(&replay)?)?;
    file.keep()?;
    Ok((verdict, replay))
}

fn page(replay: &Replay) -> Result<String> {
    // Nothing of the data ends the script that it is in.
    let data = serde_json::to_string(replay)?.replace('<', "\\u003c");
    let mut parts = [
        (
            "title",
            escaped(&format!("{}: verifier-model", replay.program())),
        ),
        ("css", STYLE.to_owned()),
        ("text", escaped(&replay.explanation().text(false))),
        ("script", SCRIPTS.concat()),
        ("data", data),
    ];
    let mut page = String::new();
    let mut rest = PAGE;
    while let Some((before, behind)) = rest.split_once("{{") {
        page += before;
        let (name, behind) = behind.split_once("}}").unwrap_or((behind, ""));
        let part = parts.iter_mut().find(|(part, _)| *part == name);
        page += &part
            .map(|(_, text)| std::mem::take(text))
            .unwrap_or_default();
        rest = behind;
    }
    Ok(page + rest)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_is_called_is_no_html() {
        assert_eq!(escaped("a<b>&c"), "a&lt;b&gt;&amp;c");
    }
}
