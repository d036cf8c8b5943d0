// SPDX-License-Identifier: GPL-2.0-only
//! What came of the comparison of one program, and how many there are of each kind.

use answers::log::{self, Stats};
use answers::{Answer, Verdict};
use serde::Serialize;

use super::worker::Said;

/// What came of one program.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The kernel gave no verdict, so there is nothing to agree with.
    Unanswered,
    /// Both accept it.
    BothAccept {
        /// The same number of instructions processed.
        insns: bool,
        /// All statistics are the same.
        identical: bool,
        /// The model's.
        stats: Stats,
    },
    /// Both reject it.
    BothReject {
        /// The same last message.
        message: bool,
        /// The same message, error and statistics.
        identical: bool,
        /// The model's.
        model: Rejection,
    },
    /// One accepts, the other rejects; the model's rejection, if it is the one.
    Differs(Option<Rejection>),
    /// The model gives no verdict, for want of this.
    NotModelled { what: String, log: String },
    /// The loader refused what libbpf had loaded.
    NotLoaded(String),
    /// The model panicked or was killed by a signal.
    Crashed(String),
    /// The model did not end in time.
    TimedOut,
}

/// How the model rejects.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub(crate) errno: i32,
    pub(crate) message: String,
    pub(crate) log: String,
}

impl Outcome {
    /// Holds what the model said against the kernel's answer.
    pub(super) fn new(answer: &Answer, said: Said) -> Self {
        let accepted = match answer.verdict {
            Verdict::Unanswered => return Self::Unanswered,
            Verdict::Accepted => true,
            Verdict::Rejected => false,
        };
        // 7.3 prints `longest_mark_read_walk` and never writes to it.
        let same = |stats: Stats| {
            answer.stats
                == Some(Stats {
                    mark_read: 0,
                    ..stats
                })
        };
        match said {
            Said::NotLoaded(why) => Self::NotLoaded(why),
            Said::NotModelled { what, log } => Self::NotModelled { what, log },
            Said::Crashed(how) => Self::Crashed(how),
            Said::TimedOut => Self::TimedOut,
            Said::Accepted { stats, .. } if accepted => Self::BothAccept {
                insns: answer
                    .stats
                    .is_some_and(|theirs| theirs.insns == stats.insns),
                identical: same(stats),
                stats,
            },
            Said::Accepted { .. } => Self::Differs(None),
            Said::Rejected { errno, stats, log } => {
                // Taken apart as the kernel's log was.
                let parsed = log::parse(&log);
                let model = Rejection {
                    errno,
                    message: parsed.message.unwrap_or_default().to_owned(),
                    log: log::without_addresses(parsed.body),
                };
                if accepted {
                    return Self::Differs(Some(model));
                }
                let message = answer.message.as_deref().unwrap_or_default() == model.message;
                // A verifier that gives up before its first state says no statistics.
                let stats = answer.stats.is_none() || same(stats);
                Self::BothReject {
                    message,
                    identical: message && stats && answer.errno == Some(errno),
                    model,
                }
            }
        }
    }

    /// Whether this is agreement.
    pub(crate) fn is_agreed(&self) -> bool {
        matches!(self, Self::BothAccept { .. } | Self::BothReject { .. })
    }

    /// Whether all that the two say is the same.
    pub(crate) fn is_identical(&self) -> bool {
        match self {
            Self::BothAccept { identical, .. } | Self::BothReject { identical, .. } => *identical,
            _ => false,
        }
    }

    /// One word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::BothAccept { .. } | Self::BothReject { .. } if self.is_identical() => "identical",
            Self::BothAccept { .. } | Self::BothReject { .. } => "agreed",
            Self::Differs(_) => "differs",
            Self::NotModelled { .. } => "not modelled",
            Self::NotLoaded(_) => "not loaded",
            Self::Crashed(_) => "crashed",
            Self::TimedOut => "timed out",
        }
    }

    /// What the model said, in a line.
    pub(crate) fn model(&self) -> String {
        match self {
            Self::Unanswered => String::new(),
            Self::BothAccept { stats, .. } => format!("accepted, {} insns", stats.insns),
            Self::BothReject { model, .. } | Self::Differs(Some(model)) => {
                format!("rejected, {}: {}", model.errno, model.message)
            }
            Self::Differs(None) => "accepted".to_owned(),
            Self::NotModelled { what, .. } => format!("not modelled: {what}"),
            Self::NotLoaded(why) => format!("not loaded: {why}"),
            Self::Crashed(how) => format!("crashed: {how}"),
            Self::TimedOut => "timed out".to_owned(),
        }
    }

    /// The model's log, if there is one to be shown.
    pub(crate) fn log(&self) -> Option<&str> {
        match self {
            Self::BothReject { model, .. } | Self::Differs(Some(model)) => Some(&model.log),
            Self::NotModelled { log, .. } => Some(log),
            _ => None,
        }
    }
}

/// What the kernel said, in a line.
pub(crate) fn kernel(answer: &Answer) -> String {
    let message = answer.message.as_deref().unwrap_or_default();
    match answer.verdict {
        Verdict::Unanswered => answer.why.clone().unwrap_or_default(),
        Verdict::Accepted => {
            let insns = answer.stats.map_or(0, |stats| stats.insns);
            format!("accepted, {insns} insns")
        }
        Verdict::Rejected => format!("rejected, {}: {message}", answer.errno.unwrap_or_default()),
    }
}

/// How many programs came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Programs that the kernel was asked about.
    pub(crate) programs: usize,
    /// The same verdict.
    pub(crate) agreed: usize,
    /// Rejected by both.
    pub(crate) both_reject: usize,
    /// Of these, with the same message.
    pub(crate) same_message: usize,
    /// Accepted by both.
    pub(crate) both_accept: usize,
    /// Of these, with the same number of instructions processed.
    pub(crate) same_insns: usize,
    /// Agreed in everything: error, message, all statistics.
    pub(crate) identical: usize,
    /// The other verdict.
    pub(crate) differ: usize,
    /// No verdict of the model.
    pub(crate) not_modelled: usize,
    /// The loader refused it.
    pub(crate) not_loaded: usize,
    /// The model panicked or was killed.
    pub(crate) crashed: usize,
    /// The model did not end in time.
    pub(crate) timed_out: usize,
    /// No verdict of the kernel.
    pub(crate) unanswered: usize,
}

impl Counts {
    /// Counts outcomes.
    pub(crate) fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            counts.programs += 1;
            counts.agreed += usize::from(outcome.is_agreed());
            counts.identical += usize::from(outcome.is_identical());
            match outcome {
                Outcome::Unanswered => counts.unanswered += 1,
                Outcome::BothAccept { insns, .. } => {
                    counts.both_accept += 1;
                    counts.same_insns += usize::from(*insns);
                }
                Outcome::BothReject { message, .. } => {
                    counts.both_reject += 1;
                    counts.same_message += usize::from(*message);
                }
                Outcome::Differs(_) => counts.differ += 1,
                Outcome::NotModelled { .. } => counts.not_modelled += 1,
                Outcome::NotLoaded(_) => counts.not_loaded += 1,
                Outcome::Crashed(_) => counts.crashed += 1,
                Outcome::TimedOut => counts.timed_out += 1,
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATS: Stats = Stats {
        insns: 7,
        max_states_per_insn: 0,
        total_states: 1,
        peak_states: 1,
        mark_read: 0,
    };

    fn answer(verdict: Verdict) -> Answer {
        Answer {
            verdict,
            errno: (verdict == Verdict::Rejected).then_some(13),
            message: (verdict == Verdict::Rejected).then(|| "R0 !read_ok".to_owned()),
            stats: Some(STATS),
            ..Answer::default()
        }
    }

    fn took(stats: Stats) -> Said {
        let log = String::new();
        Said::Accepted { stats, log }
    }

    fn rejected(message: &str) -> Said {
        Said::Rejected {
            errno: 13,
            stats: STATS,
            log: format!(
                "0: (95) exit\n{message}\nprocessed 7 insns (limit 1000000) \
                max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n"
            ),
        }
    }

    #[test]
    fn only_the_same_verdict_is_agreement() {
        let agreed = |verdict, said| Outcome::new(&answer(verdict), said).is_agreed();
        assert!(agreed(Verdict::Accepted, took(STATS)));
        assert!(agreed(Verdict::Rejected, rejected("another message")));
        let none = || {
            let (what, log) = (String::new(), String::new());
            [
                Said::NotModelled { what, log },
                Said::NotLoaded(String::new()),
                Said::Crashed(String::new()),
                Said::TimedOut,
            ]
        };
        for verdict in [Verdict::Accepted, Verdict::Rejected, Verdict::Unanswered] {
            for said in none() {
                assert!(!agreed(verdict, said.clone()), "{verdict:?} {said:?}");
            }
        }
        assert!(!agreed(Verdict::Accepted, rejected("m")));
        assert!(!agreed(Verdict::Rejected, took(STATS)));
        assert!(!agreed(Verdict::Unanswered, took(STATS)));
        assert!(!agreed(Verdict::Unanswered, rejected("m")));
    }

    #[test]
    fn what_is_the_same_is_counted() {
        let other = Stats { insns: 8, ..STATS };
        let outcomes = [
            Outcome::new(&answer(Verdict::Accepted), took(STATS)),
            Outcome::new(&answer(Verdict::Accepted), took(other)),
            Outcome::new(&answer(Verdict::Rejected), rejected("R0 !read_ok")),
            Outcome::new(&answer(Verdict::Rejected), rejected("R1 !read_ok")),
            Outcome::new(&answer(Verdict::Rejected), Said::TimedOut),
        ];
        let want = Counts {
            programs: 5,
            agreed: 4,
            both_reject: 2,
            same_message: 1,
            both_accept: 2,
            same_insns: 1,
            identical: 2,
            timed_out: 1,
            ..Counts::default()
        };
        assert_eq!(Counts::of(outcomes.iter()), want);
    }
}
