//! ksqlDB from 0.21 (Confluent Platform 7.0) on: what a release takes, what its work costs, and how functions are spelled.
//!
//! Releases differ in what they have and in how many columns and calls fit into one item; what is known of each is in
//! [`RELEASES`]. Before 0.21 there is no GREATEST, and an array whose element fails has no value: those are not served.

use super::{Capabilities, Costs, Dialect, Limits, Since, Spelling, since};
use crate::schema::Type;
use crate::score::Function;
use crate::sql::ast::Operator;

/// A release of ksqlDB, and those like it.
#[derive(Clone, Copy, Debug)]
pub struct KsqlDb {
    name: &'static str,
    /// The first stand-alone release that it serves: 0.29 is 29.
    standalone: Option<u32>,
    /// The first release of Confluent Platform.
    platform: Option<(u32, u32)>,
    /// Columns and calls of an item are parameters of one Java method, of which there are 255 with three of the engine's own
    /// (confluentinc/ksql#9353, mended in 7.4 and 0.29).
    arguments: Option<u32>,
    /// CAST catches what fails inside of it (confluentinc/ksql#9336, 7.3 and 0.28).
    cast_catches: bool,
}

const LATEST: KsqlDb =
    KsqlDb { name: "ksqldb-0.29", standalone: Some(29), platform: Some((7, 4)), arguments: None, cast_catches: true };

/// Newest first. Which functions each has is in `functions`.
pub static RELEASES: [KsqlDb; 5] = [
    LATEST,
    KsqlDb { name: "ksqldb-7.3", standalone: None, platform: Some((7, 3)), arguments: Some(250), ..LATEST },
    KsqlDb { name: "ksqldb-0.28", standalone: Some(28), platform: None, arguments: Some(250), ..LATEST },
    KsqlDb {
        name: "ksqldb-0.27",
        standalone: Some(24),
        platform: Some((7, 2)),
        arguments: Some(250),
        cast_catches: false,
    },
    KsqlDb {
        name: "ksqldb-0.23",
        standalone: Some(21),
        platform: Some((7, 0)),
        arguments: Some(250),
        cast_catches: false,
    },
];

/// The first two numbers of a release, as users and servers write it.
pub(super) fn numbers(target: &str) -> Option<(u32, u32)> {
    let version = target.strip_prefix("ksqldb-").unwrap_or(target).trim_end_matches('+');
    let parts: Option<Vec<u32>> = version.split('-').next()?.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([major, minor, ..]) => Some((*major, *minor)),
        _ => None,
    }
}

impl Dialect for KsqlDb {
    fn name(&self) -> &'static str {
        self.name
    }

    /// `ksqldb-0.29`, `0.29.0`, `ksqldb-7.4`, `7.4+`, `8.0.1`.
    fn serves(&self, target: &str) -> bool {
        match numbers(target) {
            Some((0, minor)) => self.standalone.is_some_and(|first| minor >= first),
            Some(version) => self.platform.is_some_and(|first| version >= first),
            None => false,
        }
    }

    /// A cold server takes about twice these depths; what it takes warm it may not be able to read back from its command
    /// log. The command record must stay below 1 MiB
    /// with whatever properties the server has. Each element of an array is
    /// a small class; the JIT gives up on methods that build more than 490.
    fn limits(&self) -> Limits {
        Limits { depth: 100, calls: 20, cases: 40, elements: 400, record_bytes: 1_000_000, arguments: self.arguments }
    }

    /// Measured on a 0.29.0 server: a flat sum of 100 terms over one column 5.1 µs, 1 000 terms in chunks of 100 54 µs (so
    /// about 50 ns a column, most of it the map that the engine fills for each reference); 100 arms of a CASE 45 µs; four
    /// items with EXP 3 to 5 µs more than without; an array of 50 elements 10 µs. The code of a
    /// term takes 20 bytes, and methods beyond 8 000 bytes are never compiled: chunks of 100 to 350 terms run alike. A
    /// stream more is a row of JSON written and read: 8 to 12 µs for one column.
    fn costs(&self) -> Costs {
        Costs {
            column: 50.0,
            operation: 2.0,
            call: 100.0,
            arm: 400.0,
            binding: 1_000.0,
            bound: 200.0,
            reference: 30.0,
            step: 100.0,
            stream: 10_000.0,
            passed: 500.0,
            comparison_sides: 2,
            equal_sides: 3,
            method: 1_250,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            array_max: Some("ARRAY_MAX"),
            null_arithmetic_voids_item: true,
            comparison_with_null_is_false: true,
            cast_catches: self.cast_catches,
        }
    }

    fn spell(&self, function: Function) -> Spelling {
        match function {
            Function::Divide => Spelling::Infix(Operator::Divide),
            Function::AddBigint => Spelling::Infix(Operator::Add),
            Function::SubtractBigint => Spelling::Infix(Operator::Subtract),
            Function::MultiplyBigint => Spelling::Infix(Operator::Multiply),
            Function::DivideBigint => Spelling::Infix(Operator::Divide),
            Function::Power if self.lacks("POWER").is_none() => Spelling::Call("POWER"),
            Function::Power => Spelling::Refuse("POWER came with ksqlDB 0.29 (Confluent Platform 7.3)"),
            // NaN is the greatest
            Function::Max => Spelling::SkipsNull("GREATEST"),
            // LEAST would prefer a number to NaN
            Function::Min => Spelling::Rewrite,
            Function::Exp => Spelling::Call("EXP"),
            Function::Ln => Spelling::Call("LN"),
            Function::Sqrt => Spelling::Call("SQRT"),
            Function::Abs => Spelling::Call("ABS"),
            Function::Floor => Spelling::Call("FLOOR"),
            Function::Ceil => Spelling::Call("CEIL"),
            // ROUND takes halves up and gives a BIGINT
            Function::RoundEven => Spelling::Rewrite,
            // SIGN gives an INTEGER, and 0 for NaN
            Function::Sign => Spelling::Rewrite,
            Function::Tanh if self.lacks("TANH").is_none() => Spelling::Call("TANH"),
            Function::Tanh => Spelling::Rewrite,
            Function::Sigmoid
            | Function::Softmax
            | Function::OfLargest
            | Function::Softplus
            | Function::Log1p
            | Function::Expm1
            | Function::IsNan
            | Function::Whole => Spelling::Rewrite,
            Function::NormalCdf => Spelling::Refuse(
                "ksqlDB has no normal distribution function (the probit link); the logit link is close to it and exact",
            ),
            Function::Erf => Spelling::Refuse("ksqlDB has no error function"),
            Function::ToDouble => Spelling::Cast(Type::Double),
            Function::ToBigint => Spelling::Cast(Type::Bigint),
            Function::Coalesce => Spelling::SkipsNull("COALESCE"),
        }
    }

    fn lacks(&self, function: &str) -> Option<&'static Since> {
        let too_old = |since: &&Since| {
            self.standalone.is_some_and(|first| first < since.standalone)
                || self.platform.is_some_and(|first| first < since.platform)
        };
        since(function).filter(too_old)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::sql::dialect::{Server, find, of_server};

    #[test]
    fn a_target_is_the_newest_release_that_serves_it() {
        let found = |target: &str| find(target).map(|dialect| dialect.name());
        for target in ["ksqldb-0.29", "0.29.0", "ksqldb-7.4", "7.4+", "7.9.1", "8.1.0-0", "ksqldb-8.0"] {
            assert_eq!(found(target), Some("ksqldb-0.29"), "{target}");
        }
        for (target, name) in [
            ("7.3.15", "ksqldb-7.3"),
            ("0.28.2", "ksqldb-0.28"),
            ("0.27.1", "ksqldb-0.27"),
            ("7.2", "ksqldb-0.27"),
            ("0.22", "ksqldb-0.23"),
        ] {
            assert_eq!(found(target), Some(name), "{target}");
        }
        for target in ["0.17", "6.2", "", "ksqldb", "duckdb", "7", "ksqldb-seven.4"] {
            assert_eq!(found(target), None, "{target}");
        }
    }

    /// By the trees of the tags v0.27.2, v0.28.2, v0.29.0, v7.2.0, v7.3.0 and v7.4.0.
    #[test]
    fn a_release_has_what_its_source_declares() {
        let lacking = |target: &str| {
            let dialect = find(target).unwrap();
            ["EXP", "GREATEST", "TO_JSON_STRING", "TANH", "POWER", "TRUNC"].map(|it| dialect.lacks(it).is_none())
        };
        assert_eq!(lacking("0.29"), [true; 6]);
        assert_eq!(lacking("7.3"), [true, true, true, true, true, false]);
        assert_eq!(lacking("0.28"), [true, true, true, true, false, false]);
        assert_eq!(lacking("0.27"), [true, true, true, false, false, false]);
        assert_eq!(lacking("7.2"), [true, true, true, false, false, false]);
        assert_eq!(lacking("0.23"), [true, true, false, false, false, false]);
        let catches = ["7.3", "0.28", "0.27", "7.2"].map(|target| find(target).unwrap().capabilities().cast_catches);
        assert_eq!(catches, [true, true, false, false]);
    }

    #[test]
    fn a_server_gets_what_it_takes() {
        let by = |version: &str| match of_server(version) {
            Server::Takes(dialect) => dialect.name(),
            Server::TooOld => "too old",
            Server::Unknown => "unknown",
        };
        for (version, found) in [
            ("0.29.0", "ksqldb-0.29"),
            ("0.23.1-RC5", "ksqldb-0.23"),
            ("7.2.1", "ksqldb-0.27"),
            ("9.1.0-12", "ksqldb-0.29"),
            ("0.20.0", "too old"),
            ("6.2.4", "too old"),
            ("", "unknown"),
            ("nightly", "unknown"),
        ] {
            assert_eq!(by(version), found, "{version}");
        }
    }
}
