// SPDX-License-Identifier: GPL-2.0-only
//! A table of a release: a text file, read when something is asked of it.
//!
//! Lines that begin with `#` are comments. `build.rs` reads every table that comes with the crate, so
//! that a mistake in one ends the build and says where it is.

use std::ops::Deref;
use std::sync::OnceLock;

/// A text and what it says.
pub(crate) struct Table<T> {
    file: &'static str,
    text: &'static str,
    read: OnceLock<T>,
}

/// What a text can be read as, line by line.
pub(crate) trait Lines: Default {
    /// Takes in a line that is neither empty nor a comment; else says what is wrong with it.
    fn line(&mut self, line: &'static str) -> Result<(), String>;

    /// Comes behind the last line: what can be said only of all together.
    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}

impl<T: Lines> Table<T> {
    /// The table of a file.
    pub(crate) const fn new(file: &'static str, text: &'static str) -> Self {
        Self {
            file,
            text,
            read: OnceLock::new(),
        }
    }

    /// The file, and what stands in it.
    pub(crate) const fn source(&self) -> (&'static str, &'static str) {
        (self.file, self.text)
    }

    /// Reads it; a mistake is told with its file and line.
    pub(crate) fn read(&self) -> Result<T, String> {
        let mut table = T::default();
        for (i, line) in self.text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let wrong = |what| format!("{}:{}: {what}", self.file, i + 1);
            table.line(line).map_err(wrong)?;
        }
        let wrong = |what| format!("{}: {what}", self.file);
        table.finish().map_err(wrong)?;
        Ok(table)
    }
}

impl<T: Lines> Deref for Table<T> {
    type Target = T;

    /// # Panics
    ///
    /// If the text has a mistake.
    fn deref(&self) -> &T {
        self.read
            .get_or_init(|| self.read().unwrap_or_else(|mistake| panic!("{mistake}")))
    }
}

/// What stands before and behind an equals sign.
pub(crate) fn pair(word: &'static str) -> Result<(&'static str, &'static str), String> {
    word.split_once('=')
        .ok_or_else(|| format!("'{word}' has no value"))
}

/// The constant of this name among `all`, whose names begin with `prefix`.
pub(crate) fn constant<T: Copy>(
    all: &[T],
    name_of: fn(T) -> &'static str,
    prefix: &str,
    name: &str,
) -> Result<T, String> {
    let is = |t: &&T| name_of(**t).strip_prefix(prefix) == Some(name);
    let found = all.iter().find(is).copied();
    found.ok_or_else(|| format!("nothing is called {prefix}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Numbers(Vec<u32>);

    impl Lines for Numbers {
        fn line(&mut self, line: &'static str) -> Result<(), String> {
            let n = line
                .trim()
                .parse()
                .map_err(|_| format!("'{line}' is no number"))?;
            self.0.push(n);
            Ok(())
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let good: Table<Numbers> = Table::new("good.txt", "# some\n1\n\n  2\n");
        assert_eq!(good.0, [1, 2]);
        let bad: Table<Numbers> = Table::new("bad.txt", "# some\n1\nx\n");
        let mistake = bad.read().map(|_| ());
        assert_eq!(mistake, Err("bad.txt:3: 'x' is no number".into()));
    }
}
