// SPDX-License-Identifier: GPL-2.0-only
//! A program from raw instructions: a file of `struct bpf_insn`s and nothing else.

use crate::kernel::Kernel;
use crate::load::attach;
use crate::load::error::LoadError;
use crate::load::object::Prog;
use crate::load::sections::SecDef;
use crate::program::ProgLoad;
use crate::uapi::Insn;

/// Makes a GPL program without maps or BTF of little-endian instructions. `section` says what
/// `SEC("…")` would: the program's type and target.
pub fn raw_program(
    data: &[u8],
    name: &str,
    section: &str,
    kernel: &Kernel,
) -> Result<ProgLoad, LoadError> {
    let (insns, rest) = data.as_chunks::<{ Insn::SIZE }>();
    if insns.is_empty() || !rest.is_empty() {
        return Err(LoadError::prog(
            name,
            "the file is not made of whole 8-byte instructions",
        ));
    }
    let def = SecDef::find(section);
    let prog = Prog {
        name: name.to_owned(),
        section: section.to_owned(),
        sec_idx: 0,
        sec_insn_off: 0,
        insns: insns.iter().map(|&insn| Insn::from_bytes(insn)).collect(),
        autoload: true,
        sym_global: true,
        mark_btf_static: false,
        sec_def: Some(def.ok_or_else(|| {
            LoadError::prog(name, format!("section '{section}' tells no program type"))
        })?),
        attach_type: None,
        relocs: Vec::new(),
    };
    let attach = attach::target(&prog, None, kernel).map_err(|e| LoadError::prog(name, e))?;
    let bare = ProgLoad::bare(name, prog.prog_type(), attach::expected_attach_type(&prog));
    Ok(ProgLoad {
        prog_flags: attach::prog_flags(&prog),
        attach,
        section: prog.section,
        insns: prog.insns,
        ..bare
    })
}
