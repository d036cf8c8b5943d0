// SPDX-License-Identifier: GPL-2.0-only
//! `explain --html` and `check --html`: what is in the page. How it looks and what can be done with it,
//! `cargo xtask pages` tries in a browser.

mod run;

use std::path::{Path, PathBuf};

use run::{run, text};
use serde_json::Value as Json;

/// The page that a command writes.
fn page(name: &str, args: &[&str]) -> String {
    let file = scratch(name);
    let path = file.to_str().expect("UTF-8");
    let out = run(&[args, &["--html", path]].concat());
    assert!(out.status.code() < Some(2), "{}", text(&out.stderr));
    let page = std::fs::read_to_string(&file).expect("the page");
    std::fs::remove_file(&file).expect("to remove it");
    page
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"))
}

/// What is in the page as JSON.
fn data(page: &str) -> Json {
    let (_, data) = page
        .split_once(r#"<script type="application/json" id="data">"#)
        .expect("the data");
    let (data, _) = data.split_once("</script>").expect("its end");
    assert!(!data.contains('<'), "what is data may end the script");
    serde_json::from_str(data).expect("JSON")
}

fn count(json: &Json) -> usize {
    json.as_array().map_or(0, Vec::len)
}

/// The steps of all pieces of paths.
fn steps(data: &Json) -> usize {
    let ways = data["ways"].as_array().into_iter().flatten();
    ways.map(|way| count(&way["steps"])).sum()
}

#[test]
fn a_page_needs_nothing_else() {
    let page = page(
        "alone",
        &["explain", "tests/explain/iterators.elf", "leak_on_return"],
    );
    assert!(page.starts_with("<!doctype html>"));
    assert!(!page.contains("{{"), "a part of the page is missing");
    for elsewhere in ["src=", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    // Whoever runs no scripts reads the explanation.
    assert!(page.contains("<noscript><pre>leak_on_return: rejected, error 22 [reference-leak]"));
}

#[test]
fn each_step_of_the_path_has_its_state() {
    let data = data(&page(
        "steps",
        &["explain", "tests/explain/memory.elf", "below_zero"],
    ));
    // One path of 14 instructions, none of which forks with a path that is walked first.
    assert_eq!(steps(&data), 14);
    let (places, words) = (&data["places"], &data["words"]);
    let first = &data["ways"][0]["steps"][0];
    assert_eq!(count(first), 2, "R1 is all that is known: {first}");
    let number = |n: &Json| usize::try_from(n.as_u64().expect("a number")).expect("small");
    assert_eq!(places[number(&first[0])], "0:R1");
    assert_eq!(words[number(&first[1])], "the program's context");
}

#[test]
fn an_accepted_program_has_all_its_paths() {
    let args = ["check", "tests/explain/loops.elf", "-p", "converges"];
    let data = data(&page("accepted", &args));
    let ends: Vec<&str> = data["ways"]
        .as_array()
        .expect("ways")
        .iter()
        .filter_map(|way| way["end"].as_str())
        .collect();
    assert_eq!(ends.iter().filter(|end| **end == "exit").count(), 4);
    assert_eq!(ends.iter().filter(|end| **end == "converged").count(), 1);
    // The verifier counts the instruction at which a path is pruned as well.
    assert_eq!(data["insns"].as_u64(), Some(steps(&data) as u64));
    assert_eq!(data["left_out"], 0);
}

#[test]
fn a_large_walk_is_cut_to_what_a_page_holds() {
    let args = ["explain", "tests/explain/loops.elf", "too_many_waiting"];
    let page = page("large", &args);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let data = data(&page);
    assert_eq!(steps(&data), 5000);
    // The path that ends it is there to its end, and its first steps are not.
    let last = &data["ways"][number(&data["shown"])];
    assert_eq!(last["end"], "rejected");
    let before = data["ways"][0]["before"].as_u64();
    let walked = data["insns"].as_u64().expect("a number");
    assert_eq!(before, Some(walked - 5000));
}

fn number(json: &Json) -> usize {
    usize::try_from(json.as_u64().expect("a number")).expect("small")
}

#[test]
fn one_program_is_shown() {
    let several = ["explain", "tests/explain/iterators.elf"];
    let two = [
        "check",
        "tests/explain/loops.elf",
        "tests/explain/memory.elf",
    ];
    for (args, says) in [
        (&several[..], "--html shows one program, say which: "),
        (&two[..], "--html shows one program of one object"),
    ] {
        let file = scratch("several");
        let out = run(&[args, &["--html", file.to_str().expect("UTF-8")]].concat());
        assert_eq!(out.status.code(), Some(2));
        let said = text(&out.stderr);
        assert!(said.contains(says) && said.lines().count() == 1, "{said}");
        assert!(!file.exists(), "half a page is left");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_a_line() {
    let args = [
        "explain",
        "tests/explain/memory.elf",
        "below_zero",
        "--html",
        "absent/page.html",
    ];
    let out = run(&args);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text(&out.stderr).contains("cannot write absent/page.html"),
        "{}",
        text(&out.stderr)
    );
    assert_eq!(text(&out.stderr).lines().count(), 1);
}
