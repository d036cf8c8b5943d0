// SPDX-License-Identifier: GPL-2.0-only
//! Whether a guest hangs or the host lets it wait: time in which it is not given a processor is not its
//! own.

use std::cell::Cell;
use std::fs;
use std::time::{Duration, Instant};

/// The time of a process, from now on.
pub(super) struct Clock {
    start: Instant,
    process: u32,
    /// How long it has waited for a processor, as far as it is known: a process that has ended tells
    /// nothing any more.
    waited: Cell<Duration>,
}

impl Clock {
    pub(super) fn of(process: u32) -> Self {
        Self {
            start: Instant::now(),
            process,
            waited: Cell::default(),
        }
    }

    /// How long it has run or had nothing to run.
    pub(super) fn elapsed(&self) -> Duration {
        let waited = starved(self.process).unwrap_or_default();
        self.waited.set(waited.max(self.waited.get()));
        self.start.elapsed().saturating_sub(self.waited.get())
    }
}

/// How long that thread of `process` and of what it has started waited for a processor that waited
/// longest: the threads of a guest wait for each other, so their times are no sum. Nothing if the host
/// does not count it.
fn starved(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let waits = threads.flatten().filter_map(|thread| {
        let read = |file| fs::read_to_string(thread.path().join(file)).ok();
        let own = read("schedstat").and_then(|counts| waited(&counts));
        // QEMU is a child of what closes it off from the host.
        let started = read("children").unwrap_or_default();
        let started = started.split_whitespace().flat_map(str::parse);
        own.into_iter().chain(started.filter_map(starved)).max()
    });
    waits.max()
}

/// The second number of `schedstat`: nanoseconds on a queue of the scheduler.
fn waited(counts: &str) -> Option<Duration> {
    let nanoseconds = counts.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::thread;

    use super::*;

    #[test]
    fn the_second_number_counts() {
        assert_eq!(
            waited("46677286459 480679211061 213379\n"),
            Some(Duration::from_nanos(480_679_211_061))
        );
        assert_eq!(waited("46677286459"), None);
    }

    /// Two that never rest share a processor, so each waits half of the time; one that sleeps waits for
    /// nothing, and all of the time is its own. The busy ones are children of a shell, as QEMU is one of
    /// what closes it off.
    #[test]
    fn waiting_for_a_processor_does_not_count() {
        let busy = || {
            Command::new("sh")
                .args(["-c", "taskset 1 timeout 2 sh -c 'while :; do :; done'; :"])
                .spawn()
        };
        let mut first = busy().unwrap();
        let mut second = busy().unwrap();
        let mut idle = Command::new("sleep").arg("2").spawn().unwrap();
        let clocks = [&first, &second, &idle].map(|child: &Child| Clock::of(child.id()));
        let start = Instant::now();
        thread::sleep(Duration::from_secs(1));
        let [one, other, asleep] = clocks.each_ref().map(Clock::elapsed);
        let all = start.elapsed();
        for child in [&mut first, &mut second, &mut idle] {
            child.wait().unwrap();
        }
        let [ended, ..] = clocks.map(|clock| clock.elapsed());
        assert!(
            ended < start.elapsed() - all / 4,
            "{ended:?} when it has ended"
        );
        assert!(
            one + other < all + all / 2,
            "{one:?} and {other:?} of {all:?}"
        );
        assert!(asleep > all / 2, "{asleep:?} of {all:?}");
    }
}
