//! Choosing an overload, and the types that its letters stand for.
//!
//! The rules are ksqlDB's: an argument without a type (NULL) fits everything; without conversions first; of several
//! candidates a fixed one beats a variadic one, more parameters beat fewer, fewer letters beat more; a tie is an error.
//! A variadic signature ties with itself where a NULL can be both its repeated parameter and an array of them.

use super::{Function, Overload, Parameter, Returns};
use crate::schema::Type;

/// The type of an argument.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Argument {
    /// A value of this type; NULL has none.
    Value(Option<Type>),
    /// A unit of time.
    Unit,
    /// A lambda with so many variables, and the type of its body once that is known.
    Lambda(usize, Option<Type>),
}

/// Why no overload was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// None accepts the arguments.
    None,
    /// Several do, equally well.
    Ambiguous,
}

/// What the letters of a signature stand for.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Letters(Vec<(char, Type)>);

impl Letters {
    fn get(&self, letter: char) -> Option<&Type> {
        self.0.iter().find(|(known, _)| *known == letter).map(|(_, ty)| ty)
    }

    /// Binds a letter; false if it stands for another type already.
    fn bind(&mut self, letter: char, ty: &Type) -> bool {
        match self.get(letter) {
            Some(known) => known == ty,
            None => {
                self.0.push((letter, ty.clone()));
                true
            }
        }
    }

    /// Learns the letters of `parameter` from an argument; false if their shapes differ or a letter gets two types.
    pub(in super::super) fn learn(&mut self, parameter: &Parameter, argument: &Argument) -> bool {
        match (parameter, argument) {
            (Parameter::Lambda(inputs, output), Argument::Lambda(count, body)) => {
                inputs.len() == *count && body.as_ref().is_none_or(|body| self.learn_type(output, body))
            }
            (Parameter::Unit, Argument::Unit) => true,
            (_, Argument::Value(Some(ty))) => self.learn_type(parameter, ty),
            _ => false,
        }
    }

    fn learn_type(&mut self, parameter: &Parameter, ty: &Type) -> bool {
        match (parameter, ty) {
            (Parameter::Generic(letter), ty) => self.bind(*letter, ty),
            (Parameter::Array(item), Type::Array(ty)) => self.learn_type(item, ty),
            (Parameter::Map(key, value), Type::Map(k, v)) => self.learn_type(key, k) && self.learn_type(value, v),
            (Parameter::Lambda(..), _) => false,
            (plain, ty) => accepts_type(plain, ty, false),
        }
    }
}

/// A parameter's type with its letters replaced; `None` if a letter is unknown.
pub(in super::super) fn instantiate(parameter: &Parameter, letters: &Letters) -> Option<Type> {
    Some(match parameter {
        Parameter::Boolean => Type::Boolean,
        Parameter::Integer => Type::Integer,
        Parameter::Bigint => Type::Bigint,
        Parameter::Double => Type::Double,
        Parameter::String => Type::String,
        Parameter::Bytes => Type::Bytes,
        Parameter::Time => Type::Time,
        Parameter::Date => Type::Date,
        Parameter::Timestamp => Type::Timestamp,
        Parameter::Generic(letter) => letters.get(*letter)?.clone(),
        Parameter::Array(item) => Type::Array(Box::new(instantiate(item, letters)?)),
        Parameter::Map(key, value) => {
            Type::Map(Box::new(instantiate(key, letters)?), Box::new(instantiate(value, letters)?))
        }
        Parameter::Decimal | Parameter::Unit | Parameter::Lambda(..) => return None,
    })
}

/// The parameter that takes the argument at `index`.
pub(in super::super) fn parameter(overload: &'static Overload, index: usize) -> Option<&'static Parameter> {
    match overload.parameters.get(index) {
        Some(parameter) => Some(parameter),
        None if overload.variadic => overload.parameters.last(),
        None => None,
    }
}

/// Chooses the overload for these arguments.
pub(in super::super) fn resolve(
    function: &'static Function,
    arguments: &[Argument],
) -> Result<&'static Overload, Refusal> {
    for conversions in [false, true] {
        let mut candidates: Vec<&Overload> =
            function.overloads.iter().filter(|overload| accepts(overload, arguments, conversions)).collect();
        candidates.sort_by_key(|overload| rank(overload));
        match candidates.as_slice() {
            [] => {}
            [.., best] if may_be_all(best, arguments) => return Err(Refusal::Ambiguous),
            [only] => return Ok(only),
            [.., second, best] if rank(best) > rank(second) => return Ok(best),
            _ => return Err(Refusal::Ambiguous),
        }
    }
    Err(Refusal::None)
}

/// Whether the last argument is a NULL that may as well be the array of all repeated arguments.
fn may_be_all(overload: &Overload, arguments: &[Argument]) -> bool {
    overload.variadic
        && arguments.len() == overload.parameters.len()
        && arguments.last() == Some(&Argument::Value(None))
}

/// How good a candidate is, best last.
fn rank(overload: &Overload) -> (bool, usize, std::cmp::Reverse<usize>) {
    let letters = overload.parameters.iter().filter(|parameter| has_letters(parameter)).count();
    (!overload.variadic, overload.parameters.len(), std::cmp::Reverse(letters))
}

fn accepts(overload: &'static Overload, arguments: &[Argument], conversions: bool) -> bool {
    let count = overload.parameters.len();
    let enough = if overload.variadic { arguments.len() + 1 >= count } else { arguments.len() == count };
    let mut letters = Letters::default();
    enough
        && arguments.iter().enumerate().all(|(index, argument)| {
            parameter(overload, index).is_some_and(|parameter| match argument {
                Argument::Value(None) => true,
                _ if has_letters(parameter) => letters.learn(parameter, argument),
                Argument::Value(Some(ty)) => accepts_type(parameter, ty, conversions),
                Argument::Unit => *parameter == Parameter::Unit,
                Argument::Lambda(count, _) => {
                    matches!(parameter, Parameter::Lambda(inputs, _) if inputs.len() == *count)
                }
            })
        })
}

/// Whether a type without letters in its place accepts the argument.
pub(in super::super) fn accepts_type(parameter: &Parameter, ty: &Type, conversions: bool) -> bool {
    let widened = |from: u8, ty: u8| if conversions { ty <= from } else { ty == from };
    match (parameter, ty) {
        (Parameter::Boolean, Type::Boolean) | (Parameter::String, Type::String) | (Parameter::Bytes, Type::Bytes) => {
            true
        }
        (Parameter::Time, Type::Time) | (Parameter::Date, Type::Date) | (Parameter::Timestamp, Type::Timestamp) => true,
        (Parameter::Time | Parameter::Date | Parameter::Timestamp | Parameter::Bytes, Type::String) => conversions,
        (Parameter::Array(item), Type::Array(ty)) => accepts_type(item, ty, conversions),
        (Parameter::Map(key, value), Type::Map(k, v)) => {
            accepts_type(key, k, conversions) && accepts_type(value, v, conversions)
        }
        _ => match (width_of_parameter(parameter), width_of(ty)) {
            (Some(wide), Some(narrow)) => widened(wide, narrow),
            _ => false,
        },
    }
}

fn width_of_parameter(parameter: &Parameter) -> Option<u8> {
    match parameter {
        Parameter::Integer => Some(0),
        Parameter::Bigint => Some(1),
        Parameter::Decimal => Some(2),
        Parameter::Double => Some(3),
        _ => None,
    }
}

/// The order in which numbers widen: INTEGER, BIGINT, DECIMAL, DOUBLE.
pub(in super::super) fn width_of(ty: &Type) -> Option<u8> {
    match ty {
        Type::Integer => Some(0),
        Type::Bigint => Some(1),
        Type::Decimal(..) => Some(2),
        Type::Double => Some(3),
        _ => None,
    }
}

/// Whether a letter stands in the parameter.
pub(in super::super) fn has_letters(parameter: &Parameter) -> bool {
    match parameter {
        Parameter::Generic(_) => true,
        Parameter::Array(item) => has_letters(item),
        Parameter::Map(key, value) => has_letters(key) || has_letters(value),
        Parameter::Lambda(inputs, output) => inputs.iter().any(has_letters) || has_letters(output),
        _ => false,
    }
}

/// The type of a call's result; `None` if it cannot be told, for instance because a letter met only NULL.
pub(in super::super) fn result(overload: &'static Overload, arguments: &[Argument]) -> Option<Type> {
    match overload.returns {
        Returns::By(compute) => {
            let types: Vec<Option<Type>> = arguments
                .iter()
                .map(|argument| match argument {
                    Argument::Value(ty) => ty.clone(),
                    Argument::Unit => None,
                    Argument::Lambda(_, body) => body.clone(),
                })
                .collect();
            compute(&types)
        }
        Returns::Is(returned) => {
            let mut letters = Letters::default();
            for (index, argument) in arguments.iter().enumerate().take(overload.parameters.len()) {
                let parameter = parameter(overload, index)?;
                if has_letters(returned) && !letters.learn(parameter, argument) {
                    return None;
                }
            }
            instantiate(returned, &letters)
        }
    }
}
