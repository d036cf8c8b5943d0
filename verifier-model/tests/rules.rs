// SPDX-License-Identifier: GPL-2.0-only
//! Each rule of a profile by a program that shows it: `rules/NAME.txt` is for the rule of that name.
//!
//! A case begins with what is asked for, a line each, up to a line of dashes; then comes the program
//! (see [`asm`]):
//!
//! ```text
//! section tc                   what SEC("…") would say; tc if not told
//! map jmp prog_array 4 4 1     name, type, sizes of key and value, entries
//! global 1                     functions up to this one are verified on their own
//! globals nonnull              their second argument is not NULL, or `untrusted`; they return what is in
//!                              the arena (`arena`), or nothing (`void`); the first handles exceptions
//!                              (`exception`)
//! extends socket               it is an extension of such a program
//! now rejected 13 R1 !read_ok  the verdict with the rule …
//! without accepted             … and without it
//! ```

mod asm;
#[path = "rules/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::sync::Arc;

use bpf::btf::{Btf, BtfBuilder, Kind};
use bpf::kernel::Kernel;
use bpf::load::raw_program;
use bpf::map::MapDef;
use bpf::program::{AttachTarget, ProgFlags, ProgLoad};
use bpf::uapi::{MapType, ProgType};
use verifier_model::Options;
use verifier_model::{Outcome, verify};
use verifier_model::{Profile, Rule, Shipped};

use program::{Global, func, prog_btf};

/// A map that stands for others, which may have another size.
const BPF_F_INNER_MAP: u32 = 1 << 12;
/// A map that user space sees the memory of, as it does an arena's.
const BPF_F_MMAPABLE: u32 = 1 << 10;

/// Types and functions of the kernel that the cases use.
struct KernelBtf {
    b: BtfBuilder,
    u32_: u32,
    u64_: u32,
}

impl KernelBtf {
    fn build() -> Btf {
        let mut b = BtfBuilder::default();
        let int = |b: &mut BtfBuilder, name: &str, size: u32| {
            let name = b.string(name);
            b.push(Kind::Int, name, 0, false, size, &[size * 8])
        };
        let (u32_, u64_) = (int(&mut b, "unsigned int", 4), int(&mut b, "u64", 8));
        let mut k = Self { b, u32_, u64_ };
        let (u32_, u64_) = (k.u32_, k.u64_);
        let it = k.ptr_to_struct("bpf_iter_num", 1);
        let p_int = k.b.push(Kind::Ptr, 0, 0, false, u32_, &[]);
        k.func(
            "bpf_iter_num_new",
            u32_,
            &[("it", it), ("start", u32_), ("end", u32_)],
        );
        k.func("bpf_iter_num_next", p_int, &[("it", it)]);
        k.func("bpf_iter_num_destroy", 0, &[("it", it)]);
        k.func("bpf_rcu_read_lock", 0, &[]);
        k.func("bpf_rcu_read_unlock", 0, &[]);
        k.func("bpf_preempt_disable", 0, &[]);
        k.func("bpf_preempt_enable", 0, &[]);
        k.func("bpf_throw", 0, &[("cookie", u64_)]);
        let skb = k.ptr_to_struct("__sk_buff", 24);
        let dynptr = k.ptr_to_struct("bpf_dynptr", 2);
        let void = k.b.push(Kind::Ptr, 0, 0, false, 0, &[]);
        let from_skb = [("s", skb), ("flags", u64_), ("ptr__uninit", dynptr)];
        k.func("bpf_dynptr_from_skb", u32_, &from_skb);
        let clone = [("p", dynptr), ("clone__uninit", dynptr)];
        k.func("bpf_dynptr_clone", u32_, &clone);
        let cast = [("obj__ign", void), ("btf_id__k", u32_)];
        k.func("bpf_rdonly_cast", void, &cast);
        let slice = [
            ("p", dynptr),
            ("offset", u64_),
            ("buffer__nullable", void),
            ("buffer__szk", u64_),
        ];
        k.func("bpf_dynptr_slice", void, &slice);
        let task = k.ptr_to_struct("task_struct", 16);
        let meta = k.ptr_to_struct("bpf_iter_meta", 3);
        k.func("bpf_task_acquire", task, &[("p", task)]);
        k.func("bpf_task_release", 0, &[("p", task)]);
        k.func("bpf_iter_task", u32_, &[("meta", meta), ("task", task)]);
        let elem = [
            ("meta", meta),
            ("map", task),
            ("key", void),
            ("value", void),
        ];
        k.func("bpf_iter_bpf_map_elem", u32_, &elem);
        let char_ = int(&mut k.b, "char", 1);
        let text = k.b.push(Kind::Ptr, 0, 0, false, char_, &[]);
        let texts = k.b.push(Kind::Ptr, 0, 0, false, text, &[]);
        let const_void = k.b.push(Kind::Const, 0, 0, false, 0, &[]);
        let const_void = k.b.push(Kind::Ptr, 0, 0, false, const_void, &[]);
        let xattr = |value: (&'static str, u32)| {
            let entry = [("idmap", text), ("dentry", task), ("name", text)];
            [entry.as_slice(), &[value, ("size", u64_), ("flags", u32_)]].concat()
        };
        let set = xattr(("value", const_void));
        k.func("bpf_lsm_inode_setxattr", u32_, &set);
        let regs = k.ptr_to_struct("pt_regs", 21);
        k.func("__x64_sys_getpgid", u64_, &[("regs", regs)]);
        k.of_modules();
        k.hooks();
        k.objects();
        k.sections(task);
        k.files(task, dynptr);
        let get = xattr(("xattr_value", texts));
        k.func("vfs_getxattr_alloc", u32_, &get);
        Btf::parse(&k.b.build(), None).expect("BTF of the test kernel")
    }

    /// Functions that programs attach to for what they are passed.
    fn hooks(&mut self) {
        let css = self.ptr_to_struct("cgroup_subsys_state", 4);
        self.func("css_next_child", css, &[("pos", css), ("parent", css)]);
        let updated = [("css", css), ("cpu", self.u32_)];
        self.func("css_rstat_updated", 0, &updated);
    }

    /// What opens sections, or asks for one.
    fn sections(&mut self, task: u32) {
        self.func("bpf_preempt_disable", 0, &[]);
        self.func("bpf_preempt_enable", 0, &[]);
        let it = self.ptr_to_struct("bpf_iter_task", 3);
        let new = [("it", it), ("task__nullable", task), ("flags", self.u32_)];
        self.func("bpf_iter_task_new", self.u32_, &new);
        self.func("bpf_iter_task_next", task, &[("it", it)]);
        self.func("bpf_iter_task_destroy", 0, &[("it", it)]);
    }

    /// Files, and what is read of them.
    fn files(&mut self, task: u32, dynptr: u32) {
        let file = self.ptr_to_struct("file", 4);
        let (name, member) = (self.b.string("linux_binprm"), self.b.string("m"));
        let members = [member, self.u64_, 0, member, file, 64];
        let bprm = self.b.push(Kind::Struct, name, 2, false, 16, &members);
        let bprm = self.b.push(Kind::Ptr, 0, 0, false, bprm, &[]);
        self.func("bpf_lsm_bprm_committed_creds", 0, &[("bprm", bprm)]);
        self.func("bpf_get_task_exe_file", file, &[("task", task)]);
        self.func("bpf_put_file", 0, &[("file", file)]);
        let from = [
            ("file", file),
            ("flags", self.u32_),
            ("ptr__uninit", dynptr),
        ];
        self.func("bpf_dynptr_from_file", self.u32_, &from);
        self.func("bpf_dynptr_file_discard", self.u32_, &[("dynptr", dynptr)]);
    }

    /// What makes objects, gives them back and counts who has them.
    fn objects(&mut self) {
        let void = self.b.push(Kind::Ptr, 0, 0, false, 0, &[]);
        let new = [("local_type_id__k", self.u64_), ("meta__ign", void)];
        self.func("bpf_obj_new_impl", void, &new);
        self.func(
            "bpf_obj_drop_impl",
            0,
            &[("p__alloc", void), ("meta__ign", void)],
        );
        let counted = [("p__refcounted_kptr", void), ("meta__ign", void)];
        self.func("bpf_refcount_acquire_impl", void, &counted);
    }

    /// Functions of the selftests' module, and one that takes a map.
    fn of_modules(&mut self) {
        let object = self.ptr_to_struct("prog_test_ref_kfunc", 2);
        let number = self.b.push(Kind::Ptr, 0, 0, false, self.u64_, &[]);
        let void = self.b.push(Kind::Ptr, 0, 0, false, 0, &[]);
        let from = [("scalar_ptr", number)];
        self.func("bpf_kfunc_call_test_acquire", object, &from);
        self.func("bpf_kfunc_call_test_release", 0, &[("p", object)]);
        let get = [("p", object), ("rdwr_buf_size", self.u32_)];
        self.func("bpf_kfunc_call_test_get_rdwr_mem", number, &get);
        let (map, ops) = (self.b.string("bpf_map"), self.b.string("ops"));
        self.b.push(Kind::Struct, map, 1, false, 8, &[ops, void, 0]);
        let pages = [
            ("p__map", void),
            ("addr__ign", void),
            ("page_cnt", self.u32_),
        ];
        let pages = [&pages[..], &[("node_id", self.u32_), ("flags", self.u64_)]].concat();
        self.func("bpf_arena_alloc_pages", void, &pages);
    }

    /// A structure of so many u64, and a pointer to it.
    fn ptr_to_struct(&mut self, name: &str, words: u32) -> u32 {
        let (name, member) = (self.b.string(name), self.b.string("m"));
        let members: Vec<u32> = (0..words)
            .flat_map(|i| [member, self.u64_, i * 64])
            .collect();
        let id = self
            .b
            .push(Kind::Struct, name, words, false, words * 8, &members);
        self.b.push(Kind::Ptr, 0, 0, false, id, &[])
    }

    fn func(&mut self, name: &str, ret: u32, params: &[(&str, u32)]) {
        func(&mut self.b, name, ret, params, true);
    }
}

/// BTF of a map's value that is a timer, and its id there.
fn timer_btf() -> (Arc<Btf>, u32) {
    let mut b = BtfBuilder::default();
    let name = b.string("u64");
    let u64_ = b.push(Kind::Int, name, 0, false, 8, &[64]);
    let (timer, value, member) = (b.string("bpf_timer"), b.string("value"), b.string("m"));
    let words = [member, u64_, 0, member, u64_, 64];
    let timer = b.push(Kind::Struct, timer, 2, false, 16, &words);
    let value = b.push(Kind::Struct, value, 1, false, 16, &[member, timer, 0]);
    let btf = Btf::parse(&b.build(), None).expect("BTF of the map");
    (Arc::new(btf), value)
}

/// The kernel of the cases, configured as Debian's, which were asked about them.
fn kernel() -> Kernel {
    let mut kernel = Kernel::new(Arc::new(KernelBtf::build()));
    let debian = Shipped::named("debian-7.3").expect("it comes along");
    let debian = debian.kernel().expect("it comes along");
    kernel.kconfig = debian.kconfig;
    kernel.kfuncs = debian.kfuncs;
    kernel
}

struct Case {
    load: ProgLoad,
    now: String,
    without: String,
}

fn read_case(text: &str, kernel: &Kernel) -> Case {
    let (head, body) = text.split_once("\n---\n").expect("a line of dashes");
    let mut section = "tc";
    let (mut now, mut without, mut global) = (String::new(), String::new(), Global::default());
    let mut maps: Vec<(&str, MapDef)> = Vec::new();
    let mut extended = None;
    for line in head.lines().filter(|l| !l.starts_with('#')) {
        let (key, value) = line.split_once(' ').expect("a key and a value");
        match key {
            "section" => section = value,
            "now" => now = value.to_owned(),
            "without" => without = value.to_owned(),
            "extends" => extended = Some(value),
            "global" => global.last = value.parse().expect("a number"),
            "globals" => match value {
                "nonnull" => global.nonnull = true,
                "untrusted" => global.untrusted = true,
                "void" => global.void = true,
                "arena" => global.arena = true,
                "exception" => global.exception = true,
                _ => panic!("functions are not {value}"),
            },
            "map" => maps.push(read_map(value)),
            _ => panic!("{key} is nothing that a case can say"),
        }
    }
    let names: Vec<&str> = maps.iter().map(|m| m.0).collect();
    let program = asm::assemble(body, &kernel.vmlinux, &names);
    let bytes: Vec<u8> = program.insns.iter().flat_map(|i| i.to_bytes()).collect();
    let mut load = raw_program(&bytes, "case", section, kernel).expect("a program");
    let functions: Vec<usize> = program.functions.into_iter().collect();
    let (btf, func_info) = prog_btf(&functions, global);
    let btf = Arc::new(btf);
    load.btf = Some(btf.clone());
    load.func_info = func_info;
    for (name, map) in &mut maps {
        if let Some(value) = btf.find_by_name_kind(name, Kind::Struct) {
            map.btf = Some(btf.clone());
            map.btf_value_type_id = value.id();
        }
    }
    load.maps = maps.into_iter().map(|m| m.1).collect();
    load.prog_flags |= ProgFlags::TEST_STATE_FREQ;
    if let Some(section) = extended {
        extend(&mut load, section, kernel);
    }
    Case { load, now, without }
}

/// Makes an extension of it, to a program that does nothing.
fn extend(load: &mut ProgLoad, section: &str, kernel: &Kernel) {
    let nothing = asm::assemble("r0 = 0\nexit", &kernel.vmlinux, &[]);
    let bytes: Vec<u8> = nothing.insns.iter().flat_map(|i| i.to_bytes()).collect();
    let mut prog = raw_program(&bytes, "extended", section, kernel).expect("a program");
    let (btf, func_info) = prog_btf(&[0], Global::default());
    let btf_id = func_info[0].type_id;
    (prog.btf, prog.func_info) = (Some(Arc::new(btf)), func_info);
    load.prog_type = ProgType::Ext;
    load.attach = Some(AttachTarget::Prog {
        prog: Arc::new(prog),
        btf_id,
    });
}

fn read_map(text: &str) -> (&str, MapDef) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let map_type = match words[1] {
        "array" | "timer_array" => MapType::Array,
        "arena" => MapType::Arena,
        "ringbuf" => MapType::Ringbuf,
        "prog_array" => MapType::ProgArray,
        "sockmap" => MapType::Sockmap,
        "inner_array" => MapType::Array,
        "xskmap" => MapType::Xskmap,
        "hash" => MapType::Hash,
        other => panic!("no map of type {other} in a case"),
    };
    let n = |i: usize| words[i].parse().expect("a number");
    let mut map = MapDef::new(words[0], map_type, n(2), n(3), n(4));
    if words[1] == "timer_array" {
        let (btf, value) = timer_btf();
        (map.btf, map.btf_value_type_id) = (Some(btf), value);
    }
    if words[1] == "inner_array" {
        map.map_flags |= BPF_F_INNER_MAP;
    }
    if map_type == MapType::Arena {
        map.map_flags |= BPF_F_MMAPABLE;
    }
    (words[0], map)
}

fn verdict(case: &Case, kernel: &Kernel, profile: &Profile) -> (String, String) {
    let options = Options {
        profile: *profile,
        ..Options::default()
    };
    let v = verify(&case.load, kernel, &options);
    let text = match v.outcome {
        Outcome::Accepted => format!("accepted after {} instructions", v.stats.insns_processed),
        Outcome::Rejected(why) => format!("rejected {} {}", why.errno.0, why.message),
        Outcome::NotModelled(what) => format!("not modelled: {what}"),
    };
    (text, v.log)
}

#[test]
fn each_rule_shows() {
    let kernel = kernel();
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules");
    let mut wrong = String::new();
    for rule in Rule::ALL {
        let path = format!("{dir}/{}.txt", rule.name);
        let text = std::fs::read_to_string(&path).expect(&path);
        let case = read_case(&text, &kernel);
        for (profile, want) in [
            (Profile::V7_3, &case.now),
            (Profile::V7_3.without(*rule), &case.without),
        ] {
            let (got, log) = verdict(&case, &kernel, &profile);
            if !got.starts_with(want.as_str()) || want.is_empty() {
                wrong += &format!("{}: {got}, not {want}\n{log}\n", rule.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What running kernels said of the cases, a line an answer: the rule, the release, the verdict.
#[test]
fn a_release_follows_the_rules_that_its_kernel_does() {
    let kernel = kernel();
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules");
    let asked = std::fs::read_to_string(format!("{dir}/asked.txt")).expect("the answers");
    let mut wrong = String::new();
    let mut known = BTreeSet::new();
    for line in asked.lines().filter(|line| !line.starts_with('#')) {
        let [rule, name, want] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}: rule, release, verdict");
        };
        let path = format!("{dir}/{rule}.txt");
        let case = read_case(&std::fs::read_to_string(&path).expect(&path), &kernel);
        let release = Shipped::named(name).expect(name).release;
        let verdict = verify(&case.load, &kernel, &Options::of(release));
        let got = if verdict.accepted() {
            "accepted"
        } else {
            "rejected"
        };
        if got != want {
            wrong += &format!("{rule} on {name}: {got}, not {want}\n{}\n", verdict.log);
        }
        known.insert((rule.to_owned(), name.to_owned()));
    }
    for rule in Rule::ALL {
        let asked = Shipped::ALL
            .iter()
            .any(|of| known.contains(&(rule.name.into(), of.name.into())));
        assert!(asked, "no kernel was asked about {}", rule.name);
    }
    assert!(wrong.is_empty(), "{wrong}");
}
