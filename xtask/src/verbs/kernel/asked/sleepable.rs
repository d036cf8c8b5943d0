// SPDX-License-Identifier: GPL-2.0-only
//! Which maps programs that sleep may not use. That is in a kernel's code alone, so one of them names
//! a map of each type that is made without more than its sizes. Of others the frame is believed.

use std::collections::BTreeSet;

use anyhow::Result;
use bpf::program::{ProgFlags, ProgLoad};
use bpf::uapi::{AttachType, Insn, MapType as M, ProgType, pseudo};
use generated::batch::Batch;

use crate::build::initramfs;
use crate::corpus::{caller, probes};
use crate::linux::target::Target;

const BPF_F_NO_PREALLOC: u32 = 1;
const BPF_F_MMAPABLE: u32 = 1 << 10;
/// Sizes of key and value, entries, flags.
const MAPS: [(M, [u32; 4]); 14] = [
    (M::Hash, [4, 8, 1, 0]),
    (M::Array, [4, 8, 1, 0]),
    (M::ProgArray, [4, 4, 1, 0]),
    (M::PerfEventArray, [4, 4, 1, 0]),
    (M::PercpuHash, [4, 8, 1, 0]),
    (M::PercpuArray, [4, 8, 1, 0]),
    (M::LruHash, [4, 8, 1, 0]),
    (M::LruPercpuHash, [4, 8, 1, 0]),
    (M::LpmTrie, [8, 8, 1, BPF_F_NO_PREALLOC]),
    (M::Queue, [0, 4, 1, 0]),
    (M::Stack, [0, 4, 1, 0]),
    (M::Ringbuf, [0, 0, 4096, 0]),
    (M::UserRingbuf, [0, 0, 4096, 0]),
    (M::Arena, [0, 0, 1, BPF_F_MMAPABLE]),
];
const REFUSED: &str = "Sleepable programs can only use";

/// Those of the kernel's types that such programs are refused for.
pub(super) fn refused(target: &Target<'_>, there: &[M]) -> Result<BTreeSet<M>> {
    let maps: Vec<_> = MAPS
        .into_iter()
        .filter(|(map_type, _)| there.contains(map_type))
        .collect();
    let mut batch = Batch::naming(&maps);
    for map in 0..maps.len() {
        batch.push_load(&naming(map as i32));
    }
    let base = initramfs::bare(target)?;
    let answers = probes::load(target, &base, (batch, maps.len()), &[])?;
    let refused = maps.iter().zip(answers);
    let refused = refused.filter(|(_, answer)| answer.message.starts_with(REFUSED));
    Ok(refused.map(|((map_type, _), _)| *map_type).collect())
}

/// `r1 = map ll; r0 = 0; exit`
fn naming(map: i32) -> ProgLoad {
    let insn = |code, dst_reg, imm| Insn {
        code,
        dst_reg,
        imm,
        ..Insn::default()
    };
    let load = Insn {
        src_reg: pseudo::MAP_IDX,
        ..insn(0x18, 1, map)
    };
    let mut prog = caller::load(ProgType::Syscall, AttachType::CgroupInetIngress, None);
    prog.prog_flags = ProgFlags::SLEEPABLE;
    prog.insns = vec![load, Insn::default(), insn(0xb7, 0, 0), insn(0x95, 0, 0)];
    prog
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_names_its_map() {
        let prog = naming(3);
        assert_eq!(
            (prog.insns[0].src_reg, prog.insns[0].imm),
            (pseudo::MAP_IDX, 3)
        );
        assert!(prog.prog_flags.contains(ProgFlags::SLEEPABLE));
    }
}
