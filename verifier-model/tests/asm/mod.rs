// SPDX-License-Identifier: GPL-2.0-only
//! A little assembler, in the syntax that clang and the verifier's log write.
//!
//! ```text
//! loop:
//!   r1 = r10
//!   r1 += -8
//!   call bpf_iter_num_next
//!   if r0 == 0 goto out
//!   r2 = *(u64 *)(r0 + 0)
//!   goto loop
//! ```
//!
//! `call` takes a helper, a kfunc of the test kernel, or a label: a function of the program.
//! `label():` begins a function that nothing calls. `r2 = &label` loads the address of a function, `r1 = map jmp_table` that of a map.

use std::collections::{BTreeMap, BTreeSet};

use bpf::btf::{Btf, Kind};
use bpf::uapi::Insn;
use verifier_model::helper_name;

/// Instructions, and where functions start.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) insns: Vec<Insn>,
    pub(crate) functions: BTreeSet<usize>,
}

/// Assembles a program that may call functions of `kernel` and name `maps` by their order.
pub(crate) fn assemble(text: &str, kernel: &Btf, maps: &[&str]) -> Program {
    let lines: Vec<&str> = text
        .lines()
        .map(|l| l.split("//").next().unwrap_or_default().trim())
        .filter(|l| !l.is_empty())
        .collect();
    let mut labels = BTreeMap::new();
    let mut functions = BTreeSet::from([0]);
    let mut at = 0;
    for line in &lines {
        match line.strip_suffix(':') {
            Some(label) => {
                let function = label.strip_suffix("()");
                functions.extend(function.map(|_| at));
                labels.insert(function.unwrap_or(label), at);
            }
            None if line.contains("= &") || line.contains("= map ") => at += 2,
            None => at += 1,
        }
    }
    let mut asm = Asm {
        labels,
        kernel,
        maps,
        out: Program {
            functions,
            ..Program::default()
        },
    };
    for line in lines.iter().filter(|l| !l.ends_with(':')) {
        asm.line(line)
            .unwrap_or_else(|| panic!("cannot assemble: {line}"));
    }
    asm.out
}

struct Asm<'a> {
    labels: BTreeMap<&'a str, usize>,
    kernel: &'a Btf,
    maps: &'a [&'a str],
    out: Program,
}

impl Asm<'_> {
    fn push(&mut self, code: u8, dst_reg: u8, src_reg: u8, off: i16, imm: i32) -> Option<()> {
        self.out.insns.push(Insn {
            code,
            dst_reg,
            src_reg,
            off,
            imm,
        });
        Some(())
    }

    /// Distance to a label.
    fn to(&self, label: &str) -> Option<i32> {
        Some(*self.labels.get(label)? as i32 - self.out.insns.len() as i32 - 1)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        if line == "exit" {
            return self.push(0x95, 0, 0, 0, 0);
        }
        if let Some(label) = line.strip_prefix("goto ") {
            return self.push(0x05, 0, 0, self.to(label)? as i16, 0);
        }
        if let Some(label) = line.strip_prefix("may_goto ") {
            return self.push(0xe5, 0, 0, self.to(label)? as i16, 0);
        }
        if let Some(offset) = line.strip_prefix("ldabs ") {
            return self.push(0x30, 0, 0, 0, offset.parse().ok()?);
        }
        if let Some(name) = line.strip_prefix("call ") {
            return self.call(name);
        }
        if let Some(reg) = line.strip_prefix("gotox ").and_then(reg) {
            return self.push(0x0d, reg, 0, 0, 0);
        }
        if let Some(place) = line.strip_prefix("lock ") {
            let (place, src) = place.split_once(" += ")?;
            let (size, base, off) = memory(place)?;
            return self.push(0xc3 | size, base, reg(src)?, off, 0);
        }
        if let Some(rest) = line.strip_prefix("if ") {
            return self.branch(rest);
        }
        let (left, right) = line.split_once(" = ").or_else(|| line.split_once("= "))?;
        if left.starts_with('*') {
            return self.store(left, right);
        }
        let mut left = left.split_whitespace();
        let dst = reg(left.next()?)?;
        match left.next() {
            Some(op) => self.alu(dst, op, right),
            None => self.assign(dst, right),
        }
    }

    fn call(&mut self, name: &str) -> Option<()> {
        if self.labels.contains_key(name) {
            let imm = self.to(name)?;
            self.out.functions.insert(self.labels[name]);
            return self.push(0x85, 0, 1, 0, imm);
        }
        if let Some(id) = (1..=211).find(|id| helper_name(*id) == name) {
            return self.push(0x85, 0, 0, 0, id);
        }
        let id = self.kernel.find_by_name_kind(name, Kind::Func)?.id();
        self.push(0x85, 0, 2, 0, id as i32)
    }

    fn branch(&mut self, text: &str) -> Option<()> {
        const OPS: [(&str, u8); 11] = [
            ("==", 0x10),
            (">", 0x20),
            (">=", 0x30),
            ("&", 0x40),
            ("!=", 0x50),
            ("s>", 0x60),
            ("s>=", 0x70),
            ("<", 0xa0),
            ("<=", 0xb0),
            ("s<", 0xc0),
            ("s<=", 0xd0),
        ];
        let (condition, label) = text.split_once(" goto ")?;
        let mut words = condition.split_whitespace();
        let (a, op, b) = (words.next()?, words.next()?, words.next()?);
        let class = if a.starts_with('w') { 0x06 } else { 0x05 };
        let code = OPS.iter().find(|(o, _)| *o == op)?.1 | class;
        let a = reg(a)?;
        let off = self.to(label)? as i16;
        match reg(b) {
            Some(b) => self.push(code | 0x08, a, b, off, 0),
            None => self.push(code, a, 0, off, b.parse().ok()?),
        }
    }

    fn alu(&mut self, dst: u8, op: &str, value: &str) -> Option<()> {
        const OPS: [(&str, u8); 10] = [
            ("+", 0x00),
            ("-", 0x10),
            ("*", 0x20),
            ("/", 0x30),
            ("|", 0x40),
            ("&", 0x50),
            ("<<", 0x60),
            (">>", 0x70),
            ("^", 0xa0),
            ("s>>", 0xc0),
        ];
        let code = OPS.iter().find(|(o, _)| *o == op)?.1;
        match reg(value) {
            Some(src) => self.push(code | 0x0f, dst, src, 0, 0),
            None => self.push(code | 0x07, dst, 0, 0, value.parse().ok()?),
        }
    }

    fn assign(&mut self, dst: u8, value: &str) -> Option<()> {
        if let Some(label) = value.strip_prefix('&') {
            let imm = self.to(label)?;
            self.out.functions.insert(self.labels[label]);
            self.push(0x18, dst, 4, 0, imm)?;
            return self.push(0, 0, 0, 0, 0);
        }
        if let Some(name) = value.strip_prefix("map ") {
            let index = self.maps.iter().position(|m| *m == name)?;
            self.push(0x18, dst, 1, 0, index as i32)?;
            return self.push(0, 0, 0, 0, 0);
        }
        if let Some(rest) = value.strip_prefix("atomic_fetch_add(") {
            let (place, src) = rest.strip_suffix(')')?.rsplit_once(", ")?;
            let (size, base, off) = memory(&format!("*{place}"))?;
            (reg(src)? == dst).then_some(())?;
            return self.push(0xc3 | size, base, dst, off, 1);
        }
        if let Some(place) = value.strip_prefix("load_acquire(") {
            let (size, base, off) = memory(&format!("*{}", place.strip_suffix(')')?))?;
            return self.push(0xc3 | size, dst, base, off, 0x100);
        }
        if let Some(offset) = value.strip_prefix("*(u32 *)skb[") {
            return self.push(0x20, dst, 0, 0, offset.strip_suffix(']')?.parse().ok()?);
        }
        if let Some((size, base, off)) = memory(&value.replacen("*(s", "*(u", 1)) {
            let mode = if value.starts_with("*(s") { 0x81 } else { 0x61 };
            return self.push(mode | size, dst, base, off, 0);
        }
        if value == format!("addr_space_cast(r{dst}, 0x0, 0x1)") {
            return self.push(0xbf, dst, dst, 1, 1);
        }
        if value.strip_prefix("be16 ").and_then(reg) == Some(dst) {
            return self.push(0xdc, dst, 0, 0, 16);
        }
        if value.strip_prefix('-').and_then(reg) == Some(dst) {
            return self.push(0x87, dst, 0, 0, 0);
        }
        match reg(value) {
            Some(src) if value.starts_with('w') => self.push(0xbc, dst, src, 0, 0),
            Some(src) => self.push(0xbf, dst, src, 0, 0),
            None => self.push(0xb7, dst, 0, 0, value.parse().ok()?),
        }
    }

    fn store(&mut self, place: &str, value: &str) -> Option<()> {
        let (size, base, off) = memory(place)?;
        match reg(value) {
            Some(src) => self.push(0x63 | size, base, src, off, 0),
            None => self.push(0x62 | size, base, 0, off, value.parse().ok()?),
        }
    }
}

fn reg(text: &str) -> Option<u8> {
    let number = text.strip_prefix(['r', 'w'])?;
    number.parse().ok().filter(|r| *r <= 10)
}

/// `*(u64 *)(r10 - 8)`: size bits, base, offset.
fn memory(text: &str) -> Option<(u8, u8, i16)> {
    let (size, place) = text.strip_prefix("*(")?.split_once(" *)(")?;
    let size = match size {
        "u32" => 0x00,
        "u16" => 0x08,
        "u8" => 0x10,
        "u64" => 0x18,
        _ => return None,
    };
    let mut words = place.strip_suffix(')')?.split_whitespace();
    let base = reg(words.next()?)?;
    let sign = if words.next()? == "-" { -1 } else { 1 };
    Some((size, base, sign * words.next()?.parse::<i16>().ok()?))
}
