// SPDX-License-Identifier: GPL-2.0-only
//! What compilers say of the files that a patch touches.

/// The warnings of `log` on `files`, each as `file: message`: a patch moves lines, so none has a
/// number. C compilers give the place first, Rust's give it after:
///
/// ```text
/// /src/kernel/bpf/core.c:9:2: warning: no previous prototype for 'f'
///
/// warning: unused variable: `x`
///   --> /src/rust/kernel/kfunc.rs:9:2
/// ```
pub(super) fn of(log: &str, files: &[&str]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut rust = None;
    for line in log.lines() {
        let line = line.trim();
        if let Some(message) = line.strip_prefix("warning: ") {
            rust = Some(message);
        } else if let Some(place) = line.strip_prefix("--> ") {
            let file = file_of(place, files);
            warnings.extend(rust.zip(file).map(|(said, file)| format!("{file}: {said}")));
            rust = None;
        } else if let Some((place, said)) = line.split_once(": warning: ") {
            let file = file_of(place, files);
            warnings.extend(file.map(|file| format!("{file}: {said}")));
        }
    }
    warnings
}

/// Which of `files` the `place`, as `path:line:column`, is in.
fn file_of<'a>(place: &str, files: &[&'a str]) -> Option<&'a str> {
    let path = place.split(':').next()?;
    let is = |file: &str| {
        let dir = path.strip_suffix(file);
        dir.is_some_and(|dir| dir.is_empty() || dir.ends_with('/'))
    };
    files.iter().copied().find(|file| is(file))
}

/// The warnings of `after` that `before` has not.
pub(super) fn added(before: &[String], after: Vec<String>) -> Vec<String> {
    let mut known: Vec<&String> = before.iter().collect();
    let is_new = |warning: &String| match known.iter().position(|other| *other == warning) {
        Some(at) => {
            known.swap_remove(at);
            false
        }
        None => true,
    };
    after.into_iter().filter(is_new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "  CC      kernel/bpf/core.o\n\
        /src/kernel/bpf/core.c:9:2: warning: no prototype for 'f' [-Wmissing]\n\
        /src/kernel/bpf/other.c:9:2: warning: no prototype for 'f' [-Wmissing]\n\
        /src/kernel/bpf/core.c:19:2: warning: no prototype for 'f' [-Wmissing]\n\
        warning: unused variable: `x`\n  --> rust/kernel/kfunc.rs:9:2\n   |\n\
        warning: unused variable: `y`\n  --> rust/kernel/time.rs:9:2\n   |\n\
        warning: 2 warnings emitted\n";

    #[test]
    fn only_touched_files_count() {
        let c = "kernel/bpf/core.c: no prototype for 'f' [-Wmissing]";
        let rust = "rust/kernel/kfunc.rs: unused variable: `x`";
        let files = ["kernel/bpf/core.c", "rust/kernel/kfunc.rs"];
        assert_eq!(of(LOG, &files), [c, c, rust]);
        assert!(of(LOG, &["ore.c", "bpf/core.h"]).is_empty());
    }

    #[test]
    fn a_second_of_the_same_is_new() {
        let list = |names: &[&str]| names.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        assert_eq!(added(&list(&["a"]), list(&["a", "b", "a"])), ["b", "a"]);
        assert!(added(&list(&["a", "b"]), list(&["a"])).is_empty());
    }
}
