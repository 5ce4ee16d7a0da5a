//! ksqlDB 0.29, the last stand-alone release (Confluent Platform 7.4).

use super::{Capabilities, Dialect, Limits, Spelling};
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
        Limits { depth: 100, calls: 20, cases: 40, statement_bytes: 300_000 }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { null_arithmetic_voids_item: true, comparison_with_null_is_false: true }
    }

    fn spell(&self, function: Function) -> Spelling {
        match function {
            Function::Divide => Spelling::Infix(Operator::Divide),
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
            Function::Sigmoid | Function::Softplus | Function::Log1p | Function::Expm1 | Function::IsNan => {
                Spelling::Rewrite
            }
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
