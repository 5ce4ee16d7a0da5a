//! What the SQL of a model reads.

use super::{Bindings, natural_type};
use crate::model::Graph;
use crate::schema::{Column, Kind, Relation};
use std::collections::HashSet;

/// The columns that feed the features, in the order of the features. A column that is not declared has the type that the
/// feature needs.
pub fn source(graph: &Graph, bindings: &Bindings) -> Relation {
    let known = bindings.relation.as_ref();
    let mut seen = HashSet::new();
    let mut columns = Vec::new();
    for (feature, binding) in graph.features.iter().zip(&bindings.inputs) {
        for name in binding.expr.columns() {
            if seen.insert(name) {
                let declared = known.and_then(|relation| relation.column(name.as_str())).cloned();
                let assumed = || Column { name: name.0.clone(), ty: natural_type(feature.elem), key: None };
                columns.push(declared.unwrap_or_else(assumed));
            }
        }
    }
    let (name, kind) = known.map_or(("S", Kind::Stream), |relation| (relation.name.as_str(), relation.kind));
    Relation { name: name.to_owned(), kind, columns }
}
