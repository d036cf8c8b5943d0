// SPDX-License-Identifier: GPL-2.0-only
//! `check -o sarif`: each rejection as a result on its source line, with the cause and the path, for
//! what shows the findings of static analysis in a change. SARIF 2.1.0, of OASIS.

use std::io::Write;

use anyhow::Result;
use serde_json::{Value as Json, json};

use crate::report::{End, Place, Report};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes those programs that are not accepted.
pub(crate) fn write(out: &mut impl Write, reports: &[Report]) -> Result<()> {
    let left: Vec<&Report> = reports
        .iter()
        .filter(|report| report.end != End::Accepted)
        .collect();
    let mut rules: Vec<End> = Vec::new();
    for report in &left {
        if !rules.contains(&report.end) {
            rules.push(report.end);
        }
    }
    let results: Vec<Json> = left.iter().map(|report| result(report, &rules)).collect();
    let sarif = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "verifier-model",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|end| json!({
                    "id": end.name(),
                    "shortDescription": { "text": end.what() },
                })).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &sarif)?;
    writeln!(out)?;
    Ok(())
}

fn result(report: &Report, rules: &[End]) -> Json {
    let level = match report.end {
        End::NotModelled => "note",
        _ => "error",
    };
    let cause = report.cause();
    let mut text = format!("{}: {}", report.program, report.message);
    if let Some((_, what)) = &cause {
        text += &format!("\n{what}");
    }
    // The line to be changed is the one to be marked.
    let at = cause.map(|(place, _)| place).or(report.site());
    let mut result = json!({
        "ruleId": report.end.name(),
        "ruleIndex": rules.iter().position(|end| *end == report.end),
        "level": level,
        "message": { "text": text },
        "locations": [location(report, at.as_ref(), None)],
    });
    let related = report.site().filter(|site| Some(site) != at.as_ref());
    if let Some(site) = related {
        let place = location(report, Some(&site), Some(&report.message));
        result["relatedLocations"] = json!([place]);
    }
    let path: Vec<Json> = report
        .path()
        .iter()
        .map(|(place, what)| json!({ "location": location(report, Some(place), Some(what)) }))
        .collect();
    if !path.is_empty() {
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": path }] }]);
    }
    result
}

/// A place in the source, or else the object.
fn location(report: &Report, place: Option<&Place>, says: Option<&str>) -> Json {
    let mut location = match place {
        Some(place) => {
            let mut region = json!({ "startLine": place.line });
            if let Some(column) = place.column {
                region["startColumn"] = column.into();
            }
            json!({ "physicalLocation": {
                "artifactLocation": { "uri": uri(&place.path) },
                "region": region,
            }})
        }
        None => json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&report.object) },
        }}),
    };
    let name = match place {
        Some(place) => format!("{}, insn {}", report.program, place.insn),
        None => report.program.clone(),
    };
    location["logicalLocations"] = json!([{ "name": name, "kind": "function" }]);
    if let Some(says) = says {
        location["message"] = json!({ "text": says });
    }
    location
}

/// A path as a URI, relative to the checkout unless it begins at the root.
fn uri(path: &str) -> String {
    let path = path.trim_start_matches("./");
    let mut uri = match path.starts_with('/') {
        true => "file://".to_owned(),
        false => String::new(),
    };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'+' => {
                uri.push(char::from(byte));
            }
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("./src/a b.c"), "src/a%20b.c");
        assert_eq!(uri("/build/ä.c"), "file:///build/%C3%A4.c");
    }
}
