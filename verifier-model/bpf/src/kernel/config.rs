// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's configuration, as sorted text: some thousand options, of which a program asks for a few.

use std::borrow::Cow;
use std::cmp::Ordering;

/// `CONFIG_*` and values as in `.config` (`y`, `m`, `0x10`, `"text"`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Lines as of `.config`, in the order of names, each once and ended.
    lines: Cow<'static, str>,
}

impl Config {
    /// Of a `.config`. Of an option that is there twice the last value holds.
    pub fn of(text: &str) -> Self {
        let options = text.lines().filter(|line| line.starts_with("CONFIG_"));
        let mut options: Vec<(&str, &str)> = options.filter_map(|l| l.split_once('=')).collect();
        options.sort_by_key(|(name, _)| *name);
        let mut lines = String::with_capacity(text.len());
        for same in options.chunk_by(|a, b| a.0 == b.0) {
            lines.extend(same.last().map(|(name, value)| format!("{name}={value}\n")));
        }
        let lines = lines.into();
        Self { lines }
    }

    /// What [`Config::as_text`] gave.
    pub const fn of_sorted(lines: &'static str) -> Self {
        let lines = Cow::Borrowed(lines);
        Self { lines }
    }

    /// All options, sorted.
    pub fn as_text(&self) -> &str {
        &self.lines
    }

    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (mut lines, ended) = (&*self.lines, |byte: &u8| *byte == b'\n');
        loop {
            let (before, behind) = lines.as_bytes().split_at(lines.len() / 2);
            let start = before.iter().rposition(ended).map_or(0, |end| end + 1);
            let end = before.len() + behind.iter().position(ended)?;
            let (found, value) = lines[start..end].split_once('=')?;
            lines = match name.cmp(found) {
                Ordering::Less => &lines[..start],
                Ordering::Equal => return Some(value),
                Ordering::Greater => &lines[end + 1..],
            };
        }
    }

    /// Whether the kernel is built without an option. One whose configuration is not known, or not as a
    /// whole, lacks none: every kernel that takes programs has `CONFIG_BPF_SYSCALL`.
    pub fn lacks(&self, name: &str) -> bool {
        let set = |name| self.get(name) == Some("y");
        !set(name) && set("CONFIG_BPF_SYSCALL")
    }

    /// Gives an option a value.
    pub fn set(&mut self, name: &str, value: &str) {
        *self = Self::of(&format!("{}{name}={value}\n", self.lines));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_found_and_no_other() {
        let names: Vec<String> = (0..300).map(|i| format!("CONFIG_{}X{i}", i % 7)).collect();
        let lines = names.iter().map(|name| format!("{name}=\"é{name}\"\n"));
        let config = Config::of(&lines.collect::<String>());
        for name in &names {
            assert_eq!(config.get(name), Some(&*format!("\"é{name}\"")));
            assert_eq!(
                config.get(&name[..name.len() - 1]).is_some(),
                names.contains(&name[..name.len() - 1].to_owned())
            );
        }
        for name in ["", "CONFIG_", "CONFIG_Z", "=", "A"] {
            assert_eq!(config.get(name), None, "{name}");
            assert_eq!(Config::default().get(name), None);
        }
    }

    #[test]
    fn the_last_value_holds() {
        let mut config =
            Config::of("# CONFIG_A is not set\nCONFIG_B=1=2\nCONFIG_A=y\nCONFIG_B=m\n");
        assert_eq!(config.as_text(), "CONFIG_A=y\nCONFIG_B=m\n");
        config.set("CONFIG_A", "a=b");
        assert_eq!(config.get("CONFIG_A"), Some("a=b"));
        assert_eq!(config, Config::of(config.as_text()));
    }
}
