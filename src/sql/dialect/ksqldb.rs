//! ksqlDB 0.29, the last stand-alone release (Confluent Platform 7.4).

use super::{Capabilities, Costs, Dialect, Limits, Spelling};
use crate::schema::Type;
use crate::score::Function;
use crate::sql::ast::Operator;

/// ksqlDB 0.29.
#[derive(Clone, Copy, Debug)]
pub struct KsqlDb;

impl Dialect for KsqlDb {
    fn name(&self) -> &'static str {
        "ksqldb-0.29"
    }

    /// A cold server takes about twice these depths; what it takes warm it may not be able to read back from its command
    /// log. The command record holds about three times the statement and must stay below 1 MiB.
    fn limits(&self) -> Limits {
        Limits { depth: 100, calls: 20, cases: 40, record_bytes: 900_000 }
    }

    /// Measured on a 0.29.0 server: a flat sum of 100 terms over one column 5.1 µs, 1 000 terms in chunks of 100 54 µs (so
    /// about 50 ns a column, most of it the map that the engine fills for each reference); 100 arms of a CASE 45 µs; four
    /// items with EXP 3 to 5 µs more than without; an array of 50 elements 10 µs. The code of a
    /// term takes 20 bytes, and methods beyond 8 000 bytes are never compiled: chunks of 100 to 350 terms run alike.
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
        }
    }

    fn spell(&self, function: Function) -> Spelling {
        match function {
            Function::Divide => Spelling::Infix(Operator::Divide),
            Function::AddBigint => Spelling::Infix(Operator::Add),
            Function::SubtractBigint => Spelling::Infix(Operator::Subtract),
            Function::MultiplyBigint => Spelling::Infix(Operator::Multiply),
            Function::DivideBigint => Spelling::Infix(Operator::Divide),
            Function::Power => Spelling::Call("POWER"),
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
            Function::Tanh => Spelling::Call("TANH"),
            Function::Sigmoid
            | Function::Softmax
            | Function::OfLargest
            | Function::Softplus
            | Function::Log1p
            | Function::Expm1
            | Function::IsNan => Spelling::Rewrite,
            Function::NormalCdf => Spelling::Refuse(
                "ksqlDB has no normal distribution function (the probit link); the logit link is close to it and exact",
            ),
            Function::Erf => Spelling::Refuse("ksqlDB has no error function"),
            Function::ToDouble => Spelling::Cast(Type::Double),
            Function::ToBigint => Spelling::Cast(Type::Bigint),
            Function::Coalesce => Spelling::SkipsNull("COALESCE"),
        }
    }
}
