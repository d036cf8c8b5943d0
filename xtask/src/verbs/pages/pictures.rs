// SPDX-License-Identifier: GPL-2.0-only
//! The README's pictures of a page.

use anyhow::Result;

use super::Pages;
use super::checks::DESK;
use crate::workshop::browser::{Browser, Window};
use crate::workshop::files::make_dir;

/// A window of the README's breadth.
const WINDOW: Window = Window {
    width: 1200,
    height: 760,
    ..DESK
};

/// Writes them, each in light and in dark.
pub(super) fn make(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    make_dir(&pages.pictures())?;
    for (name, object, program, pose) in [
        ("rejected", "memory", "below_zero", "go(12)"),
        ("too-large", "loops", "too_many_rounds", "go(4995)"),
    ] {
        let page = pages.of(object, program)?;
        for dark in [false, true] {
            browser.open(&page, Window { dark, ..WINDOW })?;
            browser.evaluate(pose)?;
            let colours = if dark { "dark" } else { "light" };
            let path = pages.pictures().join(format!("{name}-{colours}.png"));
            browser.picture(&path)?;
            println!("{}", path.display());
        }
    }
    Ok(())
}
