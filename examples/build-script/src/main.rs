//! A program with the SQL of a model in it: it prints the statement. `build.rs` has compiled the model.

/// The statement that scores the customers.
pub const CHURN: &str = include_str!(concat!(env!("OUT_DIR"), "/churn.sql"));

fn main() {
    print!("{CHURN}");
}

#[cfg(test)]
mod tests {
    use super::CHURN;

    /// A model that is trained again shows here what it changes; `cargo insta review` accepts it.
    #[test]
    fn the_sql_is_the_one_that_was_reviewed() {
        insta::assert_snapshot!(CHURN);
    }
}
