// SPDX-License-Identifier: GPL-2.0-only
//! What `KfuncSet::register` says, in a kernel that has no more than it uses: its own refusals, and
//! those of C's function, which it passes on.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kfunc.rs");

/// The crate `kernel`. C's function returns `ANSWER` and notes that it was asked.
const KERNEL: &str = r#"
#![allow(dead_code, static_mut_refs, non_upper_case_globals, unexpected_cfgs)]
extern crate self as kernel;
pub mod bindings {
    pub const bpf_prog_type_BPF_PROG_TYPE_UNSPEC: u32 = 0;
    pub const bpf_prog_type_BPF_PROG_TYPE_TRACING: u32 = 26;
    pub const bpf_prog_type_BPF_PROG_TYPE_STRUCT_OPS: u32 = 27;
    pub const bpf_prog_type_BPF_PROG_TYPE_SYSCALL: u32 = 31;
    pub const module_state_MODULE_STATE_LIVE: u32 = 0;
    pub const module_state_MODULE_STATE_COMING: u32 = 1;
    pub const module_state_MODULE_STATE_GOING: u32 = 2;
    pub const system_states_SYSTEM_RUNNING: u32 = 4;
    pub struct btf_id_set8;
    pub struct module { pub state: u32, pub btf_data_size: u32 }
    pub struct btf_kfunc_id_set {
        pub owner: *mut module,
        pub set: *mut btf_id_set8,
        pub filter: Option<fn()>,
    }
    pub static mut system_state: u32 = 0;
    pub static mut ANSWER: i32 = 0;
    pub static mut ASKED: Vec<u32> = Vec::new();
    pub unsafe fn register_btf_kfunc_id_set(hook: u32, kset: &btf_kfunc_id_set) -> i32 {
        assert!(!kset.set.is_null() && kset.filter.is_none());
        unsafe { ASKED.push(hook); ANSWER }
    }
}
pub mod error {
    #[derive(Debug, PartialEq)]
    pub struct Error(pub i32);
    pub type Result<T = (), E = Error> = core::result::Result<T, E>;
    pub fn to_result(error: i32) -> Result { if error < 0 { Err(Error(error)) } else { Ok(()) } }
}
pub mod prelude {
    pub use crate::error::{Error, Result};
    pub const EBUSY: Error = Error(-16);
    pub const ENOEXEC: Error = Error(-8);
    pub struct ThisModule(pub *mut crate::bindings::module);
    unsafe impl Sync for ThisModule {}
    impl ThisModule { pub fn as_ptr(&self) -> *mut crate::bindings::module { self.0 } }
    macro_rules! pr_err { ($($said:tt)*) => { print!($($said)*) } }
    pub(crate) use pr_err;
}
pub mod sync { pub mod atomic {
    pub struct Relaxed;
    pub unsafe fn atomic_load(word: *mut u32, _: Relaxed) -> u32 { unsafe { *word } }
} }
"#;

/// A module that is in `state`, with this much BTF, or what is built in.
fn module(state: &str, btf: u32) -> String {
    format!(
        "ThisModule(Box::leak(Box::new(module {{ state: module_state_MODULE_STATE_{state}, \
         btf_data_size: {btf} }})))"
    )
}

const BUILT_IN: &str = "ThisModule(core::ptr::null_mut())";

/// What registering for tracing says in a kernel configured with `options`, of `module`, when the
/// system is in `system_state` and C's function returns `answer`.
fn said(options: &[&str], module: &str, system_state: u32, answer: i32) -> String {
    let mut source = KERNEL.to_owned();
    let main = format!(
        "#[path = {SOURCE:?}] pub mod kfunc;
         use bindings::*; use prelude::*;
         static SET: btf_id_set8 = btf_id_set8;
         fn main() {{
             let set = unsafe {{ kfunc::KfuncSet::from_raw(&raw const SET) }};
             let set: &'static kfunc::KfuncSet = Box::leak(Box::new(set));
             let module: &'static ThisModule = Box::leak(Box::new({module}));
             unsafe {{ system_state = {system_state}; ANSWER = {answer}; }}
             let said = set.register(kfunc::Hook::Tracing, module);
             print!(\"{{said:?}} {{:?}}\", unsafe {{ &*&raw const ASKED }});
         }}"
    );
    write!(source, "{main}").expect("a string grows");

    let dir = tempdir(&format!("{options:?} {module} {system_state} {answer}"));
    let (file, program) = (dir.clone() + ".rs", dir);
    fs::write(&file, source).expect("a place for the test");
    let mut rustc = Command::new("rustc");
    rustc.args([
        "--edition=2021",
        "--crate-name=register",
        "-o",
        &program,
        &file,
    ]);
    for option in options {
        rustc.args(["--cfg", option]);
    }
    let ended = rustc.output().expect("rustc, which built this test");
    let complaint = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{complaint}");
    let ended = Command::new(&program).output().expect("it runs");
    fs::remove_file(&program).expect("it is ours");
    String::from_utf8(ended.stdout).expect("words")
}

/// A path that no other case has.
fn tempdir(case: &str) -> String {
    let name: String = case.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}/register-{name}", env!("CARGO_TARGET_TMPDIR"))
}

const MODULES: &[&str] = &[
    "CONFIG_MODULES",
    "CONFIG_DEBUG_INFO_BTF",
    "CONFIG_DEBUG_INFO_BTF_MODULES",
];
const NO_MODULE_BTF: &[&str] = &["CONFIG_MODULES", "CONFIG_DEBUG_INFO_BTF"];
const NO_BTF: &[&str] = &["CONFIG_MODULES"];
const NO_MODULES: &[&str] = &["CONFIG_DEBUG_INFO_BTF"];

const NO_MEMORY: i32 = -12;
const INVALID: i32 = -22;

#[test]
fn a_module_registers_in_its_init_alone() {
    let registers = "Ok(()) [26]";
    assert_eq!(said(MODULES, &module("COMING", 1), 4, 0), registers);
    for state in ["LIVE", "GOING"] {
        let busy = said(MODULES, &module(state, 1), 4, 0);
        assert_eq!(busy, "Err(Error(-16)) []", "{state}");
    }
}

#[test]
fn what_is_built_in_registers_before_the_system_runs() {
    for options in [MODULES, NO_MODULES] {
        assert_eq!(said(options, BUILT_IN, 3, 0), "Ok(()) [26]");
        assert_eq!(said(options, BUILT_IN, 4, 0), "Err(Error(-16)) []");
    }
}

#[test]
fn without_btf_there_is_nothing_to_register() {
    let why =
        "no BTF comes with the module, so no program could call its kfuncs\nErr(Error(-8)) []";
    assert_eq!(said(MODULES, &module("COMING", 0), 4, 0), why);
    assert_eq!(said(NO_MODULE_BTF, &module("COMING", 1), 4, 0), why);
    assert_eq!(said(NO_BTF, BUILT_IN, 3, 0), why);
}

#[test]
fn what_c_says_is_passed_on() {
    for answer in [NO_MEMORY, INVALID] {
        let refused = said(MODULES, &module("COMING", 1), 4, answer);
        assert_eq!(refused, format!("Err(Error({answer})) [26]"));
    }
}
