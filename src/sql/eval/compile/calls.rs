//! Calls: choosing the overload, typing lambdas, converting and guarding arguments.

use super::super::convert::Conversion;
use super::super::functions::{self, Argument, Function, Letters, Overload, Parameter, Refusal, Run};
use super::super::lists::Shape;
use super::super::messages;
use super::super::run::{Call, Closure, Node};
use super::super::types::digits_of;
use super::super::value::Value;
use super::{Compiler, Typed, argument_node, peel};
use crate::diag::codes::eval as codes;
use crate::diag::{Diagnostic, Failed};
use crate::schema::Type;
use crate::sql::ast::{Expr, Name};

/// How to sort nothing that others see.
const SORT_A_COPY: &str = "sort a freshly built array: copy it with TRANSFORM";

impl Compiler<'_> {
    pub(super) fn call(&mut self, name: &Name, arguments: &[Expr]) -> Result<Typed, Failed> {
        let ordinary = arguments.iter().take_while(|argument| !matches!(peel(argument), Expr::Lambda(..))).count();
        let (values, lambdas) = arguments.split_at(ordinary);
        let typed: Vec<_> = values.iter().map(|value| self.argument_value(value)).collect();
        let Some(function) = functions::find(name.as_str()) else {
            let message = format!("the evaluator knows no function `{}`", name.as_str());
            let help = messages::nearest(name.as_str(), functions::all().map(|function| function.name));
            return Err(self.fail(&codes::UNKNOWN_FUNCTION, message, &help));
        };
        let typed = typed.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut types: Vec<Argument> = typed
            .iter()
            .zip(values)
            .map(|(value, expr)| match peel(expr) {
                Expr::Unit(_) => Argument::Unit,
                _ => Argument::Value(value.ty.clone()),
            })
            .collect();
        for lambda in lambdas {
            let Expr::Lambda(variables, _) = peel(lambda) else {
                let message = format!("in `{}` an argument follows a lambda", function.name);
                return Err(self.fail(&codes::LAMBDA, message, "put lambdas last"));
            };
            types.push(Argument::Lambda(variables.len(), None));
        }
        let overload =
            functions::resolve(function, &types).map_err(|refusal| self.refuse_arguments(function, &types, refusal))?;

        let mut letters = Letters::default();
        for (index, argument) in types.iter().enumerate().take(ordinary) {
            if let Some(parameter) = functions::parameter(overload, index) {
                letters.learn(parameter, argument);
            }
        }
        let mut closures = Vec::new();
        for (offset, lambda) in lambdas.iter().enumerate() {
            let index = ordinary + offset;
            let (closure, ty) = self.lambda(function, overload, index, peel(lambda), &letters)?;
            types[index] = Argument::Lambda(closure_arity(lambda), Some(ty.clone()));
            let learned =
                functions::parameter(overload, index).is_some_and(|parameter| letters.learn(parameter, &types[index]));
            if !learned {
                let message =
                    format!("the lambda of `{}` gives `{ty}`, which is not the type it has to give", function.name);
                return Err(self.fail(
                    &codes::TYPE_MISMATCH,
                    message,
                    "the result, the start and the body have one type",
                ));
            }
            closures.push(closure);
        }
        let Some(ty) = functions::result(overload, &types) else {
            let message = format!("the type of `{}` cannot be told from its arguments", function.name);
            return Err(self.fail(&codes::WRONG_ARGUMENTS, message, "give a bare NULL a type: `CAST(NULL AS DOUBLE)`"));
        };
        let mut nodes = Vec::with_capacity(typed.len());
        for (index, (value, expr)) in typed.into_iter().zip(values).enumerate() {
            nodes.push(self.argument(overload, index, value, expr)?);
        }
        let prepared = match overload.run {
            Run::Prepare(prepare) => match prepare(&arguments.iter().map(|a| peel(a).clone()).collect::<Vec<_>>()) {
                Ok(prepared) => Some(prepared),
                Err(reason) => {
                    return Err(self.fail(&codes::NOT_EVALUATED, format!("`{}`: {reason}", function.name), ""));
                }
            },
            Run::Refused(reason) => {
                let message = format!("`{}` is not evaluated: {reason}", function.name);
                return Err(self.fail(&codes::NOT_EVALUATED, message, ""));
            }
            Run::Event(_) => {
                self.reads_event = true;
                None
            }
            _ => None,
        };
        let fresh = values.first().is_some_and(|array| is_fresh(peel(array)));
        match function.name {
            "ARRAY_SORT" => {
                self.sorts = true;
                self.shared_sorts += usize::from(!fresh);
                if !fresh && !values.first().is_some_and(|array| self.may_sort(peel(array))) {
                    let message = "`ARRAY_SORT` in a lambda fails on an array that a function around it goes through";
                    return Err(self.fail(&codes::NOT_EVALUATED, message, SORT_A_COPY));
                }
            }
            // what is sorted before it is sliced may not be sorted again
            "SLICE" if !fresh => {
                let sorted =
                    matches!(values.first().map(peel), Some(Expr::Call(name, _)) if name.as_str() == "ARRAY_SORT");
                self.most_sorts = self.most_sorts.min(usize::from(sorted));
            }
            _ => {}
        }
        if self.shared_sorts > self.most_sorts {
            let message = "`SLICE` is a view of its array, which fails once `ARRAY_SORT` has sorted that in place";
            return Err(self.fail(&codes::NOT_EVALUATED, message, SORT_A_COPY));
        }
        let types = match overload.run {
            Run::Typed(_) => values_of(&types),
            _ => Vec::new(),
        };
        let call = Call { function: function.name, run: overload.run, prepared, arguments: nodes, types, closures };
        Ok(Typed::new(Node::Call(call), ty))
    }

    /// An argument that is no lambda.
    fn argument_value(&mut self, value: &Expr) -> Result<Typed, Failed> {
        match peel(value) {
            Expr::Unit(unit) => {
                let node = Node::Constant(Value::Bigint(unit.milliseconds()));
                Ok(Typed { node, ty: None, primitive: false, shape: Shape::Other })
            }
            _ => self.expr(value),
        }
    }

    /// An argument, converted to the parameter's type and guarded as ksqlDB guards it.
    fn argument(
        &mut self,
        overload: &'static Overload,
        index: usize,
        value: Typed,
        expr: &Expr,
    ) -> Result<Node, Failed> {
        let target = functions::parameter(overload, index).zip(value.ty.as_ref()).and_then(|(parameter, ty)| {
            if functions::has_letters(parameter) || functions::accepts_type(parameter, ty, false) {
                None
            } else if *parameter == Parameter::Decimal {
                digits_of(ty).map(|(precision, scale)| (ty.clone(), Type::Decimal(precision, scale)))
            } else {
                functions::instantiate(parameter, &Letters::default()).map(|target| (ty.clone(), target))
            }
        });
        match target {
            None => Ok(argument_node(value.node, expr)),
            Some((from, to)) => match Conversion::between(&from, &to) {
                Ok(conversion) => Ok(Node::Cast(Box::new(value.node), conversion)),
                Err(_) => {
                    let message = format!("the evaluator does not convert `{from}` to `{to}`");
                    Err(self.fail(&codes::NOT_EVALUATED, message, ""))
                }
            },
        }
    }

    /// Whether no lambda around goes through the array while it is sorted: it may be an item for the innermost one.
    fn may_sort(&self, array: &Expr) -> bool {
        match array {
            Expr::Column(name) => {
                self.scope.is_empty() || self.scope.iter().skip(self.items).any(|(variable, _)| variable == name)
            }
            _ => self.scope.is_empty(),
        }
    }

    fn refuse_arguments(&mut self, function: &'static Function, types: &[Argument], refusal: Refusal) -> Failed {
        let found: Vec<String> = types.iter().map(messages::argument).collect();
        let found = found.join(", ");
        let name = function.name;
        let diagnostic = match refusal {
            Refusal::None => {
                let signatures: Vec<String> =
                    function.overloads.iter().map(|overload| messages::signature(name, overload)).collect();
                let message = format!("`{name}` does not take ({found})");
                Diagnostic::new(&codes::WRONG_ARGUMENTS, message).note(format!("it is {}", signatures.join(", ")))
            }
            Refusal::Ambiguous => {
                let message = format!("several variants of `{name}` fit ({found}) equally well");
                Diagnostic::new(&codes::WRONG_ARGUMENTS, message).help("convert an argument with CAST")
            }
        };
        self.report.fail(diagnostic.at_maybe(self.at.clone()))
    }

    fn lambda(
        &mut self,
        function: &'static Function,
        overload: &'static Overload,
        index: usize,
        lambda: &Expr,
        letters: &Letters,
    ) -> Result<(Closure, Type), Failed> {
        let (Expr::Lambda(variables, body), Some(Parameter::Lambda(inputs, _))) =
            (lambda, functions::parameter(overload, index))
        else {
            return Err(self.fail(&codes::LAMBDA, format!("`{}` takes no lambda here", function.name), ""));
        };
        let slot = self.scope.len();
        for (name, input) in variables.iter().zip(*inputs) {
            self.check_variable(name)?;
            let Some(ty) = functions::instantiate(input, letters) else {
                self.scope.truncate(slot);
                let message = format!("the type of the variable `{}` cannot be told", name.as_str());
                return Err(self.fail(&codes::LAMBDA, message, "give a bare NULL a type: `CAST(NULL AS DOUBLE)`"));
            };
            self.scope.push((name.clone(), ty));
        }
        // the first variable of REDUCE is the state, which may be the array itself
        let outer = std::mem::replace(&mut self.items, slot + usize::from(function.name == "REDUCE"));
        let body = self.expr(body);
        self.items = outer;
        self.scope.truncate(slot);
        let body = body?;
        match body.ty {
            Some(ty) => Ok((Closure { slot, body: body.node }, ty)),
            None => {
                let message = "a lambda that gives a bare `NULL` has no type";
                Err(self.fail(&codes::NO_TYPE, message, "give it a type: `CAST(NULL AS DOUBLE)`"))
            }
        }
    }

    fn check_variable(&mut self, variable: &Name) -> Result<(), Failed> {
        let name = variable.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let message = if !name.chars().all(plain) || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            format!("`{name}` cannot be the variable of a lambda: only letters, digits, `_` and `$`")
        } else if self.relation.column(name).is_some() {
            format!("the variable `{name}` of a lambda has the name of a column")
        } else if self.scope.iter().any(|(known, _)| known == variable) {
            format!("the variable `{name}` of a lambda is used twice")
        } else {
            return Ok(());
        };
        Err(self.fail(&codes::LAMBDA, message, "choose another name, such as `_X`"))
    }
}

fn values_of(arguments: &[Argument]) -> Vec<Option<Type>> {
    let of = |argument: &Argument| match argument {
        Argument::Value(ty) => ty.clone(),
        Argument::Unit | Argument::Lambda(..) => None,
    };
    arguments.iter().map(of).collect()
}

fn closure_arity(lambda: &Expr) -> usize {
    match peel(lambda) {
        Expr::Lambda(variables, _) => variables.len(),
        _ => 0,
    }
}

/// Whether nobody else holds the array.
/// Whether an array is sorted that others may hold too.
pub(in crate::sql::eval) fn sorts_in_place(expr: &Expr) -> bool {
    let mut found = match expr {
        Expr::Call(name, arguments) if name.as_str() == "ARRAY_SORT" => {
            !arguments.first().is_some_and(|array| is_fresh(peel(array)))
        }
        _ => false,
    };
    expr.for_each_child(|child| found = found || sorts_in_place(child));
    found
}

fn is_fresh(array: &Expr) -> bool {
    match array {
        Expr::Array(_) => true,
        Expr::Call(name, arguments) => match name.as_str() {
            "SLICE" => arguments.first().map(peel).is_some_and(is_fresh),
            name => matches!(name, "TRANSFORM" | "FILTER" | "ARRAY_CONCAT" | "ARRAY_DISTINCT" | "GENERATE_SERIES"),
        },
        _ => false,
    }
}
