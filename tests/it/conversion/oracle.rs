//! Random legacy files against the executable specification (see `tests/it/conversion/driver.py`).
//!
//! Runs when `HORDE_REFD_SHARED` names the directory with the specification. `HORDE_REFD_ORACLE_CASES`,
//! `HORDE_REFD_ORACLE_SEED`, `HORDE_REFD_ORACLE_ENGINE` (`model` or `package`) and `HORDE_REFD_ORACLE_PYTHON`
//! choose how many files, which, and whom to ask.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{issues_json, may_be_refused};
use crate::common::need::{need, need_shared};

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
    theirs.to_string() == issues_json(ours).to_string()
}

/// What we make of a file that the oracle makes something else of.
fn disagreement(case: &Value, legacy: &[u8]) -> Option<String> {
    let category: Category = case["category"].as_str().unwrap().parse().unwrap();
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
fn random_files_become_what_the_specification_says() {
    need!("python3");
    let shared = need_shared!();
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conversion/driver.py");
    let count = setting("CASES", "600");
    let mut child = Command::new(setting("PYTHON", "python3"))
        .arg(driver)
        .arg("--shared")
        .arg(shared)
        .args(["--seed", &setting("SEED", "1"), "--count", &count])
        .args(["--engine", &setting("ENGINE", "model")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut judged, mut converted, mut wrong) = (0, 0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let legacy = crate::common::base64::decode(case["legacy_b64"].as_str().unwrap());
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
    }
    assert!(child.wait().unwrap().success());
    println!("{judged} files judged, {converted} of them convertible, {wrong} disagreements");
    assert_eq!(wrong, 0);
    assert!(judged * 2 > count.parse::<usize>().unwrap());
    assert!(converted * 10 > judged, "hardly any file was convertible");
}
