// SPDX-License-Identifier: GPL-2.0-only
//! Bare instructions, many of them: what a fuzzer asks.
//!
//! A batch is a file of little-endian words:
//!
//! ```text
//! magic    8 bytes, "BPFBATCH"
//! kfuncs   u32: how many; then of each its name: u32 length, bytes
//! BTF      u32 length, bytes: the BTF of every program; none when empty
//! maps     u32: how many; then for each
//!            u32 map_type, u32 key_size, u32 value_size, u32 max_entries, u32 map_flags
//! modules  u32: how many; then of each its name: u32 length, bytes
//! programs until the end; for each
//!            u64 the capabilities of who loads it, a bit each
//!            u32 prog_type, u32 expected_attach_type, u32 prog_flags, u32 insn_cnt, u32 func_cnt
//!            u32 attach_btf_id, u32 the module whose BTF has it, from 1; 0 for the kernel's
//!            func_cnt times struct bpf_func_info, 8 bytes
//!            insn_cnt times struct bpf_insn, 8 bytes
//! ```
//!
//! A program names the maps by their place in the batch, with `BPF_PSEUDO_MAP_IDX`
//! and `BPF_PSEUDO_MAP_IDX_VALUE`, and a kfunc by its place in the `imm` of the call.
//! Where a loader lacks a capability, `kernel.unprivileged_bpf_disabled` is 0.
//! Each program is answered with a line of JSON, and a last line tells how long it took.

use std::ffi::c_int;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::ptr::{null, null_mut};
use std::time::Instant;

use answers::log::{self, Stats};
use anyhow::{Context, Result, ensure};
use libbpf_rs::libbpf_sys::{
    bpf_btf_get_fd_by_id, bpf_btf_load, bpf_func_info, bpf_insn, bpf_map_create_opts,
    bpf_prog_load, bpf_prog_load_opts, size_t,
};
use libbpf_rs::query::BtfInfoIter;
use libbpf_rs::{MapHandle, MapType};
use nix::errno::Errno;
use rustix::thread::CapabilitySet;
use serde::Serialize;

use super::caps;
use super::kfuncs::Kfuncs;

const MAGIC: [u8; 8] = *b"BPFBATCH";
/// `BPF_MAXINSNS` for privileged users, `BPF_COMPLEXITY_LIMIT_INSNS` of the kernel's `bpf.h`.
const MAX_INSNS: u32 = 1_000_000;
/// `call` and the source register that makes it one of a kfunc: `BPF_JMP | BPF_CALL`,
/// `BPF_PSEUDO_KFUNC_CALL`.
const CALL: u8 = 0x85;
const KFUNC_CALL: u8 = 2;
/// The room for a log.
const ROOM: usize = 1 << 20;

/// One line of the output.
#[derive(Serialize)]
struct Answer<'a> {
    /// The program's place in the batch, from 0.
    program: u64,
    /// 0, or what `bpf(2)` failed with.
    errno: i32,
    /// The last line the verifier said of a program that it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(flatten)]
    stats: Option<Stats>,
}

/// The last line of the output.
#[derive(Serialize)]
struct Sum {
    /// How many programs were answered.
    programs: u64,
    /// How long that took.
    milliseconds: u128,
}

/// Answers for every program of the batch.
pub(super) fn run(batch: &Path, log_level: u32) -> Result<ExitCode> {
    let file = File::open(batch).with_context(|| format!("cannot open {}", batch.display()))?;
    let mut input = BufReader::new(file);
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).context("an empty batch")?;
    ensure!(magic == MAGIC, "no batch: it does not begin with BPFBATCH");
    let kfuncs = kfuncs(&mut input).context("the batch's kfuncs")?;
    let btf = btf(&mut input).context("the batch's BTF")?;
    let maps = maps(&mut input).context("the batch's maps")?;
    let modules = modules(&mut input).context("the batch's modules")?;
    let mut fds: Vec<c_int> = maps.iter().map(|map| map.as_fd().as_raw_fd()).collect();
    let first_module = fds.len();
    fds.extend(kfuncs.modules());
    let mut room = vec![0; ROOM];
    let start = Instant::now();
    let mut number = 0;
    while let Some(mut program) = Program::read(&mut input)? {
        program
            .resolve(&kfuncs, first_module)
            .with_context(|| format!("program {number}"))?;
        room[0] = 0;
        let with = With {
            fds: &fds,
            modules: &modules,
            btf: btf.as_ref(),
        };
        let errno = program.load_by_caps(with, log_level, &mut room)?;
        let end = room.iter().position(|&byte| byte == 0);
        let text = String::from_utf8_lossy(&room[..end.unwrap_or(room.len())]);
        let judged = log::parse(&text);
        super::print(&Answer {
            program: number,
            errno,
            message: judged.message.filter(|_| errno != 0),
            stats: judged.stats,
        })?;
        number += 1;
    }
    super::print(&Sum {
        programs: number,
        milliseconds: start.elapsed().as_millis(),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn kfuncs(input: &mut impl Read) -> Result<Kfuncs> {
    let mut names = Vec::new();
    for _ in 0..word(input)? {
        names.push(String::from_utf8(bytes(input)?)?);
    }
    Kfuncs::find(&names)
}

fn btf(input: &mut impl Read) -> Result<Option<OwnedFd>> {
    let btf = bytes(input)?;
    if btf.is_empty() {
        return Ok(None);
    }
    // SAFETY: the bytes and their number belong together; no options is what NULL means.
    let fd = unsafe { bpf_btf_load(btf.as_ptr().cast(), btf.len() as size_t, null_mut()) };
    ensure!(fd >= 0, "the kernel does not take it: {}", Errno::last());
    // SAFETY: the call gave a descriptor that is nobody else's.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

fn maps(input: &mut impl Read) -> Result<Vec<MapHandle>> {
    let mut maps = Vec::new();
    for _ in 0..word(input)? {
        let map_type = MapType::from(word(input)?);
        let (key, value, entries) = (word(input)?, word(input)?, word(input)?);
        let options = bpf_map_create_opts {
            sz: size_of::<bpf_map_create_opts>() as size_t,
            map_flags: word(input)?,
            ..Default::default()
        };
        let map = MapHandle::create(map_type, None::<&str>, key, value, entries, &options);
        maps.push(map.with_context(|| format!("map {}", maps.len()))?);
    }
    Ok(maps)
}

/// Descriptors of the BTF of modules.
fn modules(input: &mut impl Read) -> Result<Vec<OwnedFd>> {
    let mut modules = Vec::new();
    for _ in 0..word(input)? {
        let name = String::from_utf8(bytes(input)?)?;
        let info = BtfInfoIter::default().find(|info| info.name == *name);
        let info = info.with_context(|| format!("there is no BTF of {name}"))?;
        // SAFETY: the call takes a number.
        let fd = unsafe { bpf_btf_get_fd_by_id(info.id) };
        ensure!(fd >= 0, "no descriptor of the BTF of {name}");
        // SAFETY: the call gave a descriptor that is nobody else's.
        modules.push(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    Ok(modules)
}

/// What the programs of a batch share.
#[derive(Clone, Copy)]
struct With<'a> {
    fds: &'a [c_int],
    modules: &'a [OwnedFd],
    btf: Option<&'a OwnedFd>,
}

/// A program of the batch.
struct Program {
    caps: CapabilitySet,
    prog_type: u32,
    expected_attach_type: u32,
    prog_flags: u32,
    attach_btf_id: u32,
    /// 0 for the kernel itself.
    attach_module: usize,
    funcs: Vec<bpf_func_info>,
    insns: Vec<bpf_insn>,
}

impl Program {
    /// The next program; none at the end of the input.
    fn read(input: &mut impl BufRead) -> Result<Option<Self>> {
        if input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let caps = u64::from(word(input)?) | u64::from(word(input)?) << 32;
        let prog_type = word(input)?;
        let expected_attach_type = word(input)?;
        let prog_flags = word(input)?;
        let count = word(input)?;
        let functions = word(input)?;
        let attach_btf_id = word(input)?;
        let attach_module = word(input)? as usize;
        ensure!(
            functions <= count,
            "{functions} functions of {count} instructions"
        );
        let mut funcs = Vec::new();
        for _ in 0..functions {
            let (insn_off, type_id) = (word(input)?, word(input)?);
            funcs.push(bpf_func_info { insn_off, type_id });
        }
        ensure!(count <= MAX_INSNS, "a program of {count} instructions");
        let mut bytes = vec![0; count as usize * size_of::<bpf_insn>()];
        input.read_exact(&mut bytes).context("half a program")?;
        let insns = bytes.chunks_exact(size_of::<bpf_insn>()).map(insn);
        Ok(Some(Self {
            caps: CapabilitySet::from_bits_retain(caps),
            prog_type,
            expected_attach_type,
            prog_flags,
            attach_btf_id,
            attach_module,
            funcs,
            insns: insns.collect(),
        }))
    }

    /// Puts the running kernel's ids into the calls of kfuncs. BTF of modules comes after the maps
    /// among the descriptors.
    fn resolve(&mut self, kfuncs: &Kfuncs, first_module: usize) -> Result<()> {
        let calls = self.insns.iter_mut();
        for call in calls.filter(|i| i.code == CALL && i.src_reg() == KFUNC_CALL) {
            let index = usize::try_from(call.imm).ok();
            let kfunc = index.and_then(|index| kfuncs.get(index));
            let kfunc = kfunc.with_context(|| format!("there is no kfunc {}", call.imm))?;
            call.imm = kfunc.type_id;
            call.off = match kfunc.module {
                None => 0,
                Some(module) => i16::try_from(first_module + module)?,
            };
        }
        Ok(())
    }

    /// Asks the verifier as one that is capable of what the program says.
    fn load_by_caps(&self, with: With<'_>, log_level: u32, room: &mut [u8]) -> Result<i32> {
        if self.caps.is_all() {
            return Ok(self.load(with, log_level, room));
        }
        let _only = caps::only(self.caps, caps::ALLOWED)?;
        // Without CAP_BPF, BTF is refused.
        let btf = with.btf.filter(|_| self.caps.intersects(caps::BTF));
        Ok(self.load(With { btf, ..with }, log_level, room))
    }

    /// Asks the verifier; gives 0 or the error's number, and the log in `room`.
    fn load(&self, with: With<'_>, log_level: u32, room: &mut [u8]) -> i32 {
        let module = self
            .attach_module
            .checked_sub(1)
            .and_then(|n| with.modules.get(n));
        let mut options = bpf_prog_load_opts {
            sz: size_of::<bpf_prog_load_opts>() as size_t,
            attempts: 1,
            expected_attach_type: self.expected_attach_type,
            prog_flags: self.prog_flags,
            attach_btf_id: self.attach_btf_id,
            attach_btf_obj_fd: module.map_or(0, |fd| fd.as_raw_fd() as u32),
            fd_array: with.fds.as_ptr(),
            prog_btf_fd: with.btf.map_or(0, |btf| btf.as_raw_fd() as u32),
            func_info: self.funcs.as_ptr().cast(),
            func_info_cnt: self.funcs.len() as u32,
            func_info_rec_size: size_of::<bpf_func_info>() as u32,
            log_level: log_level | super::load::LOG_STATS,
            log_size: u32::try_from(room.len()).unwrap_or(u32::MAX),
            log_buf: room.as_mut_ptr().cast(),
            ..Default::default()
        };
        // SAFETY: the license is a C string, the instructions and their count belong together, and
        // what the options point to, descriptors, functions and the log's room, outlives the call.
        let fd = unsafe {
            bpf_prog_load(
                self.prog_type,
                null(),
                c"GPL".as_ptr(),
                self.insns.as_ptr(),
                self.insns.len() as size_t,
                &raw mut options,
            )
        };
        if fd < 0 {
            return Errno::last_raw();
        }
        // SAFETY: the call gave a descriptor that is nobody else's.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        0
    }
}

/// `struct bpf_insn` from its bytes: opcode, two registers of four bits, offset, immediate.
fn insn(bytes: &[u8]) -> bpf_insn {
    let mut insn = bpf_insn {
        code: bytes[0],
        off: i16::from_le_bytes([bytes[2], bytes[3]]),
        imm: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        ..Default::default()
    };
    insn.set_dst_reg(bytes[1] & 0xf);
    insn.set_src_reg(bytes[1] >> 4);
    insn
}

/// So many bytes, and their number before them.
fn bytes(input: &mut impl Read) -> Result<Vec<u8>> {
    let length = word(input)?;
    let mut bytes = Vec::new();
    input.take(length.into()).read_to_end(&mut bytes)?;
    ensure!(bytes.len() == length as usize, "the batch ends early");
    Ok(bytes)
}

fn word(input: &mut impl Read) -> Result<u32> {
    let mut bytes = [0; 4];
    input
        .read_exact(&mut bytes)
        .context("the batch ends early")?;
    Ok(u32::from_le_bytes(bytes))
}
