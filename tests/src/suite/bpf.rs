// SPDX-License-Identifier: GPL-2.0-only
//! A BPF object in the kernel: its programs to run, its global variables to
//! read and write, and the verifier's log if it was refused.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, ensure};
use libbpf_rs::{
    Link, MapCore, MapFlags, Object, ObjectBuilder, OpenObject, PrintLevel, ProgramInput,
    ProgramMut, set_print,
};
use object::{Object as _, ObjectSection, ObjectSymbol};

use crate::verified;

/// Where the initramfs keeps the compiled programs.
pub(super) const OBJECTS: &str = "/bpf";

/// What libbpf said since the last [`open`]; the verifier's log is in it.
static LOG: Mutex<String> = Mutex::new(String::new());

/// A loaded object.
pub(super) struct Bpf {
    object: Object,
    variables: HashMap<String, Variable>,
}

/// Where a global variable lies: libbpf turns each data section into an array
/// map with a single value, the section's bytes.
struct Variable {
    section: String,
    offset: usize,
    size: usize,
}

impl Bpf {
    /// Loads `/bpf/NAME.bpf.o` with all its programs. If the kernel refuses
    /// one, the error ends with the verifier's log.
    pub(super) fn load(name: &str) -> Result<Self> {
        Self::load_some(name, |_| true)
    }

    /// The same with one of its programs alone.
    pub(super) fn load_one(name: &str, program: &str) -> Result<Self> {
        Self::load_some(name, |other| other == program)
    }

    /// The same with those that are `wanted`.
    pub(super) fn load_some(name: &str, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        Self::load_told(name, &[], wanted)
    }

    /// The same, with constants of 4 bytes that are filled in before.
    pub(super) fn load_told(
        name: &str,
        constants: &[(&str, u32)],
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let path = Path::new(OBJECTS).join(format!("{name}.bpf.o"));
        let mut object = open(&path)?;
        let variables = variables(&path)?;
        for (constant, value) in constants {
            let variable = variables.get(*constant);
            let variable = variable.with_context(|| format!("no variable {constant}"))?;
            let mut maps = object.maps_mut();
            let mut section = maps.find(|map| is_of(map.name(), &variable.section));
            let bytes = section
                .as_mut()
                .and_then(|section| section.initial_value_mut())
                .with_context(|| format!("no map {}", variable.section))?;
            bytes[variable.offset..][..4].copy_from_slice(&value.to_ne_bytes());
        }
        for mut program in object.progs_mut() {
            let wanted = program.name().to_str().is_some_and(&wanted);
            program.set_autoload(wanted && program.autoload());
        }
        let object = object
            .load()
            .map_err(|error| anyhow!("{name} was refused: {error}\n{}", log()))?;
        Ok(Self { object, variables })
    }

    /// Runs a program once, without a context, by `BPF_PROG_TEST_RUN`.
    pub(super) fn run(&self, program: &str) -> Result<u32> {
        self.run_with(program, ProgramInput::default())
    }

    /// Runs a program on an input; gives what the program returned.
    pub(super) fn run_with(&self, program: &str, input: ProgramInput<'_>) -> Result<u32> {
        let output = self.program(program)?.test_run(input);
        Ok(output
            .with_context(|| format!("cannot run {program}"))?
            .return_value)
    }

    /// Attaches a program where its section name says.
    pub(super) fn attach(&self, program: &str) -> Result<Link> {
        let link = self.program(program)?.attach();
        link.with_context(|| format!("cannot attach {program}"))
    }

    /// Attaches the `struct_ops` map of this name.
    pub(super) fn attach_struct_ops(&mut self, name: &str) -> Result<Link> {
        let mut maps = self.object.maps_mut();
        let mut map = maps
            .find(|map| map.name() == name)
            .with_context(|| format!("no map {name}"))?;
        let link = map.attach_struct_ops();
        link.with_context(|| format!("cannot attach {name}"))
    }

    /// The program of this name.
    pub(super) fn program(&self, name: &str) -> Result<ProgramMut<'_>> {
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == name);
        program.with_context(|| format!("no program {name}"))
    }

    /// How many instructions of it the verifier looked at.
    pub(super) fn verified(&self, program: &str) -> Result<u32> {
        Ok(verified::info(&self.program(program)?)?.verified_insns)
    }

    /// The CPUs that a `struct walk` variable recorded, in the order of the walk.
    pub(super) fn walk(&self, variable: &str) -> Result<Vec<u32>> {
        let bytes = self.read(variable)?;
        let mut words = bytes
            .chunks_exact(4)
            .map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let len = words.next().context("an empty walk variable")? as usize;
        let room = words.len();
        ensure!(
            len <= room,
            "{variable}: {len} steps, and a walk ends after {room} at most"
        );
        Ok(words.take(len).collect())
    }

    /// A variable that is an array of `__u32`.
    pub(super) fn words(&self, variable: &str) -> Result<Vec<u32>> {
        Ok(words(&self.read(variable)?))
    }

    /// An entry of an array map whose value is an array of `__u32`.
    pub(super) fn row(&self, map: &str, key: u32) -> Result<Vec<u32>> {
        let value = self.map(map)?.lookup(&key.to_ne_bytes(), MapFlags::ANY)?;
        Ok(words(
            &value.with_context(|| format!("{map} has no {key}"))?,
        ))
    }

    /// An `int` or `__u32` variable.
    pub(super) fn get(&self, variable: &str) -> Result<u32> {
        let bytes = self.read(variable)?;
        let word = bytes
            .try_into()
            .map_err(|_| anyhow!("{variable} is not of 4 bytes"))?;
        Ok(u32::from_ne_bytes(word))
    }

    /// A variable of 8 bytes.
    pub(super) fn get_u64(&self, variable: &str) -> Result<u64> {
        let word = self.read(variable)?.try_into();
        let word = word.map_err(|_| anyhow!("{variable} is not of 8 bytes"))?;
        Ok(u64::from_ne_bytes(word))
    }

    /// Writes an `int` or `__u32` variable.
    pub(super) fn set(&self, variable: &str, value: u32) -> Result<()> {
        self.write(variable, &value.to_ne_bytes())
    }

    /// Sets every byte of a variable to zero.
    pub(super) fn clear(&self, variable: &str) -> Result<()> {
        let size = self.variable(variable)?.size;
        self.write(variable, &vec![0; size])
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let variable = self.variable(name)?;
        let section = self.section(&variable.section)?;
        Ok(section[variable.offset..][..variable.size].to_vec())
    }

    /// Writes a whole variable.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let variable = self.variable(name)?;
        ensure!(
            bytes.len() == variable.size,
            "{name} is of {} bytes",
            variable.size
        );
        let mut section = self.section(&variable.section)?;
        section[variable.offset..][..variable.size].copy_from_slice(bytes);
        self.map(&variable.section)?
            .update(&0u32.to_ne_bytes(), &section, MapFlags::ANY)?;
        Ok(())
    }

    /// How many bytes a variable has.
    pub(super) fn size(&self, variable: &str) -> Result<usize> {
        Ok(self.variable(variable)?.size)
    }

    fn variable(&self, name: &str) -> Result<&Variable> {
        self.variables
            .get(name)
            .with_context(|| format!("no variable {name}"))
    }

    fn section(&self, section: &str) -> Result<Vec<u8>> {
        let bytes = self
            .map(section)?
            .lookup(&0u32.to_ne_bytes(), MapFlags::ANY)?;
        bytes.with_context(|| format!("section {section} is empty"))
    }

    /// The map of this name, or of this section: libbpf names the latter after the object and the
    /// section, `walk.bss`.
    pub(super) fn map(&self, section: &str) -> Result<impl MapCore> {
        let mut maps = self.object.maps();
        let map = maps.find(|map| is_of(map.name(), section));
        map.with_context(|| format!("no map {section}"))
    }
}

/// Whether a map is the one of this name, or of this section.
fn is_of(map: &OsStr, section: &str) -> bool {
    map.as_encoded_bytes().ends_with(section.as_bytes())
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let words = bytes.as_chunks().0.iter();
    words.map(|word| u32::from_ne_bytes(*word)).collect()
}

/// Opens an object, and from here on keeps what libbpf says for [`log`].
pub(super) fn open(path: &Path) -> Result<OpenObject> {
    set_print(Some((PrintLevel::Info, |_, text| {
        LOG.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&text);
    })));
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let opened = ObjectBuilder::default().open_file(path);
    opened.with_context(|| format!("cannot open {}", path.display()))
}

/// What libbpf and the verifier said about the object opened last.
pub(super) fn log() -> String {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The objects of a directory under [`OBJECTS`], by name: the path and its stem.
pub(super) fn objects(directory: &str) -> Result<Vec<(String, PathBuf)>> {
    let directory = Path::new(OBJECTS).join(directory);
    let mut found = Vec::new();
    let entries = fs::read_dir(&directory);
    for entry in entries.with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if let Some(name) = name.strip_suffix(".bpf.o") {
            found.push((name.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// The global variables of an object file, by name.
fn variables(path: &Path) -> Result<HashMap<String, Variable>> {
    let bytes = fs::read(path)?;
    let file = object::File::parse(&*bytes)?;
    let mut variables = HashMap::new();
    for symbol in file.symbols() {
        let Some(section) = symbol.section_index() else {
            continue;
        };
        let section = file.section_by_index(section)?.name()?;
        if symbol.is_definition() && symbol.size() > 0 && section.starts_with(['.']) {
            let variable = Variable {
                section: section.to_owned(),
                offset: symbol.address().try_into()?,
                size: symbol.size().try_into()?,
            };
            variables.insert(symbol.name()?.to_owned(), variable);
        }
    }
    Ok(variables)
}
