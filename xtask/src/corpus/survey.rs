// SPDX-License-Identifier: GPL-2.0-only
//! Asking a kernel about objects that anyone may have made: it may die of a program or hang, which is
//! an answer like others, and the programs behind it are asked about all the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use answers::Answer;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::ask::{KNOWN, LIMIT, MEMORY, SMP, config_of, payload_of};
use crate::build::initramfs;
use crate::guest::qemu::{End, Guest, Heard};
use crate::linux::target::Target;

/// What is asked of every kernel.
pub(crate) struct Survey {
    /// The guest's program, alone.
    pub(crate) base: PathBuf,
    /// The objects, each with a name that no other has.
    pub(crate) objects: Vec<(String, PathBuf)>,
    /// What their programs need of the corpus besides, by its place in the guest. The objects have their
    /// own names there then, by which programs find each other.
    pub(crate) beside: Option<Vec<(String, PathBuf)>>,
    /// Modules to be loaded before.
    pub(crate) modules: Vec<PathBuf>,
    /// Only programs whose `object/program` contains this.
    pub(crate) filter: Option<String>,
    /// The verifier's.
    pub(crate) log_level: u32,
    /// For how long a guest may say nothing.
    pub(crate) silence: Duration,
}

/// What came of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// What the kernel said; if it died, its last words.
    pub(crate) answer: Answer,
    /// The kernel did not live to say it.
    pub(crate) died: bool,
}

impl Survey {
    /// Asks `target`, in as many boots as it takes.
    pub(crate) fn ask(&self, target: &Target<'_>, name: &str) -> Result<Vec<Reply>> {
        let scratch = tempfile::Builder::new()
            .prefix("survey-")
            .tempdir_in(target.products()?)?;
        let initramfs = scratch.path().join("initramfs.cpio");
        initramfs::extend(&self.base, &self.payload(target)?, &initramfs)?;
        let mut replies = Vec::new();
        let mut after = None;
        loop {
            let heard = self.boot(target, name, &initramfs, after.as_deref())?;
            let pending = take(&heard.output, &mut replies)?;
            if heard.end == End::Exited(0) {
                break;
            }
            let how = how(&heard);
            let Some(pending) = pending else {
                bail!("{how} (console: {})", heard.console.display());
            };
            replies.push(died(&pending, how)?);
            after = Some(pending);
        }
        self.name(&mut replies)?;
        Ok(replies)
    }

    fn payload(&self, target: &Target<'_>) -> Result<Vec<(String, PathBuf)>> {
        let mut payload = payload_of(self.modules.iter())?;
        payload.extend(config_of(target));
        payload.extend(self.beside.iter().flatten().cloned());
        for (at, (name, path)) in self.objects.iter().enumerate() {
            if self.beside.is_some() {
                payload.push((format!("oracle/{name}.bpf.o"), path.clone()));
                continue;
            }
            let name = path.file_name().context("an object has a name")?;
            let name = name.to_string_lossy();
            let stem = name.trim_end_matches(".o").trim_end_matches(".bpf");
            payload.push((format!("oracle/{at:04}/{stem}.bpf.o"), path.clone()));
        }
        Ok(payload)
    }

    fn boot(
        &self,
        target: &Target<'_>,
        name: &str,
        initramfs: &Path,
        after: Option<&str>,
    ) -> Result<Heard> {
        let mut told = ["oracle", "--announce", "--log-level"]
            .map(str::to_owned)
            .to_vec();
        told.push(self.log_level.to_string());
        let options = [("--filter", self.filter.as_deref()), ("--after", after)];
        for (option, value) in options {
            told.extend(value.iter().flat_map(|v| [option, v].map(str::to_owned)));
        }
        let guest = Guest {
            target,
            initramfs,
            smp: SMP,
            args: &told,
            memory: MEMORY,
            known: &KNOWN,
            limit: LIMIT,
        };
        guest.hear(name, self.silence)
    }

    /// Gives the objects their names again.
    fn name(&self, replies: &mut [Reply]) -> Result<()> {
        if self.beside.is_some() {
            return Ok(());
        }
        for Reply { answer, .. } in replies {
            let at = answer.object.split('/').next().unwrap_or_default();
            let object = at.parse().ok().and_then(|at: usize| self.objects.get(at));
            let (name, _) = object.with_context(|| format!("{} is no object", answer.object))?;
            answer.object.clone_from(name);
        }
        Ok(())
    }
}

/// A line of the guest's.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Asking { asking: String },
    Answer(Box<Answer>),
}

/// Takes in what a guest said: the program that it was asked about last, if no answer came.
fn take(said: &str, replies: &mut Vec<Reply>) -> Result<Option<String>> {
    let mut pending = None;
    for line in said.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Asking { asking }) => pending = Some(asking),
            Ok(Line::Answer(answer)) => {
                pending = None;
                let answer = *answer;
                replies.push(Reply {
                    answer,
                    died: false,
                });
            }
            // Half a line is the last that a kernel says.
            Err(_) if pending.is_some() => {}
            Err(_) => bail!("the guest says what is no answer: {line}"),
        }
    }
    Ok(pending)
}

/// How a guest ended that did not come to its end.
fn how(heard: &Heard) -> String {
    match &heard.end {
        End::Exited(status) => match heard.output.lines().last() {
            Some(line) if line.starts_with("guest: ") => line.to_owned(),
            _ => format!("the guest's program ended with status {status}"),
        },
        End::Hung(after) => format!("hangs: nothing came for {} s", after.as_secs()),
        End::Trouble(line) => without_time(line).to_owned(),
        End::NotRun(why) => why.clone(),
    }
}

/// A line of the console without `[   12.345678] `.
fn without_time(line: &str) -> &str {
    let rest = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    rest.map_or(line, |(_, rest)| rest)
}

/// The reply in the name of a kernel that died of the program `name`.
fn died(name: &str, how: String) -> Result<Reply> {
    // The guest's own name of it: a number, the object, the program.
    let (object, program) = name.rsplit_once('/').context("a program has an object")?;
    ensure!(!object.is_empty(), "{name} is no program");
    Ok(Reply {
        answer: Answer {
            object: object.to_owned(),
            program: (program != "*").then(|| program.to_owned()),
            why: Some(how),
            ..Answer::default()
        },
        died: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_a_kernel_died_of_is_known() {
        let said = "{\"asking\":\"0000/a/one\"}\n\
            {\"object\":\"0000/a\",\"program\":\"one\",\"verdict\":\"accepted\"}\n\
            {\"asking\":\"0000/a/two\"}\n{\"obj";
        let mut replies = Vec::new();
        let pending = take(said, &mut replies).unwrap();
        assert_eq!(pending.as_deref(), Some("0000/a/two"));
        assert_eq!(replies.len(), 1);
        let reply = died("0000/a/two", "hangs".to_owned()).unwrap();
        assert_eq!(reply.answer.name(), "0000/a/two");
        assert!(reply.died);
        assert!(take("what?\n", &mut replies).is_err());
    }

    #[test]
    fn a_line_of_the_console_is_told_without_its_time() {
        let line = "[    7.1] Kernel panic - not syncing: x";
        assert_eq!(without_time(line), "Kernel panic - not syncing: x");
        assert_eq!(without_time("Oops"), "Oops");
    }
}
