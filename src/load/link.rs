//! Link functions of generalized linear models.

use crate::model::Unary;

/// How the mean follows from the linear predictor: by the inverse of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Mean = predictor.
    Identity,
    /// Mean = `e^predictor`.
    Log,
    /// Mean = `1 / (1 + e^-predictor)`.
    Logit,
    /// Mean = `1 - e^(-e^predictor)`.
    Cloglog,
    /// Mean = `1 / predictor`.
    Inverse,
    /// Mean = Φ(predictor).
    Probit,
}

impl Link {
    /// All, by name.
    pub const ALL: [Link; 6] = [Link::Cloglog, Link::Identity, Link::Inverse, Link::Log, Link::Logit, Link::Probit];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Link::Identity => "identity",
            Link::Log => "log",
            Link::Logit => "logit",
            Link::Cloglog => "cloglog",
            Link::Inverse => "inverse",
            Link::Probit => "probit",
        }
    }

    /// The link of this name, in any letter case and in the spellings of R and statsmodels.
    pub fn find(name: &str) -> Option<Link> {
        let name: String =
            name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match name.as_str() {
            "inversepower" | "reciprocal" | "1mu" => Some(Link::Inverse),
            "complementaryloglog" => Some(Link::Cloglog),
            "logistic" => Some(Link::Logit),
            _ => Link::ALL.into_iter().find(|link| link.name() == name),
        }
    }

    /// The function from the linear predictor to the mean; `None` for the identity.
    pub fn inverse(self) -> Option<Unary> {
        match self {
            Link::Identity => None,
            Link::Log => Some(Unary::Exp),
            Link::Logit => Some(Unary::Sigmoid),
            Link::Cloglog => Some(Unary::CloglogInverse),
            Link::Inverse => Some(Unary::Reciprocal),
            Link::Probit => Some(Unary::ProbitInverse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_the_spellings_of_other_programs() {
        assert!(Link::ALL.iter().all(|link| Link::find(link.name()) == Some(*link)));
        assert_eq!(Link::find("inverse_power"), Some(Link::Inverse));
        assert_eq!(Link::find("CLogLog"), Some(Link::Cloglog));
        assert_eq!(Link::find("sqrt"), None);
    }
}
