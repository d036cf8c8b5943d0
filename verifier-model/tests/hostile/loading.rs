// SPDX-License-Identifier: GPL-2.0-only
//! Bytes that nobody checked, given to what reads files and settings before an object is loaded. For
//! `tests/hostile_loading.rs` and the targets in `fuzz/`.

use std::sync::{Arc, LazyLock};

use bpf::btf::{Btf, BtfBuilder};
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Loader, Object, PrepareOptions, SetMap, find_objects};

/// An object with variables of many types.
const VARIABLES: &[u8] = include_bytes!("../../command/tests/loading/variables.elf");

/// An object with maps as they were declared before BTF.
const LEGACY: &[u8] = include_bytes!("../../command/tests/loading/legacy.elf");

/// Without types, so that loading is all that takes time.
static KERNEL: LazyLock<Kernel> = LazyLock::new(|| {
    let empty = Btf::from_bytes(&BtfBuilder::default().build(), None);
    Kernel::new(Arc::new(empty.expect("it is sound")))
});

/// A program with objects in it.
pub(crate) fn executable(data: &[u8]) {
    let mut end = 0;
    for found in find_objects(data) {
        assert!(found.offset >= end, "they do not overlap");
        end = found.offset + found.data.len();
        assert_eq!(found.data, &data[found.offset..end]);
        load(found.data, Loader::Auto);
    }
}

/// An object, as each loader takes it.
pub(crate) fn loaders(data: &[u8]) {
    for loader in [Loader::Auto, Loader::Libbpf, Loader::Aya, Loader::Cilium] {
        load(data, loader);
    }
}

/// Lines `NAME=VALUE` for variables; what comes behind a 0 is a section of them.
pub(crate) fn variables(data: &[u8]) {
    let mut object = Object::open(VARIABLES, "variables").expect("it is sound");
    let mut parts = data.splitn(2, |&b| b == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let _ = object.set_variable(name.trim(), value.trim());
    }
    if let Some(bytes) = parts.next() {
        let _ = object.set_data(".rodata", bytes);
    }
    prepare(&object);
}

/// Words for the sizes of a map, of whatever type a byte says.
pub(crate) fn maps(data: &[u8]) {
    let mut words = data.as_chunks().0.iter().map(|w| u32::from_le_bytes(*w));
    let mut elf = LEGACY.to_vec();
    // The definition of `counts`: type 2, key 4, value 8, 16 entries.
    let definition = [2u8, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0, 0];
    let at = elf.windows(16).position(|w| w == definition);
    if let (Some(at), Some(map_type)) = (at, words.next()) {
        elf[at..at + 4].copy_from_slice(&(map_type % 40).to_le_bytes());
    }
    let Ok(mut object) = Object::open(&elf, "legacy") else {
        return;
    };
    let set = SetMap {
        key_size: words.next(),
        value_size: words.next(),
        max_entries: words.next(),
        map_flags: words.next(),
        autocreate: words.next().map(|word| word & 1 == 0),
    };
    let _ = object.set_map("counts", set);
    let _ = object.set_inner_map("counts", "hashed");
    prepare(&object);
}

fn load(data: &[u8], loader: Loader) {
    if let Ok(object) = Object::open_for(data, "hostile", loader) {
        let _ = object.source_name();
        prepare(&object);
    }
}

fn prepare(object: &Object) {
    let options = PrepareOptions {
        autoload: Autoload::All,
        ..PrepareOptions::default()
    };
    if let Ok(prepared) = object.prepare(&KERNEL, &options) {
        prepared.for_each(drop);
    }
}
