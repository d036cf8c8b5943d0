// SPDX-License-Identifier: GPL-2.0-only
//! Asking a kernel about objects that anyone may have made: it may die of a program or hang, which is
//! an answer like others, and the programs behind it are asked about all the same.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use answers::Answer;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ask::{KNOWN, LIMIT, MEMORY, SMP, config_of, payload_of};
use super::kept::Kept;
use crate::build::initramfs;
use crate::guest::qemu::{End, Guest, Heard};
use crate::linux::target::Target;
use crate::workshop::cache;

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
        let mut kept = Kept::open(&target.products()?, &self.key(&initramfs)?)?;
        let mut replies = Vec::new();
        let (said, mut after) = kept.whole()?;
        take(&said, &mut replies)?;
        if let Some(after) = &after {
            let count = replies.len();
            eprintln!("note: {name}: {count} replies are kept, going on behind {after}");
        }
        loop {
            let heard = self.boot(target, (name, &initramfs), after.as_deref(), &mut kept)?;
            let pending = take(&heard.output, &mut replies)?;
            if heard.end == End::Exited(0) {
                break;
            }
            let how = how(&heard);
            let Some(pending) = pending else {
                bail!("{how} (console: {})", heard.console.display());
            };
            let died = died(&pending, how)?;
            kept.add(&serde_json::to_string(&Died { died: &died.answer })?);
            replies.push(died);
            after = Some(pending);
        }
        kept.remove()?;
        self.name(&mut replies)?;
        Ok(replies)
    }

    /// What all that the guest is given and told comes to.
    fn key(&self, initramfs: &Path) -> Result<String> {
        let mut hash = Sha256::new();
        io::copy(&mut File::open(initramfs)?, &mut hash)?;
        let hash = format!("{:x}", hash.finalize());
        let filter = self.filter.as_deref().unwrap_or_default();
        Ok(cache::key(&[&hash, filter, &self.log_level.to_string()]))
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
        (name, initramfs): (&str, &Path),
        after: Option<&str>,
        kept: &mut Kept,
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
        guest.hear(name, self.silence, &mut |line| kept.add(line))
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
    Died { died: Box<Answer> },
    Answer(Box<Answer>),
}

/// A line of what is kept: the kernel did not live to say it.
#[derive(Serialize)]
struct Died<'a> {
    died: &'a Answer,
}

/// Takes in what a guest said: the program that it was asked about last, if no answer came.
fn take(said: &str, replies: &mut Vec<Reply>) -> Result<Option<String>> {
    let mut pending = None;
    for line in said.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Asking { asking }) => pending = Some(asking),
            Ok(Line::Died { died }) => {
                pending = None;
                replies.push(Reply {
                    answer: *died,
                    died: true,
                });
            }
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
    fn a_survey_that_was_interrupted_goes_on() {
        let answer = |of: &str| format!("{{\"object\":\"{of}\",\"verdict\":\"accepted\"}}");
        let dir = tempfile::tempdir().unwrap();
        let asking = |name: &str| format!("{{\"asking\":\"{name}\"}}");
        let mut kept = Kept::open(dir.path(), "key").unwrap();
        assert_eq!(kept.whole().unwrap(), (String::new(), None));
        let dead = died("0001/b/two", "hangs".to_owned()).unwrap();
        let dead = serde_json::to_string(&Died { died: &dead.answer }).unwrap();
        // The last may have another answer to come, on another target.
        for line in [
            asking("0000/a/one"),
            answer("0000/a"),
            asking("0001/b/two"),
            dead,
            asking("0002/c/three"),
            answer("0002/c"),
        ] {
            kept.add(&line);
        }
        drop(kept);
        let kept = Kept::open(dir.path(), "key").unwrap();
        let (said, after) = kept.whole().unwrap();
        let mut replies = Vec::new();
        take(&said, &mut replies).unwrap();
        assert_eq!(after.as_deref(), Some("0001/b/two"));
        assert_eq!(
            replies.iter().map(|r| r.died).collect::<Vec<_>>(),
            [false, true]
        );
        // Other objects, other answers.
        let other = Kept::open(dir.path(), "other").unwrap();
        assert_eq!(other.whole().unwrap(), (String::new(), None));
        other.remove().unwrap();
        kept.remove().unwrap();
        let again = Kept::open(dir.path(), "key").unwrap();
        assert_eq!(again.whole().unwrap(), (String::new(), None));
    }

    #[test]
    fn a_line_of_the_console_is_told_without_its_time() {
        let line = "[    7.1] Kernel panic - not syncing: x";
        assert_eq!(without_time(line), "Kernel panic - not syncing: x");
        assert_eq!(without_time("Oops"), "Oops");
    }
}
