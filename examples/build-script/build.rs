//! Compiles the model to `$OUT_DIR/churn.sql`. A model that does not fit the schema fails the build, with the reason.

use std::path::Path;
use std::{env, error, fs};

use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};

const MODEL: &str = "models/churn.json";
const SCHEMA: &str = "schema.sql";

fn main() -> Result<(), Box<dyn error::Error>> {
    for input in [MODEL, SCHEMA] {
        println!("cargo::rerun-if-changed={input}");
    }
    let model = Model::load(MODEL, fs::read(MODEL)?, &LoadOptions::default())?;
    let schema = Some(fs::read_to_string(SCHEMA)?);
    let bound = model.bind(&BindOptions { schema, ..BindOptions::default() })?;
    let sql = bound.compile(&CompileOptions {
        from: Some("CUSTOMERS".into()),
        into: Some("CUSTOMER_CHURN".into()),
        keep: vec!["ID".into()],
        select: vec!["probability=CHURN_PROBABILITY".into()],
        ..CompileOptions::default()
    })?;
    for warning in model.warnings().iter().chain(bound.warnings()).chain(sql.warnings()) {
        println!("cargo::warning={}", warning.message);
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("churn.sql"), sql.text())?;
    Ok(())
}
