// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel says of programs that aya loads.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use answers::log;
use answers::{Answer, Verdict};
use anyhow::{Context, Result};
use aya::programs::{Program, ProgramError};
use aya::{Ebpf, EbpfLoader};

/// Answers for every program of every object of the directory, loaded alone, in the order of names.
pub(super) fn run(root: &Path) -> Result<ExitCode> {
    let entries = fs::read_dir(root).with_context(|| root.display().to_string())?;
    let mut paths: Vec<_> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "elf"));
    paths.sort();
    for path in paths {
        let object = path.file_stem().unwrap_or_default().to_string_lossy();
        let opened = match open(&path) {
            Ok(opened) => opened,
            Err(why) => {
                print(&object, None, unanswered(why))?;
                continue;
            }
        };
        let mut names: Vec<_> = opened.programs().map(|(name, _)| name.to_owned()).collect();
        drop(opened);
        names.sort();
        for name in names {
            // Each with maps of its own.
            let answer = open(&path).map_or_else(unanswered, |mut object| ask(&mut object, &name));
            print(&object, Some(name), answer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(object: &str, program: Option<String>, answer: Answer) -> Result<()> {
    super::print(&Answer {
        object: object.to_owned(),
        program,
        ..answer
    })
}

fn open(path: &Path) -> Result<Ebpf, String> {
    EbpfLoader::new().load_file(path).map_err(|e| words(&e))
}

fn ask(object: &mut Ebpf, name: &str) -> Answer {
    let Some(program) = object.program_mut(name) else {
        return unanswered("the program is not there".to_owned());
    };
    let loaded = match program {
        Program::Xdp(program) => program.load(),
        Program::TracePoint(program) => program.load(),
        Program::RawTracePoint(program) => program.load(),
        Program::SocketFilter(program) => program.load(),
        Program::CgroupSkb(program) => program.load(),
        other => return unanswered(format!("{:?} is not asked about", other.prog_type())),
    };
    match loaded {
        Ok(()) => Answer {
            verdict: Verdict::Accepted,
            ..Answer::default()
        },
        Err(ProgramError::LoadError {
            io_error,
            verifier_log,
        }) => {
            let text = verifier_log.to_string();
            let judged = log::parse(&text);
            Answer {
                verdict: Verdict::Rejected,
                errno: io_error.raw_os_error(),
                message: judged.message.map(str::to_owned),
                insn: judged.insn,
                stats: judged.stats,
                ..Answer::default()
            }
        }
        Err(e) => unanswered(words(&e)),
    }
}

fn unanswered(why: String) -> Answer {
    Answer {
        why: Some(why),
        ..Answer::default()
    }
}

/// An error, and what it comes from.
fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        words += &format!(": {source}");
        next = source.source();
    }
    words
}
