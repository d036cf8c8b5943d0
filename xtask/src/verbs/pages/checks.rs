// SPDX-License-Identifier: GPL-2.0-only
//! What is tried with a page: with the mouse, with the keys alone, at 400 %, in light and dark.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Pages;
use crate::workshop::browser::{Browser, Window};

/// A window as on a desk.
pub(super) const DESK: Window = Window {
    width: 1400,
    height: 900,
    scale: 1,
    dark: false,
};

/// One of 1280 by 1024 dots at 400 %.
const ZOOMED: Window = Window {
    width: 320,
    height: 256,
    scale: 4,
    dark: false,
};

/// Most that a page of 5,000 steps may weigh.
const MOST_BYTES: u64 = 2_000_000;

/// On a desk the step is in sight, and nothing is below the window.
const IN_WINDOW: &str = "tree.active.item.getBoundingClientRect().bottom <= innerHeight \
     && document.documentElement.scrollHeight <= innerHeight";

type Check = fn(&Pages<'_>, &mut Browser) -> Result<()>;

const CHECKS: [(&str, Check); 12] = [
    ("pages::alone", alone),
    ("pages::step", step),
    ("pages::value", value),
    ("pages::fold", fold),
    ("pages::search", search),
    ("pages::source", source),
    ("pages::too_large", too_large),
    ("pages::accepted", accepted),
    ("pages::without_mouse", without_mouse),
    ("pages::roles", roles),
    ("pages::zoom", zoom),
    ("pages::colours", colours),
];

/// Runs all; the name of each, and why it failed if it did.
pub(super) fn run(
    pages: &Pages<'_>,
    browser: &mut Browser,
) -> Result<Vec<(String, Option<String>)>> {
    let mut done = Vec::new();
    for (name, check) in CHECKS {
        let mut failure = check(pages, browser).err().map(|e| format!("{e:#}"));
        let complaints = browser.complaints()?;
        if failure.is_none() && !complaints.is_empty() {
            failure = Some(format!("the browser complains: {}", complaints.join("; ")));
        }
        done.push((name.to_owned(), failure));
    }
    Ok(done)
}

/// What `expression` is, and that it is what it should be.
fn is(browser: &mut Browser, expression: &str, wanted: impl Into<Value>) -> Result<()> {
    let (is, wanted) = (browser.evaluate(expression)?, wanted.into());
    ensure!(is == wanted, "{expression} is {is}, not {wanted}");
    Ok(())
}

fn count(browser: &mut Browser, wanted: &str) -> Result<()> {
    is(browser, "find('count').textContent", wanted)
}

/// The page asks for nothing, and nothing in it fails: `complaints` tell of both.
fn alone(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("memory", "below_zero")?, DESK)?;
    is(browser, "find('program').textContent", "below_zero")?;
    is(browser, "find('verdict').className", "rejected")?;
    is(browser, "find('reasons').children.length > 3", true)?;
    // All of it is below each other, and none of it beside the window.
    is(browser, "find('why').scrollWidth <= innerWidth", true)?;
    let sideways = "[...document.querySelectorAll('.scrolls, .list')].filter(it => it.scrollWidth > it.clientWidth).length";
    is(browser, sideways, 0)?;
    // It would be heard of if it did ask.
    browser.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")?;
    let heard = browser.complaints()?;
    ensure!(
        heard
            .iter()
            .any(|complaint| complaint.contains("127.0.0.1")),
        "a request is not noticed: {heard:?}"
    );
    browser.open(&pages.of("memory", "below_zero")?, DESK)
}

/// Keys and buttons step, and what an instruction changes is marked.
fn step(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("memory", "below_zero")?, DESK)?;
    count(browser, "step 14 of 14")?;
    is(browser, IN_WINDOW, true)?;
    is(browser, "find('next').disabled", true)?;
    browser.evaluate("find('path').focus()")?;
    browser.key("Home", false)?;
    count(browser, "step 1 of 14")?;
    browser.key("ArrowDown", false)?;
    browser.key("j", false)?;
    count(browser, "step 3 of 14")?;
    browser.click("find('next')")?;
    browser.click("find('last')")?;
    browser.click("find('previous')")?;
    count(browser, "step 13 of 14")?;
    // r1 += r2: R1 and nothing else.
    let changed =
        "[...document.querySelectorAll('#state tr.changed')].map(row => row.dataset.place)";
    is(browser, changed, json!(["0:R1"]))?;
    let cells =
        "[...document.querySelectorAll('#state tr.changed td')].map(cell => cell.textContent)";
    let wanted = [
        "a value of map 'map' (36 bytes)",
        "a value of map 'map' (36 bytes), plus a number from -4 to 3",
    ];
    is(browser, cells, json!(wanted))
}

/// A click on a value goes to where it was made, and from there on.
fn value(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("memory", "below_zero")?, DESK)?;
    browser.click("document.querySelector('[data-place=\"0:R2\"] button')")?;
    count(browser, "step 12 of 14")?;
    is(
        browser,
        "find('notes').firstChild.textContent",
        "R2: computed",
    )?;
    // The next value is where the keyboard is.
    browser.key("Enter", false)?;
    count(browser, "step 11 of 14")?;
    browser.key("Enter", false)?;
    count(browser, "step 10 of 14")?;
    is(
        browser,
        "find('notes').firstChild.textContent",
        "R2: read from where R6 points",
    )?;
    for wanted in ["step 11 of 14", "step 12 of 14", "step 14 of 14"] {
        browser.click("find('back')")?;
        count(browser, wanted)?;
    }
    is(browser, "find('back').disabled", true)?;
    // Of a sum, then of a branch, then across a copy to what the helper returned.
    let r1 = "document.querySelector('[data-place=\"0:R1\"] button')";
    for (insn, how) in [
        (13, "R1: computed, with R2"),
        (9, "R1: narrowed by the branch"),
        (8, "R1: copied from R0"),
    ] {
        browser.click(r1)?;
        is(browser, "here.path.steps[here.at].insn", insn)?;
        is(browser, "find('notes').firstChild.textContent", how)?;
    }
    browser.key("Enter", false)?;
    is(
        browser,
        "find('now').textContent",
        "insn 7: call bpf_map_lookup_elem#1",
    )
}

/// Rounds are folded but the last, and can be unfolded.
fn fold(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("loops", "index_widens")?, DESK)?;
    let open = "[...document.querySelectorAll('[aria-expanded=true]')].map(item => item.id)";
    is(browser, open, json!(["row-loop-18-1", "row-round-226-2"]))?;
    is(
        browser,
        "document.querySelectorAll('[id^=row-round-]').length",
        17,
    )?;
    browser.evaluate("find('path').focus()")?;
    browser.evaluate("go(233)")?;
    browser.key("ArrowLeft", false)?;
    browser.key("ArrowLeft", false)?;
    is(browser, open, json!(["row-loop-18-1"]))?;
    browser.key("ArrowUp", false)?;
    count(browser, "step 214 of 234")?;
    browser.key("ArrowRight", false)?;
    is(browser, open, json!(["row-loop-18-1", "row-round-213-2"]))?;
    // The mouse does the same.
    browser.click("document.querySelector('#row-round-18-2 .row')")?;
    is(
        browser,
        "document.querySelectorAll('[aria-expanded=true]').length",
        3,
    )?;
    browser.click("document.querySelector('#row-round-18-2 .row')")?;
    is(
        browser,
        "document.querySelectorAll('[aria-expanded=true]').length",
        2,
    )
}

/// Words lead from step to step that has them, folded or not.
fn search(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("loops", "index_widens")?, DESK)?;
    browser.evaluate("find('path').focus()")?;
    browser.key("/", false)?;
    is(browser, "document.activeElement.id", "search")?;
    for key in ["i", "+", "+"] {
        browser.key(key, false)?;
    }
    is(
        browser,
        "document.querySelectorAll('#source .hit').length",
        1,
    )?;
    let hits = browser.evaluate("search.hits.length")?;
    ensure!(hits.as_u64() > Some(16), "{hits} steps");
    browser.key("Enter", false)?;
    is(
        browser,
        "walk.line(here.path.steps[here.at].insn)[2].trim()",
        "i++;",
    )?;
    is(
        browser,
        "find('hits').textContent.startsWith('1 of ')",
        true,
    )?;
    let shown = "tree.active.kind === 'step' && tree.active.item.firstElementChild.classList.contains('hit')";
    is(browser, shown, true)?;
    browser.key("Enter", true)?;
    is(browser, "here.at === search.hits.at(-1)", true)?;
    browser.evaluate("find('search').select()")?;
    for key in "no such words".chars() {
        browser.key(&key.to_string(), false)?;
    }
    is(browser, "find('hits').textContent", "0 steps")
}

/// A line leads to the step at it, and the left side may show instructions.
fn source(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("memory", "below_zero")?, DESK)?;
    let line = "source.rows.find(entry => entry.number === 94)";
    browser.click(&format!("{line}.row"))?;
    is(
        browser,
        "find('now').textContent",
        "insn 9: if r1 == 0x0 goto pc+5",
    )?;
    is(
        browser,
        &format!("{line}.row.getAttribute('aria-selected')"),
        "true",
    )?;
    browser.click("find('by-insn')")?;
    is(
        browser,
        "source.rows[source.active].text",
        "if r1 == 0x0 goto pc+5",
    )?;
    // Off the path there is no step to go to.
    browser.click("source.rows.find(entry => entry.number === 15).row")?;
    is(
        browser,
        "find('now').textContent",
        "insn 9: if r1 == 0x0 goto pc+5",
    )
}

/// Of a walk that is given up: 5,000 steps in less than two megabytes, heat, and why nothing pruned.
fn too_large(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    let page = pages.of("loops", "too_many_rounds")?;
    let bytes = std::fs::metadata(&page)?.len();
    ensure!(bytes < MOST_BYTES, "{bytes} bytes");
    browser.open(&page, DESK)?;
    is(browser, "here.path.steps.length", 5000)?;
    count(browser, "step 1000000 of 1000000")?;
    is(browser, IN_WINDOW, true)?;
    is(browser, "find('heat').getAttribute('aria-pressed')", "true")?;
    let note = "source.rows.find(entry => entry.number === 33).row.lastChild.textContent";
    is(browser, note, "33.3 %")?;
    let why = "[...document.querySelectorAll('#reasons h3')].map(h => h.textContent)";
    let titles = browser.evaluate(why)?.to_string();
    for title in ["instructions went", "Why states did not prune"] {
        ensure!(titles.contains(title), "{titles}");
    }
    browser.click("find('heat')")?;
    is(browser, note, "")?;
    browser.click("find('first')")?;
    let note = "find('notes').textContent.includes('995000 steps before this one')";
    is(browser, note, true)
}

/// All paths of an accepted program can be chosen; a pruned one leads to the state that it is like.
fn accepted(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("loops", "converges")?, DESK)?;
    is(browser, "find('verdict').textContent", "accepted")?;
    is(browser, "find('paths').length", 5)?;
    count(browser, "step 1 of 17")?;
    browser.evaluate(
        "find('paths').selectedIndex = 4; find('paths').dispatchEvent(new Event('change'))",
    )?;
    browser.click("find('last')")?;
    is(
        browser,
        "find('notes').textContent.includes('Converged')",
        true,
    )?;
    browser.click("find('notes').querySelector('button')")?;
    is(browser, "here.path.steps[here.at].insn", 16)?;
    is(browser, "here.at < here.path.steps.length - 1", true)?;
    browser.click("find('back')")?;
    is(browser, "here.at === here.path.steps.length - 1", true)
}

/// Tab reaches everything, and what has the focus shows it.
fn without_mouse(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("loops", "converges")?, DESK)?;
    let mut reached = Vec::new();
    for _ in 0..80 {
        browser.key("Tab", false)?;
        let focus = "(() => { const it = document.activeElement; \
             return [it.id || it.dataset.place || it.className || it.tagName, \
             getComputedStyle(it).outlineStyle !== 'none'] })()";
        let at = browser.evaluate(focus)?;
        ensure!(at[1] == json!(true), "{} does not show its focus", at[0]);
        reached.push(at[0].as_str().unwrap_or_default().to_owned());
        if reached.last().is_some_and(|id| id == "0:R1") {
            break;
        }
    }
    for id in [
        "skip", "go", "paths", "next", "search", "heat", "theme", "by-insn", "source", "path",
        "0:R1",
    ] {
        ensure!(
            reached.iter().any(|at| at == id),
            "{id} is not in {reached:?}"
        );
    }
    // The first of them leads past the others.
    browser.open(&pages.of("loops", "converges")?, DESK)?;
    browser.key("Tab", false)?;
    browser.key("Enter", false)?;
    browser.key("ArrowDown", false)?;
    count(browser, "step 2 of 17")
}

/// What a screen reader is told: each thing has its role and a name.
fn roles(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("loops", "index_widens")?, DESK)?;
    let roles = browser.roles()?;
    for (role, name) in [
        ("tree", "Path"),
        ("listbox", "Source"),
        ("button", "Next step"),
        ("searchbox", "Search"),
        ("combobox", "Path"),
        ("button", "Heat"),
        ("columnheader", "Before"),
        ("toolbar", "Steps"),
        ("main", ""),
    ] {
        let there = roles.iter().any(|(r, n)| r == role && n.trim() == name);
        ensure!(there, "no {role} \"{name}\"");
    }
    for role in [
        "button", "treeitem", "option", "link", "combobox", "checkbox",
    ] {
        let nameless = roles
            .iter()
            .filter(|(r, n)| r == role && n.trim().is_empty());
        ensure!(nameless.count() == 0, "a {role} has no name");
    }
    // A step is told when it is gone to.
    browser.click("find('previous')")?;
    is(
        browser,
        "find('status').textContent.startsWith('insn 25: ')",
        true,
    )?;
    is(
        browser,
        "find('path').getAttribute('aria-activedescendant') === tree.active.item.id",
        true,
    )
}

/// At 400 % nothing is cut off sideways, and the page can be stepped along.
fn zoom(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    browser.open(&pages.of("memory", "below_zero")?, ZOOMED)?;
    is(browser, "document.documentElement.scrollWidth", 320)?;
    let outside = "[...document.querySelectorAll('body *')].filter(it => { \
         const box = it.getBoundingClientRect(); \
         return box.width > 1 && (box.right > 321 || box.left < -1) && !it.matches('.skip') \
         }).map(it => it.id || it.className || it.tagName)";
    is(browser, outside, json!([]))?;
    browser.click("find('previous')")?;
    count(browser, "step 13 of 14")?;
    browser.click("document.querySelector('[data-place=\"0:R2\"] button')")?;
    count(browser, "step 12 of 14")
}

/// Text stands out from its ground by 4.5 to 1 at least, in light and in dark.
fn colours(pages: &Pages<'_>, browser: &mut Browser) -> Result<()> {
    let page = pages.of("memory", "below_zero")?;
    let mut grounds = Vec::new();
    for dark in [false, true] {
        browser.open(&page, Window { dark, ..DESK })?;
        browser.click("find('previous')")?;
        let faint = browser.evaluate(CONTRAST)?;
        ensure!(faint == json!([]), "dark: {dark}: {faint}");
        grounds.push(browser.evaluate("getComputedStyle(document.body).backgroundColor")?);
    }
    ensure!(grounds[0] != grounds[1], "dark is {}", grounds[1]);
    // The button is for those whose browser says something else.
    browser.click("find('theme')")?;
    let ground = "getComputedStyle(document.body).backgroundColor";
    is(browser, ground, grounds[0].clone())
}

/// Texts that do not stand out, as WCAG 2 counts it.
const CONTRAST: &str = include_str!("contrast.js");
