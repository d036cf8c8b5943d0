// SPDX-License-Identifier: GPL-2.0-only
//! `check -o sarif` and `-o junit`, held against what their standards ask for.

mod run;
mod small;

use run::{run, text};
use serde_json::Value as Json;
use small::KERNEL;

const OBJECT: &str = "tests/explain/iterators.elf";

fn sarif(args: &[&str]) -> Json {
    let out = run(&[args, &["-o", "sarif"]].concat());
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
}

/// Two objects, of which no program is accepted of the first.
const ARGS: [&str; 3] = ["check", OBJECT, "tests/explain/calls.elf"];

#[test]
fn sarif_is_what_the_schema_says() {
    let schema = std::fs::read_to_string("tests/schemas/sarif-2.1.0.json").expect("the schema");
    // A bracket in it closes nothing, so that a pattern is no regular expression.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    let schema: Json = serde_json::from_str(&schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let valid = |log: &Json| {
        let errors = schema.iter_errors(log).map(|e| e.to_string());
        assert_eq!(errors.collect::<Vec<_>>(), Vec::<String>::new());
    };
    let mut wrong = sarif(&ARGS);
    valid(&wrong);
    // One that libbpf does not load has no place in its source.
    let object = ["check", "bpf/tests/load/prog.elf", "--attach", "iter=none"];
    let log = sarif(&[&object[..], &KERNEL].concat());
    valid(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(
        results
            .iter()
            .any(|result| result["ruleId"] == "not-loaded")
    );
    wrong["runs"][0]["results"][0]["level"] = "dreadful".into();
    assert!(!schema.is_valid(&wrong), "the schema looks at nothing");
}

#[test]
fn a_rejection_is_on_its_source_line() {
    let log = sarif(&["check", OBJECT, "-p", "unlock_inside"]);
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "iter-outside-rcu");
    let index = result["ruleIndex"].as_u64().expect("an index");
    let rule = &run["tool"]["driver"]["rules"][usize::try_from(index).expect("small")];
    assert_eq!(rule["id"], "iter-outside-rcu");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "iterators.c");
    // The cause is where the section ends, and related to it where that shows.
    assert_eq!(place["region"]["startLine"], 105);
    let related = &result["relatedLocations"][0]["physicalLocation"];
    assert_eq!(related["region"]["startLine"], 103);
    let flow = &result["codeFlows"][0]["threadFlows"][0]["locations"];
    assert!(
        flow.as_array().is_some_and(|steps| steps.len() > 3),
        "{flow}"
    );
}

#[test]
fn what_is_accepted_is_no_result() {
    let log = sarif(&["check", "tests/explain/loops.elf", "-p", "accepted"]);
    assert_eq!(log["runs"][0]["results"], Json::Array(Vec::new()));
}

#[test]
fn junit_has_a_case_for_each_program() {
    let out = run(&[&ARGS[..], &["-o", "junit"]].concat());
    assert_eq!(out.status.code(), Some(1));
    let xml = text(&out.stdout);
    let report = quick_junit::Report::deserialize_from_str(xml).expect("JUnit");
    assert_eq!(report.test_suites.len(), 2);
    assert_eq!(report.test_suites[0].name.as_str(), OBJECT);
    let cases = &report.test_suites[0].test_cases;
    assert_eq!(cases.len(), 8);
    assert_eq!(
        (report.tests, report.failures > 8),
        (xml.matches("<testcase ").count(), true)
    );
    assert!(xml.contains("type=\"iter-outside-rcu\""), "{xml}");
    assert!(xml.contains("What to do"), "{xml}");
    elements(xml);
}

/// What the schema of Jenkins' plug-in allows of elements: parent, name, attributes.
const JUNIT: [(&str, &str, &[&str]); 5] = [
    (
        "",
        "testsuites",
        &[
            "name", "time", "tests", "failures", "disabled", "errors", "skipped",
        ],
    ),
    (
        "testsuites",
        "testsuite",
        &[
            "name",
            "tests",
            "failures",
            "errors",
            "time",
            "disabled",
            "skipped",
            "timestamp",
        ],
    ),
    (
        "testsuite",
        "testcase",
        &["name", "assertions", "time", "classname", "status"],
    ),
    ("testcase", "failure", &["type", "message"]),
    ("testcase", "skipped", &["type", "message"]),
];

/// Sees to it that there is no element and no attribute that the schema has not.
fn elements(xml: &str) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open: Vec<String> = vec![String::new()];
    loop {
        let event = reader.read_event().expect("XML");
        let (element, stays) = match &event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(element.name().as_ref().to_vec()).expect("UTF-8");
        let parent = open.last().expect("a parent");
        let known = JUNIT.iter().find(|(p, n, _)| p == parent && *n == name);
        let (_, _, allowed) = known.unwrap_or_else(|| panic!("{name} in {parent}"));
        for attribute in element.attributes() {
            let key = attribute.expect("an attribute").key.as_ref().to_vec();
            let key = String::from_utf8(key).expect("UTF-8");
            assert!(allowed.contains(&key.as_str()), "{key} of {name}");
        }
        if stays {
            open.push(name);
        }
    }
    assert_eq!(open.len(), 1);
}
