//! The exporter script, where Python with scikit-learn is there: what it writes is loaded and computes what the estimator does.

use super::cases;
use std::path::Path;
use std::process::Command;

/// `M2KSQL_PYTHON` names the Python to use, `python3` if it is not set.
#[test]
fn exported_estimators_agree() {
    let python = std::env::var("M2KSQL_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import sklearn, pandas"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: no Python with scikit-learn and pandas (set M2KSQL_PYTHON)");
        return;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/load");
    let out = std::env::temp_dir().join(format!("m2ksql-exporter-{}", std::process::id()));
    std::fs::create_dir_all(&out).unwrap();
    let output = Command::new(&python)
        .arg(source.join("tests/exporter_cases.py"))
        .arg(source.join("json/sklearn_export.py"))
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folders = cases::folders(&out);
    let compared: usize = folders.iter().map(|case| cases::compare(case)).sum();
    std::fs::remove_dir_all(&out).unwrap();
    assert!(folders.len() > 150 && compared > 10_000, "{} models, {compared} values", folders.len());
}
