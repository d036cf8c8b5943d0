// SPDX-License-Identifier: GPL-2.0-only
//! The tables of a release: one file each.

use bpf::kernel::kfuncs::KfuncTable;

use crate::facts::btf_sets::BtfSets;
use crate::facts::btf_struct_access::BtfStructAccess;
use crate::facts::ctx_fields::CtxFields;
use crate::facts::error_injection::ErrorInjection;
use crate::facts::helpers::Helpers;
use crate::facts::hook_args::{IterArgs, RawTpNullArgs};
use crate::facts::maps::Maps;
use crate::facts::struct_ops_types::StructOpsTypes;
use crate::facts::table::Table;
use crate::facts::words::Words;

/// Kfuncs of this project's modules, on whatever kernel.
const MODULE_KFUNCS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/data/modules/kfuncs.txt"
));

macro_rules! tables {
    ($($(#[$meta:meta])* $table:ident: $type:ty;)*) => {
        /// What a release says in tables, each read when something is asked of it.
        pub(crate) struct Tables {
            $($(#[$meta])* pub(crate) $table: Table<$type>,)*
            kfuncs: Text,
        }

        /// The files of a release.
        #[derive(Clone, Copy)]
        pub(crate) struct Texts {
            $($(#[$meta])* pub(crate) $table: Text,)*
            /// Kfuncs, their flags, and who may call them.
            pub(crate) kfuncs: Text,
        }

        impl Texts {
            /// Takes `text` for the file of this name, if there is such a table.
            pub(crate) fn set(&mut self, name: &str, text: Text) -> bool {
                $(if name == concat!(stringify!($table), ".txt") {
                    self.$table = text;
                    return true;
                })*
                let known = name == "kfuncs.txt";
                if known {
                    self.kfuncs = text;
                }
                known
            }
        }

        impl Tables {
            /// The tables in these files.
            pub(crate) const fn new(texts: Texts) -> Self {
                Self {
                    $($table: Table::new(texts.$table.file, texts.$table.text),)*
                    kfuncs: texts.kfuncs,
                }
            }

            /// The files that they are read from.
            pub(crate) fn texts(&self) -> Texts {
                Texts {
                    $($table: Text::of(self.$table.source()),)*
                    kfuncs: self.kfuncs,
                }
            }

            /// Reads all of them, as `build.rs` does; a mistake is told with its file and line.
            pub(crate) fn check(&self) -> Result<(), String> {
                $(self.$table.read().map(drop)?;)*
                self.kfuncs().map(drop)
            }
        }
    };
}

tables! {
    /// Helpers, their prototypes, and who may call them.
    helpers: Helpers;
    /// Types of maps.
    maps: Maps;
    /// Lists of functions and structures that the verifier tells apart.
    btf_sets: BtfSets;
    /// Fields of contexts and sockets.
    ctx_fields: CtxFields;
    /// Arguments of BPF iterators.
    iter_args: IterArgs;
    /// Arguments of raw tracepoints.
    raw_tp_null_args: RawTpNullArgs;
    /// Functions that may be made to fail.
    error_injection: ErrorInjection;
    /// struct_ops types.
    struct_ops: StructOpsTypes;
    /// Fields of kernel structures that programs may write.
    btf_struct_access: BtfStructAccess;
    /// Messages that the next release words otherwise.
    words: Words;
}

impl Tables {
    /// Kfuncs, their flags, and who may call them: the release's and those of this project's modules. They
    /// become a kernel's ([`Kernel::kfuncs`](bpf::kernel::Kernel::kfuncs)), which may have modules with more.
    pub(crate) fn kfuncs(&self) -> Result<KfuncTable, String> {
        let wrong = |e| format!("{}: {e}", self.kfuncs.file);
        let text = [self.kfuncs.text, MODULE_KFUNCS].concat();
        KfuncTable::parse(&text).map_err(wrong)
    }
}

/// A file and what stands in it.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    /// Where it is, below the crate's folder.
    pub(crate) file: &'static str,
    /// What stands in it.
    pub(crate) text: &'static str,
}

impl Text {
    const fn of((file, text): (&'static str, &'static str)) -> Self {
        Self { file, text }
    }
}
