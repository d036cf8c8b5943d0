// SPDX-License-Identifier: GPL-2.0-only
//! What programs that show results to people are told of each program: verdict, kind, places, and the
//! explanation. `sarif.rs` and `junit.rs` write it.

use std::time::Duration;

use anyhow::Result;
use bpf::load::Prepared;
use bpf::program::ProgLoad;
use serde_json::Value as Json;
use verifier_model::{Explanation, Kind, Outcome, Verdict};

use crate::options::not_loaded;

/// What became of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Accepted,
    Rejected(Kind),
    /// Who loads it refuses it.
    NotLoaded,
    NotModelled,
}

impl End {
    /// A name that stays, to be told apart by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(kind) => kind.name(),
            Self::NotLoaded => "not-loaded",
            Self::NotModelled => "not-modelled",
        }
    }

    /// What it means, in a sentence.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Accepted => "The program is accepted.",
            Self::Rejected(kind) => kind.what(),
            Self::NotLoaded => {
                "The program does not come as far as the verifier: who loads it refuses it."
            }
            Self::NotModelled => "The program needs something that is not modelled.",
        }
    }
}

/// A program and what became of it.
#[derive(Debug)]
pub(crate) struct Report {
    /// The object, as it was named.
    pub(crate) object: String,
    pub(crate) program: String,
    pub(crate) end: End,
    /// The line that says why; empty when accepted.
    pub(crate) message: String,
    /// The explanation as text; empty when there is none.
    pub(crate) text: String,
    /// The same taken apart.
    told: Json,
    pub(crate) time: Duration,
}

/// What was checked.
pub(crate) struct Checked<'a> {
    pub(crate) file: &'a str,
    pub(crate) prog: &'a Prepared,
    /// How long it took.
    pub(crate) time: Duration,
}

impl Report {
    /// The report of a program, with the verdict if it came to one. What is not accepted is explained.
    pub(crate) fn new(
        of: &Checked<'_>,
        verdict: Option<&Verdict>,
        explain: impl FnOnce(&ProgLoad) -> Explanation,
    ) -> Result<Self> {
        let (end, message) = match (&of.prog.load, verdict.map(|v| &v.outcome)) {
            (Err(e), _) => (End::NotLoaded, not_loaded(of.prog.loader, e)),
            (Ok(_), Some(Outcome::Rejected(why))) => {
                (End::Rejected(why.kind), why.said().to_owned())
            }
            (Ok(_), Some(Outcome::NotModelled(what))) => (End::NotModelled, what.clone()),
            (Ok(_), _) => (End::Accepted, String::new()),
        };
        let mut report = Self {
            object: of.file.to_owned(),
            program: of.prog.name.clone(),
            end,
            message,
            text: String::new(),
            told: Json::Null,
            time: of.time,
        };
        if let (End::Rejected(_), Ok(load)) = (end, &of.prog.load) {
            let explanation = explain(load);
            report.text = explanation.text(false);
            report.told = serde_json::to_value(&explanation)?;
        }
        Ok(report)
    }

    /// Where it is rejected.
    pub(crate) fn site(&self) -> Option<Place> {
        Place::of(&self.told["site"])
    }

    /// Where the cause is and what, if it is elsewhere.
    pub(crate) fn cause(&self) -> Option<(Place, String)> {
        let cause = &self.told["cause"];
        let what = cause["what"].as_str()?.to_owned();
        Some((Place::of(&cause["site"])?, what))
    }

    /// The path that leads there.
    pub(crate) fn path(&self) -> Vec<(Place, String)> {
        let events = self.told["path"].as_array().into_iter().flatten();
        let told = |event: &Json| {
            let what = event["what"].as_str()?.to_owned();
            Some((Place::of(&event["site"])?, what))
        };
        events.filter_map(told).collect()
    }
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, as the compiler was given it.
    pub(crate) path: String,
    pub(crate) line: u64,
    /// From 1; none where it is not known.
    pub(crate) column: Option<u64>,
    /// The instruction, from 0.
    pub(crate) insn: u64,
}

impl Place {
    /// None where there is no line information.
    fn of(site: &Json) -> Option<Self> {
        let line = &site["line"];
        Some(Self {
            path: line["path"].as_str()?.to_owned(),
            line: line["number"].as_u64().filter(|n| *n > 0)?,
            column: site["column"].as_u64().filter(|n| *n > 0),
            insn: site["insn"].as_u64()?,
        })
    }
}
