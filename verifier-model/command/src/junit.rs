// SPDX-License-Identifier: GPL-2.0-only
//! `check -o junit`: each object a suite, each program a test, for whatever shows the results of tests.

use std::io::Write;

use anyhow::Result;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::report::{End, Report};

/// Writes the programs, in the order in which they stand.
pub(crate) fn write(out: &mut impl Write, reports: &[Report]) -> Result<()> {
    let mut junit = quick_junit::Report::new("verifier-model");
    for of_object in reports.chunk_by(|a, b| a.object == b.object) {
        let mut suite = TestSuite::new(of_object[0].object.as_str());
        suite.add_test_cases(of_object.iter().map(case));
        suite.set_time(of_object.iter().map(|report| report.time).sum());
        junit.add_test_suite(suite);
    }
    junit.serialize(&mut *out)?;
    Ok(())
}

fn case(report: &Report) -> TestCase {
    let mut status = match report.end {
        End::Accepted => TestCaseStatus::success(),
        End::Rejected(_) | End::NotLoaded => TestCaseStatus::non_success(NonSuccessKind::Failure),
        End::NotModelled => TestCaseStatus::skipped(),
    };
    if report.end != End::Accepted {
        status
            .set_type(report.end.name())
            .set_message(report.message.as_str());
        if !report.text.is_empty() {
            status.set_description(report.text.as_str());
        }
    }
    let mut case = TestCase::new(report.program.as_str(), status);
    case.set_classname(report.object.as_str());
    case.set_time(report.time);
    case
}
