//! Random legacy files against the package or its executable specification (see `driver.py` and `fresh.py`).
//!
//! `HORDE_REFD_SHARED` names the directory with the specification and the corpus. Without it the package is asked,
//! which `HORDE_REFD_ORACLE_PYTHON` has to be able to import. `HORDE_REFD_ORACLE_CASES`, `HORDE_REFD_ORACLE_SEED` and
//! `HORDE_REFD_ORACLE_ENGINE` (`model` or `package`) choose how many files, which, and whom to ask.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{issues_json, may_be_refused};
use crate::common::need::{need, skip_in_ci_too};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use horde_refd::category::Category;
use horde_refd::convert::{check, convert};
use horde_refd::item::OnInvalidRecord;
use horde_refd::legacy::{Issues, legacy_view};
use serde_json::Value;

fn setting(name: &str, default: &str) -> String {
    std::env::var(format!("HORDE_REFD_ORACLE_{name}")).unwrap_or_else(|_| default.to_owned())
}

/// Compared as text, for the order of the keys.
fn same_issues(theirs: &Value, ours: &Issues) -> bool {
    theirs.to_string().eq(&issues_json(ours).to_string())
}

/// What we make of a file that the oracle makes something else of.
fn disagreement(case: &Value, legacy: &[u8]) -> Option<String> {
    let category = category(case);
    let expected = case["ok"].as_bool().unwrap();
    let ours = convert(category, legacy, OnInvalidRecord::Reject);
    let report = check(category, legacy);
    let described = match &ours {
        Ok(_) if !expected => Some(format!("must fail: {}", case["error"])),
        Ok(ours) if case["v2"] != String::from_utf8_lossy(&ours.v2).as_ref() => {
            Some(format!("v2 {}", String::from_utf8_lossy(&ours.v2)))
        }
        Ok(ours)
            if case
                .get("issues")
                .is_some_and(|issues| !same_issues(issues, &ours.issues)) =>
        {
            Some(format!("issues {}", issues_json(&ours.issues)))
        }
        Ok(ours) if report.issues != ours.issues || !report.rejections.is_empty() => {
            Some("check disagrees with convert".to_owned())
        }
        Err(rejected) if expected && !may_be_refused(rejected) => {
            Some(format!("refused: {rejected}"))
        }
        Err(rejected) if report.rejections.first() != Some(rejected) => {
            Some(format!("check rejects {:?}", report.rejections))
        }
        _ => None,
    };
    described.or_else(|| view_disagreement(case, legacy))
}

fn view_disagreement(case: &Value, legacy: &[u8]) -> Option<String> {
    let views = case.get("views")?;
    for (index, prefixes) in [true, false].into_iter().enumerate() {
        match legacy_view(legacy, prefixes) {
            Ok(view) if views[index] == view => {}
            Err(rejected) if views.is_null() || may_be_refused(&rejected) => {}
            other => return Some(format!("view {other:?}")),
        }
    }
    None
}

#[test]
fn recorded_files_that_were_changed_at_random() {
    random_files("mutated");
}

#[test]
fn files_written_from_scratch() {
    random_files("fresh");
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "counts, and files that are judged differently"
)]
fn random_files(generator: &str) {
    need!("python3");
    let shared = std::env::var("HORDE_REFD_SHARED").ok();
    let engine = setting("ENGINE", "model");
    if shared.is_none() && (generator == "mutated" || engine == "model") {
        skip_in_ci_too!("HORDE_REFD_SHARED does not say where the specification is");
    }
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conversion/driver.py");
    let count = setting("CASES", "600");
    let mut child = Command::new(setting("PYTHON", "python3"))
        .arg(driver)
        .args(shared.iter().flat_map(|shared| ["--shared", shared]))
        .args(["--seed", &setting("SEED", "1"), "--count", &count])
        .args(["--engine", &engine, "--generator", generator])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut judged, mut converted, mut refused, mut wrong) = (0, 0, 0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let legacy = BASE64_STANDARD
            .decode(case["legacy_b64"].as_str().unwrap())
            .unwrap();
        judged += 1;
        converted += usize::from(case["ok"] == true);
        if let Some(ours) = disagreement(&case, &legacy) {
            wrong += 1;
            if wrong <= 20 {
                eprintln!(
                    "{} {}\n  legacy {}\n  ours {ours}\n  theirs {} {} {} {}\n",
                    case["id"],
                    case["category"],
                    String::from_utf8_lossy(&legacy),
                    case["ok"],
                    case["v2"],
                    case["issues"],
                    case["views"],
                );
            }
        }
        if case["ok"] == true
            && check(category(&case), &legacy)
                .rejections
                .first()
                .is_some_and(may_be_refused)
        {
            refused += 1;
        }
        if judged % 100_000 == 0 {
            println!("{judged} files judged so far, {wrong} disagreements");
        }
    }
    assert!(child.wait().unwrap().success());
    println!(
        "{generator}: {judged} files judged, {converted} of them convertible, {refused} of these refused for a lone \
         surrogate or their depth, {wrong} disagreements"
    );
    assert_eq!(wrong, 0);
    assert!(judged * 2 > count.parse::<usize>().unwrap());
    assert!(converted * 10 > judged, "hardly any file was convertible");
}

fn category(case: &Value) -> Category {
    case["category"].as_str().unwrap().parse().unwrap()
}
