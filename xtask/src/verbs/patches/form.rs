// SPDX-License-Identifier: GPL-2.0-only
//! The form of a series as mails: subjects, numbers, the cover letter, and what only the person who
//! sends it can add.

use anyhow::{Result, ensure};

use super::stat;
use crate::linux::patches::named::Named;
use crate::linux::patches::series::Patch;

/// How long a subject may be without its brackets; the kernel's documentation says 70 to 75.
const SUBJECT: usize = 75;

/// What a mail's subject says.
#[derive(Debug, PartialEq, Eq)]
struct Subject<'a> {
    /// In the brackets: the tree it is for, its number, of how many.
    brackets: &'a str,
    /// `area: What is done`.
    text: &'a str,
}

/// Checks the mails of `series`.
pub(super) fn check(series: &Named) -> Result<()> {
    let Named {
        name, own, cover, ..
    } = series;
    let count = own.patches.len();
    ensure!(
        cover.is_some() == (count > 1),
        "{name}: a cover letter comes with more than one patch, and only then"
    );
    let mut subjects = Vec::new();
    for (number, patch) in (1..).zip(&own.patches) {
        let whole = unfolded(patch);
        let subject = parse(&whole);
        let text = check_subject(&patch.name, subject, number, count)?;
        subjects.push(text.to_owned());
        check_left_out(patch)?;
    }
    if let Some(cover) = cover {
        let whole = unfolded(cover);
        check_subject(&cover.name, parse(&whole), 0, count)?;
        check_left_out(cover)?;
        stat::check(cover, &own.patches)?;
        for subject in &subjects {
            let listed = cover.text.contains(subject.as_str());
            ensure!(listed, "{}: does not list `{subject}`", cover.name);
        }
    }
    Ok(())
}

/// The subject's text, if it has the form.
fn check_subject<'a>(
    mail: &str,
    subject: Option<Subject<'a>>,
    number: usize,
    count: usize,
) -> Result<&'a str> {
    let Some(Subject { brackets, text }) = subject else {
        anyhow::bail!("{mail}: no subject of the form [PATCH TREE] area: Text");
    };
    let numbered = match count {
        1 => !brackets.contains('/'),
        _ => brackets.ends_with(&format!(" {number}/{count}")),
    };
    ensure!(
        brackets.starts_with("PATCH ") && numbered,
        "{mail}: the brackets are [{brackets}], not [PATCH TREE {number}/{count}]"
    );
    ensure!(
        text.chars().count() <= SUBJECT,
        "{mail}: the subject is longer than {SUBJECT}"
    );
    // Rust's maintainers begin in lower case.
    let upper = |(area, what): (&str, &str)| area == "rust" || what.starts_with(char::is_uppercase);
    ensure!(
        text.split_once(": ").is_some_and(upper),
        "{mail}: the subject is not of the form `area: Text`"
    );
    Ok(text)
}

/// That a mail leaves to its sender what is theirs: who signs, and who takes care of new files.
fn check_left_out(patch: &Patch) -> Result<()> {
    let signed = patch
        .text
        .lines()
        .any(|line| line.starts_with("Signed-off-by:"));
    ensure!(
        !signed,
        "{}: signed, which only a person can do",
        patch.name
    );
    let maintained = patch.touched().any(|path| path == "MAINTAINERS");
    ensure!(
        !maintained,
        "{}: names maintainers, which they can do for themselves",
        patch.name
    );
    Ok(())
}

/// The subject of a mail in one line.
fn unfolded(mail: &Patch) -> String {
    let mut lines = mail
        .text
        .lines()
        .skip_while(|line| !line.starts_with("Subject: "));
    let first = lines.next().unwrap_or_default().to_owned();
    lines
        .take_while(|line| line.starts_with(' '))
        .fold(first, |subject, line| subject + line)
}

fn parse(line: &str) -> Option<Subject<'_>> {
    let rest = line.strip_prefix("Subject: [")?;
    let (brackets, text) = rest.split_once("] ")?;
    Some(Subject { brackets, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::patches::series::Series;

    fn mail(name: &str, text: &str) -> Patch {
        Patch {
            name: name.to_owned(),
            path: name.into(),
            text: text.to_owned(),
        }
    }

    fn said(cover: Option<&str>, patches: &[&str]) -> String {
        let series = Named {
            name: "n".to_owned(),
            base: Series {
                patches: Vec::new(),
            },
            own: Series {
                patches: patches.iter().map(|text| mail("n/1", text)).collect(),
            },
            cover: cover.map(|text| mail("n/0", text)),
        };
        check(&series)
            .map_err(|error| error.to_string())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn a_series_in_form() {
        assert_eq!(
            said(None, &["From: A\nSubject: [PATCH tip] psi: Do\n\n"]),
            ""
        );
        let cover = "Subject: [PATCH bpf-next 0/2] bpf: Both\n\nbpf: One, and no more\nbpf: Two\n";
        let one = "Subject: [PATCH bpf-next 1/2] bpf: One, and\n no more\n\n";
        let two = "Subject: [PATCH bpf-next 2/2] bpf: Two\n\n";
        assert_eq!(said(Some(cover), &[one, two]), "");
    }

    #[test]
    fn what_is_out_of_form() {
        let cover = "Subject: [PATCH bpf-next 0/2] bpf: Both\n\nbpf: One\n";
        let one = "Subject: [PATCH bpf-next 1/2] bpf: One\n\n";
        let two = "Subject: [PATCH bpf-next 2/2] bpf: Two\n\n";
        for (cover, patches, wanted) in [
            (Some(cover), &[one, two][..], "does not list `bpf: Two`"),
            (None, &[one, two], "cover letter"),
            (Some(cover), &[one], "cover letter"),
            (Some(cover), &[two, one], "not [PATCH TREE 1/2]"),
            (None, &["Subject: bpf: One"], "no subject of the form"),
            (
                None,
                &["Subject: [PATCH tip] bpf: one"],
                "of the form `area",
            ),
            (None, &["Subject: [PATCH tip] One"], "of the form `area"),
            (None, &[one], "not [PATCH TREE 1/1]"),
            (
                None,
                &["Subject: [PATCH tip] bpf: One\n\nSigned-off-by: A <a@b.example>\n"],
                "only a person",
            ),
            (
                None,
                &["Subject: [PATCH tip] bpf: One\n\ndiff --git a/MAINTAINERS b/MAINTAINERS\n"],
                "names maintainers",
            ),
        ] {
            let said = said(cover, patches);
            assert!(said.contains(wanted), "{said}, not {wanted}");
        }
        let long = format!("Subject: [PATCH tip] bpf: O{}", "o".repeat(SUBJECT));
        assert!(said(None, &[&long]).contains("longer"));
    }
}
