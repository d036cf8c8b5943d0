// SPDX-License-Identifier: GPL-2.0-only
//! Types and functions of the cases' programs.

use bpf::btf::{Btf, BtfBuilder, Kind};
use bpf::program::FuncInfo;

/// Functions of a case that are verified on their own.
#[derive(Clone, Copy, Default)]
pub(crate) struct Global {
    /// Functions up to this one; the first always is.
    pub(crate) last: usize,
    /// Their second argument is said not to be NULL.
    pub(crate) nonnull: bool,
    /// It may be any pointer.
    pub(crate) untrusted: bool,
    /// They return a pointer into the arena.
    pub(crate) arena: bool,
    /// They return nothing.
    pub(crate) void: bool,
    /// The first of them handles exceptions.
    pub(crate) exception: bool,
}

pub(crate) fn func(
    b: &mut BtfBuilder,
    name: &str,
    ret: u32,
    params: &[(&str, u32)],
    global: bool,
) -> u32 {
    let rest: Vec<u32> = params.iter().flat_map(|(n, t)| [b.string(n), *t]).collect();
    let proto = b.push(Kind::FuncProto, 0, params.len() as u32, false, ret, &rest);
    let name = b.string(name);
    b.push(Kind::Func, name, global.into(), false, proto, &[])
}

fn structure(b: &mut BtfBuilder, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
    let named = members.iter();
    let rest: Vec<u32> = named
        .flat_map(|(name, typ, at)| [b.string(name), *typ, at * 8])
        .collect();
    let name = b.string(name);
    let n = members.len() as u32;
    b.push(Kind::Struct, name, n, false, size, &rest)
}

fn pointer(b: &mut BtfBuilder, target: u32) -> u32 {
    b.push(Kind::Ptr, 0, 0, false, target, &[])
}

fn tagged(b: &mut BtfBuilder, tag: &str, target: u32) -> u32 {
    let tag = b.string(tag);
    let tag = b.push(Kind::TypeTag, tag, 0, false, target, &[]);
    pointer(b, tag)
}

/// The objects that cases make, whose types they name by number, and the values of maps that hold them:
/// a map has the structure of its name for a value.
fn objects(b: &mut BtfBuilder, int: u32) {
    let long = b.string("long");
    let long = b.push(Kind::Int, long, 0, false, 8, &[1 << 24 | 64]);
    let node = structure(b, "node", 4, &[("a", int, 0)]);
    let holder = tagged(b, "kptr", node);
    let holder = structure(b, "holder", 8, &[("a", holder, 0)]);
    let count = structure(b, "bpf_refcount", 4, &[("count", int, 0)]);
    let counted = structure(b, "counted", 16, &[("a", long, 0), ("count", count, 8)]);
    let none = b.push(Kind::Array, 0, 0, false, 0, &[int, int, 0]);
    let flex = structure(b, "flex", 8, &[("len", long, 0), ("items", none, 8)]);
    assert_eq!([node, holder, counted, flex], [4, 7, 9, 11]);
    let words = [
        ("w0", long, 0),
        ("w1", long, 8),
        ("w2", long, 16),
        ("w3", long, 24),
    ];
    let in_tree = structure(b, "bpf_rb_node", 32, &words);
    let twig = structure(b, "twig", 40, &[("key", long, 0), ("node", in_tree, 8)]);
    let lock = structure(b, "bpf_spin_lock", 4, &[("val", int, 0)]);
    let kept = [
        tagged(b, "kptr", node),
        tagged(b, "kptr", twig),
        tagged(b, "percpu_kptr", node),
    ];
    structure(b, "objects", 16, &[("a", kept[0], 0), ("lock", lock, 8)]);
    structure(b, "twigs", 8, &[("a", kept[1], 0)]);
    structure(b, "on_each_cpu", 8, &[("a", kept[2], 0)]);
}

/// BTF of a program whose functions begin there, and its func_info.
pub(crate) fn prog_btf(functions: &[usize], global: Global) -> (Btf, Vec<FuncInfo>) {
    let mut b = BtfBuilder::default();
    let name = b.string("int");
    let int = b.push(Kind::Int, name, 0, false, 4, &[1 << 24 | 32]);
    let void = pointer(&mut b, 0);
    objects(&mut b, int);
    let skb = structure(&mut b, "__sk_buff", 4, &[("len", int, 0)]);
    let (skb, mem) = (pointer(&mut b, skb), pointer(&mut b, int));
    let long = b.string("u64");
    let long = b.push(Kind::Int, long, 0, false, 8, &[64]);
    let in_arena = tagged(&mut b, "arena", int);
    let mut infos = Vec::new();
    for (i, insn_off) in functions.iter().enumerate() {
        let handler = i == 1 && global.exception;
        let params: &[_] = match i {
            _ if handler => &[("cookie", long)],
            0 => &[("ctx", skb)],
            _ if i <= global.last => &[("skb", skb), ("a", mem)],
            _ => &[("a", int), ("b", void)],
        };
        let own = i != 0 && i <= global.last;
        let ret = match own {
            true if global.arena => in_arena,
            true if global.void => 0,
            _ => int,
        };
        let type_id = func(
            &mut b,
            &format!("f{i}"),
            ret,
            params,
            i <= global.last || handler,
        );
        let said = match (global.nonnull, global.untrusted) {
            (true, _) => Some("arg:nonnull"),
            (_, true) => Some("arg:untrusted"),
            _ => None,
        };
        if let Some(tag) = said.filter(|_| own) {
            let tag = b.string(tag);
            b.push(Kind::DeclTag, tag, 0, false, type_id, &[1]);
        }
        if i == 0 && global.exception {
            let tag = b.string("exception_callback:f1");
            b.push(Kind::DeclTag, tag, 0, false, type_id, &[u32::MAX]);
        }
        infos.push(FuncInfo {
            insn_off: *insn_off as u32,
            type_id,
        });
    }
    let btf = Btf::parse(&b.build(), None).expect("BTF of the program");
    (btf, infos)
}
