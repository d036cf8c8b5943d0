// SPDX-License-Identifier: GPL-2.0-only
//! Messages that the model has and an image has not: the kernel words them otherwise, or has no such
//! check. Formats stand in the image as they are in the sources, so that nothing need be rejected to
//! know it.

use std::path::Path;

use anyhow::{Context, Result};

use super::image::Image;
use crate::linux::release::Release;
use crate::workshop::files::read;

/// Shorter pieces of a message are in any image.
const PIECE: usize = 8;
/// Where messages of the newest release end in `messages.txt`: what follows is put together of pieces,
/// or older.
const OTHERS: &str = "\n# What 7.3 says in words that the model puts together.";
/// The words of a release, in its folder.
const WORDS: &str = "words.txt";

/// Those of `data`, the model's tables, that the image of a kernel of `series` has not, and that no
/// release from it on is known to word otherwise.
pub(super) fn lacking(image: &Image, data: &Path, series: Release) -> Result<Vec<String>> {
    let messages = read(&data.join("messages.txt"))?;
    let advice = read(&data.join("advice.txt"))?;
    let newest = messages.split(OTHERS).next().unwrap_or_default();
    let own = newest
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
    let all = own.chain(
        advice
            .lines()
            .filter_map(|line| line.strip_prefix("match: ")),
    );
    let known = reworded(data, series)?;
    let texts = image.texts();
    let lacking = all.filter(|message| {
        let pieces = pieces(message);
        pieces.iter().any(|piece| !texts.contains(*piece)) && !known.contains(&owned(&pieces))
    });
    Ok(lacking.map(str::to_owned).collect())
}

/// The messages that releases from `series` on word otherwise, in pieces.
fn reworded(data: &Path, series: Release) -> Result<Vec<Vec<String>>> {
    let mut known = Vec::new();
    for entry in std::fs::read_dir(data).with_context(|| data.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let release = name.strip_prefix("linux-").map(str::parse::<Release>);
        if !release.is_some_and(|release| release.is_ok_and(|release| release >= series)) {
            continue;
        }
        for line in read(&path.join(WORDS))?.lines() {
            if let Some((message, _)) = line.split_once("=>") {
                known.push(owned(&pieces(message)));
            }
        }
    }
    Ok(known)
}

/// What of a message is no hole, as `*` or `{reg}` is one, and no name of a kind before it.
fn pieces(message: &str) -> Vec<&str> {
    let message = match message.split_once("] ") {
        Some((kind, rest)) if kind.starts_with('[') => rest,
        _ => message,
    };
    // A register is a hole with its letter in some messages and without it in others.
    let message = message.strip_prefix("R*").unwrap_or(message);
    let between = message
        .split(['*', '{'])
        .map(|piece| match piece.split_once('}') {
            Some((hole, rest)) if !hole.contains(' ') => rest,
            _ => piece,
        });
    between
        .map(str::trim)
        .filter(|piece| piece.len() >= PIECE)
        .collect()
}

fn owned(pieces: &[&str]) -> Vec<String> {
    pieces.iter().map(|&piece| piece.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_same_in_both_notations() {
        let one = pieces("R* unbounded memory access, use '*' or *");
        assert_eq!(one, ["unbounded memory access, use '"]);
        let line = "[length] {reg} unbounded memory access, use '{what}' or {other}";
        assert_eq!(pieces(line), one);
        assert!(pieces("R* is *").is_empty());
        let list = "can't spin_{lock,unlock} in rbtree cb";
        assert_eq!(pieces(list), ["can't spin_", "in rbtree cb"]);
    }

    #[test]
    fn what_a_later_release_words_otherwise_is_known() {
        let data = tempfile::tempdir().unwrap();
        for (release, line) in [
            ("6.12", "a leak of it =>"),
            ("7.1", "{reg} is a dynptr => x"),
        ] {
            let dir = data.path().join(format!("linux-{release}"));
            std::fs::create_dir(&dir).unwrap();
            std::fs::write(dir.join(WORDS), format!("# why\n{line}\n")).unwrap();
        }
        let known = |series: &str| reworded(data.path(), series.parse().unwrap()).unwrap();
        assert_eq!(known("6.18"), [["is a dynptr"]]);
        assert_eq!(known("6.12").len(), 2);
    }
}
