// SPDX-License-Identifier: GPL-2.0-only
//! Loading one program of an object, and no other, the way the kernel's own
//! `veristat` does.

use std::ffi::{CString, c_int};
use std::fmt::Display;
use std::path::Path;
use std::ptr::null;
use std::sync::{Mutex, PoisonError};

use answers::{Answer, Target, Verdict, log};
use libbpf_rs::btf::types::DeclTag;
use libbpf_rs::btf::{Btf, BtfType, ReferencesType};
use libbpf_rs::libbpf_sys as sys;
use libbpf_rs::{AsRawLibbpf, ObjectBuilder, OpenObject, PrintLevel, set_print};
use nix::errno::Errno;

/// Statistics without states: `BPF_LOG_STATS` of the kernel's `bpf_verifier.h`.
pub(super) const LOG_STATS: u32 = 4;
/// Every path, and what is found before the first: `BPF_LOG_LEVEL2` there.
const LOG_LEVEL2: u32 = 2;
/// The longest log that is told. What a program says that runs into the limit is its path, a
/// million times over.
const TOLD: usize = 256 << 10;

/// What libbpf says besides of any load that fails, and of BTF that the kernel does not take.
const NOISE: [&str; 4] = [
    "failed to load object",
    "BTF loading error",
    "BTF LOAD LOG",
    "BTF is optional",
];

/// What libbpf said since it was last asked to do something.
static SAID: Mutex<String> = Mutex::new(String::new());

/// A buffer for the verifier's log, used over and over.
pub(super) struct Room(Vec<u8>);

impl Room {
    /// An empty buffer.
    pub(super) fn new() -> Self {
        Self(vec![0; log::ROOM])
    }

    /// The log in it: the kernel ends it with a NUL.
    fn text(&self) -> String {
        let end = self.0.iter().position(|&byte| byte == 0);
        String::from_utf8_lossy(&self.0[..end.unwrap_or(self.0.len())]).into_owned()
    }
}

/// The programs of an object and their sections, or what to answer if it cannot be opened.
pub(super) fn programs(path: &Path) -> Result<Vec<(String, String)>, Box<Answer>> {
    let object = open(path, None).map_err(|error| Box::new(unanswered(None, &error)))?;
    let names = object.progs().map(|program| {
        (
            program.name().to_string_lossy().into_owned(),
            program.section().to_string_lossy().into_owned(),
        )
    });
    Ok(names.collect())
}

/// A program to be loaded.
pub(super) struct Question<'a> {
    /// The object.
    pub(super) path: &'a Path,
    /// The program's name.
    pub(super) program: &'a str,
    /// The file whose BTF stands for the kernel's in CO-RE relocations.
    pub(super) core_btf: Option<&'a Path>,
    /// The verifier's.
    pub(super) log_level: u32,
}

/// The program that one attaches to: its descriptor, and the function of it.
type Attach<'a> = (c_int, Option<&'a str>);

impl Question<'_> {
    /// Loads the program and forgets it again. The answer tells what became of it, not what it is.
    pub(super) fn alone(&self, room: &mut Room) -> Answer {
        self.answer(None, room)
    }

    /// The same for a program that attaches to `target`, whose object is `path`.
    pub(super) fn on_target(&self, path: &Path, target: &Target, room: &mut Room) -> Answer {
        let mut object = match open(path, None) {
            Ok(object) => object,
            Err(error) => return unanswered(None, &error),
        };
        room.0[0] = 0;
        if let Err(error) = prepare(&mut object, &target.program, LOG_STATS, None, room) {
            return unanswered(None, &error);
        }
        // SAFETY: as in `at_level`; the object is kept until the answer is there.
        let loaded = unsafe { sys::bpf_object__load(object.as_libbpf_object().as_ptr()) };
        if loaded != 0 {
            return unanswered(Some(-loaded), &"the target is not loaded");
        }
        let programs = object.progs_mut().find(|p| p.name() == &*target.program);
        let Some(program) = programs else {
            return unanswered(None, &"the target is not there");
        };
        // SAFETY: the program is loaded.
        let fd = unsafe { sys::bpf_program__fd(program.as_libbpf_object().as_ptr()) };
        self.answer(Some((fd, target.function.as_deref())), room)
    }

    fn answer(&self, attach: Option<Attach<'_>>, room: &mut Room) -> Answer {
        let answer = self.at_level(self.log_level | LOG_STATS, attach, room);
        if answer.verdict == Verdict::Rejected && answer.errno == Some(Errno::ENOSPC as i32) {
            // The log outgrew its room, and that is the error then, whatever the verdict was.
            let answer = self.at_level(LOG_STATS, attach, room);
            return Answer {
                log: None,
                ..answer
            };
        }
        answer
    }

    fn at_level(&self, log_level: u32, attach: Option<Attach<'_>>, room: &mut Room) -> Answer {
        let mut object = match open(self.path, self.core_btf) {
            Ok(object) => object,
            Err(error) => return unanswered(None, &error),
        };
        room.0[0] = 0;
        if let Err(error) = prepare(&mut object, self.program, log_level, attach, room) {
            return unanswered(None, &error);
        }
        // SAFETY: the object is open and not loaded; it is not used again but to be closed, which is
        // allowed after a load, however it ended.
        let loaded = unsafe { sys::bpf_object__load(object.as_libbpf_object().as_ptr()) };
        let text = room.text();
        let judged = log::parse(&text);
        let errno = -loaded;
        let without_btf = without_btf();
        // Where libbpf has loaded the program and goes on to put the object's others, which are not
        // loaded, into its program array (bpf_object_init_prog_arrays() in libbpf.c), it fails.
        if loaded == 0 || said().contains("failed to initialize slot [") {
            return Answer {
                verdict: Verdict::Accepted,
                stats: judged.stats,
                // At level 1 it is what was printed behind the last branch, which tells nothing.
                log: (log_level & LOG_LEVEL2 != 0)
                    .then(|| told(judged.body))
                    .flatten(),
                without_btf,
                ..Answer::default()
            };
        }
        if judged.body.is_empty() {
            if refused_for_caps(errno) {
                return Answer {
                    verdict: Verdict::Rejected,
                    errno: Some(errno),
                    without_btf,
                    ..Answer::default()
                };
            }
            return unanswered(Some(errno), &Errno::from_raw(errno));
        }
        match judged.defect(&text) {
            Some(why) => Answer {
                errno: Some(errno),
                why: Some(why.to_owned()),
                without_btf,
                ..Answer::default()
            },
            None => Answer {
                verdict: Verdict::Rejected,
                errno: Some(errno),
                message: judged.message.map(str::to_owned),
                report: judged.report.map(str::to_owned),
                insn: judged.insn,
                stats: judged.stats,
                log: told(judged.body),
                without_btf,
                ..Answer::default()
            },
        }
    }
}

/// A log as it is told, unless it is too long.
fn told(body: &str) -> Option<String> {
    (body.len() <= TOLD).then(|| log::without_addresses(body))
}

/// The object that the selftests' `__btf_path()` names for a program.
pub(super) fn core_btf(path: &Path, program: &str) -> Option<String> {
    let btf = Btf::from_path(path).ok()?;
    let mut tags = (1..btf.len() as u32).filter_map(|id| btf.type_by_id::<DeclTag<'_>>(id.into()));
    tags.find_map(|tag| {
        let (_, object) = tag.name()?.to_str()?.split_once("test_btf_path=")?;
        let function: BtfType<'_> = tag.referenced_type();
        (function.name()?.to_str() == Some(program))
            .then(|| object.trim_end_matches(".bpf.o").to_owned())
    })
}

fn open(path: &Path, core_btf: Option<&Path>) -> libbpf_rs::Result<OpenObject> {
    set_print(Some((PrintLevel::Info, |_, text| {
        SAID.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&text);
    })));
    SAID.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let mut builder = ObjectBuilder::default();
    if let Some(core_btf) = core_btf {
        builder.btf_custom_path(core_btf)?;
    }
    builder.open_file(path)
}

/// Whether the object of the last load had BTF that the kernel did not take, for instance for a
/// function with an unnamed argument.
fn without_btf() -> bool {
    said().contains("BTF is optional, ignoring.")
}

/// `bpf(2)` refuses programs without a word whose loader lacks a capability.
fn refused_for_caps(errno: i32) -> bool {
    errno == Errno::EPERM as i32 && said().contains("BPF program load failed")
}

fn said() -> String {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes `program` the only one to be loaded, its log go to `room`, and the maps small.
fn prepare(
    object: &mut OpenObject,
    program: &str,
    log_level: u32,
    attach: Option<Attach<'_>>,
    room: &mut Room,
) -> libbpf_rs::Result<()> {
    let mut others = Vec::new();
    for mut each in object.progs_mut() {
        let chosen = each.name() == program;
        each.set_autoload(chosen);
        if !chosen {
            others.push(each.as_libbpf_object().as_ptr() as usize);
            continue;
        }
        each.set_log_level(log_level);
        if let Some((fd, function)) = attach {
            let function = function.map(CString::new).transpose();
            let function = function.map_err(std::io::Error::from)?;
            let name = function.as_ref().map_or(null(), |name| name.as_ptr());
            // SAFETY: the program is open and not loaded; the name outlives the call.
            let set = unsafe {
                sys::bpf_program__set_attach_target(each.as_libbpf_object().as_ptr(), fd, name)
            };
            if set != 0 {
                return Err(libbpf_rs::Error::from_raw_os_error(-set));
            }
        }
        // SAFETY: the program is open and not loaded; the buffer outlives the object, for the
        // caller keeps `room` until the object is loaded and dropped, and its length is as told.
        unsafe {
            sys::bpf_program__set_log_buf(
                each.as_libbpf_object().as_ptr(),
                room.0.as_mut_ptr().cast(),
                room.0.len() as sys::size_t,
            );
        }
    }
    for mut map in object.maps_mut() {
        // A map that stayed pinned would be found again by the next program of this name.
        // SAFETY: the map is open and not loaded; no path is what NULL means here.
        unsafe { sys::bpf_map__set_pin_path(map.as_libbpf_object().as_ptr(), std::ptr::null()) };
        // SAFETY: the map is open. libbpf-rs does not know every type's number.
        let map_type = unsafe { sys::bpf_map__type(map.as_libbpf_object().as_ptr()) };
        if map_type == sys::BPF_MAP_TYPE_STACK_TRACE && map.value_size() == 0 {
            // The tool takes the depth of its stacks from an option or from the kernel, whose own
            // default this is: 127 addresses.
            map.set_value_size(127 * 8)?;
        }
        match map_type {
            // The verifier does not look at their size, and a small map takes no time to make.
            sys::BPF_MAP_TYPE_HASH
            | sys::BPF_MAP_TYPE_PERCPU_HASH
            | sys::BPF_MAP_TYPE_LRU_HASH
            | sys::BPF_MAP_TYPE_LRU_PERCPU_HASH
            | sys::BPF_MAP_TYPE_SOCKHASH
            | sys::BPF_MAP_TYPE_DEVMAP_HASH
            | sys::BPF_MAP_TYPE_QUEUE
            | sys::BPF_MAP_TYPE_STACK
            | sys::BPF_MAP_TYPE_BLOOM_FILTER
            | sys::BPF_MAP_TYPE_STACK_TRACE => map.set_max_entries(1)?,
            // Whole pages, by bpf_ringbuf's own rule.
            sys::BPF_MAP_TYPE_RINGBUF | sys::BPF_MAP_TYPE_USER_RINGBUF => {
                map.set_max_entries(4096)?;
            }
            // They take no size.
            sys::BPF_MAP_TYPE_SK_STORAGE
            | sys::BPF_MAP_TYPE_TASK_STORAGE
            | sys::BPF_MAP_TYPE_INODE_STORAGE
            | sys::BPF_MAP_TYPE_CGRP_STORAGE
            | sys::BPF_MAP_TYPE_CGROUP_STORAGE
            | sys::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE => {}
            // A struct_ops map has its programs loaded with it: libbpf looks for their addresses
            // in the map's value (bpf_object_adjust_struct_ops_autoload() in libbpf.c).
            sys::BPF_MAP_TYPE_STRUCT_OPS => {
                if let Some(value) = map.initial_value_mut() {
                    for word in value.chunks_exact_mut(size_of::<usize>()) {
                        if others.iter().any(|other| other.to_ne_bytes() == *word) {
                            word.fill(0);
                        }
                    }
                }
            }
            // The test sets the size when it runs.
            _ if map.max_entries() == 0 => map.set_max_entries(1)?,
            _ => {}
        }
    }
    Ok(())
}

/// The load ended before the verifier said anything: libbpf knows why, if anyone does.
fn unanswered(errno: Option<i32>, error: &impl Display) -> Answer {
    let said = said();
    let mut lines: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("libbpf: "))
        .filter(|line| NOISE.iter().all(|noise| !line.contains(noise)))
        .collect();
    lines.dedup();
    let why = if lines.is_empty() {
        error.to_string()
    } else {
        lines.join("; ")
    };
    Answer {
        errno,
        why: Some(why),
        without_btf: without_btf(),
        ..Answer::default()
    }
}
