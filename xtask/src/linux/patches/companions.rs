// SPDX-License-Identifier: GPL-2.0-only
//! What kfunc/ has and the series have not: the iterators over two masks and over a copy. No scheduler
//! in the kernel's tree or in scx needs them, so they are not proposed. Where a file is shared, what
//! is about them is left out of it.

/// What the names of their functions, types and files have.
const NAMES: [&str; 5] = [
    "bpf_iter_cpumask_alloc",
    "cpumask_and",
    "cpumask_pair",
    "cpumask_snapshot",
    "CpumaskPair",
];

/// How the names of the guest's tests begin that need them.
pub(crate) const TESTS: [&str; 10] = [
    "pairs::",
    "snapshot::",
    "no_memory::",
    "refused::and",
    "refused::snapshot",
    "refused::throw",
    "lifetime::masks",
    "faults::two",
    "faults::changed",
    "faults::unplugged",
];

/// `text` without what is about them: whole paragraphs of C, and of Rust's lists single entries with
/// the comment above them.
pub(super) fn without(text: &str) -> String {
    let kept = text.split("\n\n").filter_map(|paragraph| {
        if !is_about(paragraph) {
            return Some(paragraph.to_owned());
        }
        let entries = entries(paragraph);
        (!entries.is_empty() && !paragraph.contains("{\n\t")).then_some(entries)
    });
    kept.collect::<Vec<_>>().join("\n\n")
}

/// Whether it names one of them.
pub(crate) fn is_about(text: &str) -> bool {
    NAMES.iter().any(|name| text.contains(name))
}

/// The lines of `paragraph` that are not about them, nor comments on a line that is.
fn entries(paragraph: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in paragraph.split('\n') {
        if line.trim_start().starts_with('/') {
            comment.push(line);
            continue;
        }
        if !is_about(line) {
            kept.append(&mut comment);
            kept.push(line);
        }
        comment.clear();
    }
    kept.append(&mut comment);
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_loses_entries_and_their_comments() {
        let text = "pub mod cpumask_iter;\npub mod cpumask_pair_iter;\n\nset! {\n    // SAFETY: A.\n    \
             unsafe bpf_iter_cpumask_new,\n    // SAFETY: B,\n    // and more.\n    \
             unsafe bpf_iter_cpumask_and_new,\n    // SAFETY: C.\n    unsafe bpf_nr_cpu_ids,\n}\n";
        assert_eq!(
            without(text),
            "pub mod cpumask_iter;\n\nset! {\n    // SAFETY: A.\n    unsafe bpf_iter_cpumask_new,\n    \
             // SAFETY: C.\n    unsafe bpf_nr_cpu_ids,\n}\n"
        );
    }

    #[test]
    fn c_loses_functions_and_structures() {
        let text = "struct bpf_iter_cpumask {\n\t__u64 a;\n};\n\n/* Of CpumaskPairIter. */\nstruct \
             bpf_iter_cpumask_and {\n\t__u64 a;\n};\n\nint bpf_iter_cpumask_and_new(void)\n{\n\tbody();\n}\n\n\
             u32 bpf_nr_cpu_ids(void)\n{\n\tbody();\n}\n";
        assert_eq!(
            without(text),
            "struct bpf_iter_cpumask {\n\t__u64 a;\n};\n\nu32 bpf_nr_cpu_ids(void)\n{\n\tbody();\n}\n"
        );
    }

    #[test]
    fn c_loses_declarations() {
        let text =
            "int a;\n\n/* Memory. */\nvoid *bpf_iter_cpumask_alloc(size_t size);\n\nint b;\n";
        assert_eq!(without(text), "int a;\n\nint b;\n");
    }

    #[test]
    fn nothing_else_is_touched() {
        let text = "a\n\n\nb\n\t{\n\t}\n";
        assert_eq!(without(text), text);
    }
}
