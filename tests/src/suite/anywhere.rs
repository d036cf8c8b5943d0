// SPDX-License-Identifier: GPL-2.0-only
//! The header's loops on whatever kernel this is: with the iterator and without, the same CPUs come.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use libbpf_rs::ProgramInput;
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cgroup::Cgroup;
use super::cpus::{set_online, sysfs};
use super::masks::{Random, cpus, filled};
use super::needs::{possible, running, with_variable};
use super::task::Task;
use super::trial;
use super::walks::{bound, same};

/// The object with every loop.
const WALKS: &str = "anywhere/walks";
/// How the header may walk, as `way` of that object returns it.
const WAYS: [&str; 3] = ["the iterator", "bpf_iter_num", "steps up to a bound"];

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    // Where one loop of the object is refused for want of an address, none of them loads.
    let trials = of_bound()
        .into_iter()
        .map(|trial| with_variable("nr_cpu_ids", trial));
    let others = [
        trial("anywhere::addresses_hidden", addresses_hidden),
        trial("anywhere::verified", verified),
        trial("anywhere::edges", edges),
        trial("anywhere::closed", closed),
    ];
    trials.chain(others).collect()
}

/// Those that load that object, or walk two masks, by the kernel's own bound.
fn of_bound() -> Vec<Trial> {
    vec![
        trial("anywhere::way", way),
        trial("anywhere::nr_cpu_ids", nr_cpu_ids),
        trial("anywhere::possible", || {
            walked("possible_cpus", &sysfs("possible")?)
        }),
        trial("anywhere::present", || {
            walked("present_cpus", &sysfs("present")?)
        }),
        trial("anywhere::online", || {
            walked("online_cpus", &sysfs("online")?)
        }),
        trial("anywhere::active", || {
            walked("active_cpus", &sysfs("online")?)
        }),
        running(4, trial("anywhere::one_offline", one_offline)),
        trial("anywhere::mask_value", || values("walk_value")),
        trial("anywhere::copy_of_value", || values("copy_of_value")),
        running(4, trial("anywhere::task_affinity", affinity)),
        running(4, trial("anywhere::cpuset", cpuset)),
        possible(
            5,
            trial("anywhere::break", || {
                walked("left_by_break", &[0, 1, 2, 3, 4, 1000])
            }),
        ),
        possible(3, trial("anywhere::return", left_by_return)),
        trial("anywhere::continue", || {
            let all = sysfs("possible")?;
            let even: Vec<u32> = all.into_iter().filter(|cpu| cpu % 2 == 0).collect();
            walked("every_second_by_continue", &even)
        }),
        trial("anywhere::else", || walked("before_an_else", &[1000])),
        trial("anywhere::two_after_another", || {
            let both = [sysfs("online")?, sysfs("present")?].concat();
            walked("two_after_another", &both)
        }),
        trial("anywhere::types", types),
        trial("anywhere::nested", nested),
        possible(65, trial("anywhere::small_bound", small_bound)),
        trial("anywhere::more_than_the_bound", more_than_the_bound),
    ]
}

thread_local! {
    /// The object, loaded once: the kernel's symbols and types are read for it, which takes its time.
    static LOADED: RefCell<Option<Rc<Bpf>>> = const { RefCell::new(None) };
}

/// The object with every loop.
fn walks() -> Result<Rc<Bpf>> {
    LOADED.with_borrow_mut(|loaded| {
        if let Some(bpf) = loaded {
            return Ok(bpf.clone());
        }
        let bpf = Rc::new(Bpf::load(WALKS)?);
        Ok(loaded.insert(bpf).clone())
    })
}

/// Nobody has the object any more, and it goes: the module could not be unloaded while it is there.
fn closed() -> Result<()> {
    let loaded = LOADED.take().map(Rc::try_unwrap);
    ensure!(!matches!(loaded, Some(Err(_))), "it is still in use");
    Ok(())
}

/// What a program of [`WALKS`] returned, and where it came by.
fn run(program: &str) -> Result<(u32, Vec<u32>)> {
    let bpf = walks()?;
    bpf.clear("walk")?;
    Ok((bpf.run(program)?, bpf.walk("walk")?))
}

fn walked(program: &str, expected: &[u32]) -> Result<()> {
    same(&run(program)?.1, expected)
}

/// Whether the running kernel has a function of this name.
pub(super) fn has(function: &str) -> bool {
    address(function).is_some()
}

/// Where the kernel has this symbol, in hexadecimal digits.
pub(super) fn address(symbol: &str) -> Option<&'static str> {
    static SYMBOLS: LazyLock<String> =
        LazyLock::new(|| fs::read_to_string("/proc/kallsyms").unwrap_or_default());
    SYMBOLS.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        (words.nth(1) == Some(symbol)).then_some(address)
    })
}

/// The way that is to be taken here, by what the kernel has.
fn expected_way() -> usize {
    match (has("bpf_iter_cpumask_new"), has("bpf_iter_num_new")) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

/// Whether the header makes copies itself, on the program's stack. The patched kernel has the iterator,
/// but none that copies.
fn copies_are_bounded() -> bool {
    !has("bpf_iter_cpumask_snapshot_new")
}

fn way() -> Result<()> {
    let (taken, expected) = (run("way")?.0 as usize, expected_way());
    ensure!(
        taken == expected,
        "it walks by {}, expected {}",
        WAYS.get(taken).unwrap_or(&"none of the three"),
        WAYS[expected]
    );
    Ok(())
}

fn nr_cpu_ids() -> Result<()> {
    let (got, expected) = (run("bound")?.0, bound()?);
    ensure!(got == expected, "it is {got}, expected {expected}");
    Ok(())
}

/// Masks of which one is not the other: a CPU is offline, and some are absent.
fn one_offline() -> Result<()> {
    let (possible, present) = (sysfs("possible")?, sysfs("present")?);
    ensure!(possible.len() > present.len(), "no CPU is absent");
    set_online(2, false)?;
    let online = sysfs("online");
    let walks = [
        "online_cpus",
        "active_cpus",
        "present_and_online",
        "copy_of_online",
        "possible_not_online",
    ];
    let walks = walks.map(|program| anyhow::Ok(run(program)?.1));
    set_online(2, true)?;
    let online = online?;
    ensure!(!online.contains(&2), "CPU 2 is still online");
    let not_online: Vec<u32> = possible
        .into_iter()
        .filter(|c| !online.contains(c))
        .collect();
    let [copied @ .., not] = walks;
    for walk in copied {
        same(&walk?, &online)?;
    }
    same(&not?, &not_online)
}

/// Masks that user space fills in, with bits beyond the last possible CPU.
fn values(program: &str) -> Result<()> {
    let bpf = walks()?;
    let (bound, size) = (bound()?, bpf.size("mask")?);
    let mut random = Random::new();
    let mut masks = vec![filled(size, |_| false), filled(size, |_| true)];
    for edge in [0, 31, 32, 63, 64, bound - 1, bound, size as u32 * 8 - 1] {
        masks.push(filled(size, |bit| bit == edge));
    }
    for round in 0..20 {
        masks.push(filled(size, |_| random.is_set(round)));
    }
    for mask in masks {
        bpf.clear("walk")?;
        bpf.write("mask", &mask)?;
        bpf.run(program)?;
        same(&bpf.walk("walk")?, &cpus(&mask, bound))?;
    }
    Ok(())
}

/// Waits until the scheduler comes to a busy task, and gives its CPUs as the program saw them.
fn seen(bpf: &Bpf, task: &Task, expected: &[u32]) -> Result<()> {
    let mut walk = Vec::new();
    for _ in 0..200 {
        bpf.set("pid", task.pid())?;
        sleep(Duration::from_millis(20));
        // A task that the program looks at meanwhile would change what is read.
        bpf.set("pid", 0)?;
        walk = bpf.walk("walk")?;
        if walk == expected {
            return Ok(());
        }
    }
    same(&walk, expected)
}

/// A task that may run on some CPUs, seen at the moment it is switched to.
fn affinity() -> Result<()> {
    let bpf = walks()?;
    for program in ["task_cpus", "task_cpus_online"] {
        let _link = bpf.attach(program)?;
        for cpus in [&[1, 3][..], &[0, 2, 3], &[3]] {
            let task = Task::blinking()?;
            task.set_affinity(cpus)?;
            seen(&bpf, &task, cpus)?;
        }
    }
    Ok(())
}

fn cpuset() -> Result<()> {
    Cgroup::enable("cpuset")?;
    let bpf = walks()?;
    let _link = bpf.attach("task_cpus")?;
    let cgroup = Cgroup::new("anywhere")?;
    let task = Task::blinking()?;
    cgroup.write("cpuset.cpus", "1,3")?;
    cgroup.write("cgroup.procs", &task.pid().to_string())?;
    seen(&bpf, &task, &[1, 3])?;
    cgroup.write("cpuset.cpus", "0,2-3")?;
    seen(&bpf, &task, &[0, 2, 3])
}

fn left_by_return() -> Result<()> {
    let (returned, walk) = run("left_by_return")?;
    ensure!(returned == 7, "it returned {returned}");
    same(&walk, &[0, 1, 2])
}

/// Types of programs that do without the iterator, also where it is: a packet is handed to one.
fn types() -> Result<()> {
    let bpf = Bpf::load("anywhere/types")?;
    let packet = ProgramInput {
        data_in: Some(&[0; 64]),
        ..ProgramInput::default()
    };
    bpf.run_with("packet", packet)?;
    same(&bpf.walk("walk")?, &sysfs("online")?)?;
    bpf.clear("walk")?;
    let _link = bpf.attach("kprobe")?;
    drop(Task::sleeping()?);
    ensure!(
        bpf.walk("walk")?.starts_with(&sysfs("possible")?),
        "the kprobe did not walk"
    );
    Ok(())
}

/// A loop in a loop: where the verifier would have to follow each step it is refused, with words.
fn nested() -> Result<()> {
    match (Bpf::load("anywhere/nested"), WAYS[expected_way()]) {
        (Ok(_), "steps up to a bound") => bail!("it was not refused"),
        (Err(error), "steps up to a bound") => {
            let words = "bpf_for_each_cpu_nests_from_linux_6_4";
            let said = format!("{error:#}");
            ensure!(said.contains(words), "refused, but not with words: {said}");
            Ok(())
        }
        (bpf, _) => {
            let bpf = bpf?;
            bpf.run("nested")?;
            let (online, present) = (sysfs("online")?, sysfs("present")?);
            let absent = sysfs("possible")?
                .into_iter()
                .filter(|c| !present.contains(c));
            let absent: Vec<u32> = absent.collect();
            let inner = |outer: &u32| {
                let outer = *outer;
                absent.iter().copied().filter(move |cpu| cpu & 63 == outer)
            };
            same(
                &bpf.walk("walk")?,
                &online.iter().flat_map(inner).collect::<Vec<u32>>(),
            )
        }
    }
}

/// The same with a bound that is small enough. Where there are more CPUs than a way to walk can have,
/// it walks none, and not some.
fn small_bound() -> Result<()> {
    let bpf = Bpf::load("anywhere/small")?;
    let (all, way) = (sysfs("possible")?, expected_way());
    let programs = [
        ("nested", sysfs("online")?, way == 2),
        ("possible_cpus", all.clone(), way == 2),
        ("copy_of_possible", all, copies_are_bounded()),
    ];
    for (program, whole, is_bounded) in programs {
        bpf.clear("walk")?;
        bpf.run(program)?;
        let expected = if is_bounded { &[][..] } else { &whole };
        same(&bpf.walk("walk")?, expected)?;
        // Which is not hidden.
        let counted = bpf.get_u64("bpf_for_each_cpu_left_out")? > 0;
        ensure!(
            counted == is_bounded,
            "{program}: counted as left out: {counted}"
        );
        bpf.clear("bpf_for_each_cpu_left_out")?;
    }
    Ok(())
}

/// Where user space says before how many CPUs there are, a program that would leave some out is
/// refused, with words; with as many as the bound it is not.
fn more_than_the_bound() -> Result<()> {
    let load = |program: &'static str, cpus: u32| {
        let told = [("bpf_for_each_cpu_nr_cpu_ids", cpus)];
        Bpf::load_told("anywhere/small", &told, move |other| other == program)
    };
    let way = expected_way();
    for (program, is_bounded) in [
        ("possible_cpus", way == 2),
        ("copy_of_possible", copies_are_bounded()),
    ] {
        load(program, 64)?;
        match (load(program, 65), is_bounded) {
            (Ok(_), true) => bail!("{program} was not refused"),
            (Err(error), true) => {
                let words = "bpf_for_each_cpu_needs_a_greater_BPF_ITER_CPUMASK_MAX";
                let said = format!("{error:#}");
                ensure!(said.contains(words), "refused, but not with words: {said}");
            }
            (loaded, false) => drop(loaded?),
        }
    }
    Ok(())
}

/// Where nobody is told where the kernel's masks are, what would walk them is refused, with words.
fn addresses_hidden() -> Result<()> {
    const HIDES: &str = "/proc/sys/kernel/kptr_restrict";
    let before = fs::read_to_string(HIDES)?;
    fs::write(HIDES, "2")?;
    let loaded = Bpf::load_one(WALKS, "possible_cpus");
    fs::write(HIDES, before.trim())?;
    match (loaded, expected_way()) {
        (loaded, 0) => loaded.map(drop),
        (Ok(_), _) => bail!("it was not refused"),
        (Err(error), _) => {
            let words = "bpf_for_each_cpu_needs_CONFIG_KALLSYMS_ALL";
            let said = format!("{error:#}");
            ensure!(said.contains(words), "refused, but not with words: {said}");
            Ok(())
        }
    }
}

/// How many instructions of a loop over 512 CPUs the verifier looks at, where the kernel says so: from
/// 5.16 on.
fn verified() -> Result<()> {
    let bpf = Bpf::load("anywhere/sum")?;
    let most = if expected_way() == 2 { 8000 } else { 1300 };
    for program in ["of_mask", "of_possible"] {
        let insns = bpf.verified(program)?;
        eprintln!("{program}: {insns} instructions verified");
        ensure!(insns <= most, "{program}: {insns} instructions verified");
    }
    Ok(())
}

/// What the jump at the end of the header's loops is for: before 6.4 the verifier takes no loop that
/// another instruction closes.
fn edges() -> Result<()> {
    let before_6_4 = !has("bpf_iter_num_new");
    let bpf = Bpf::load_one("anywhere/edges", "jump")?;
    let steps = bpf.run("jump")?;
    ensure!(steps == 10, "{steps} steps by a jump");
    match (Bpf::load_one("anywhere/edges", "fall_through"), before_6_4) {
        (Ok(_), true) => bail!("it was not refused"),
        (Err(error), true) => {
            let said = format!("{error:#}");
            ensure!(said.contains("back-edge from insn"), "refused for: {said}");
        }
        (bpf, false) => {
            let steps = bpf?.run("fall_through")?;
            ensure!(steps == 10, "{steps} steps by falling through");
        }
    }
    Ok(())
}
