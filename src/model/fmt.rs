//! The text dump of a [`Graph`]: one feature, node or output a line, with every constant, for `--emit graph`.

use std::fmt;

use super::graph::{Graph, NodeId};
use super::op::Precision;

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let single = |precision| if precision == Precision::Single { " single" } else { "" };
        for (index, feature) in self.features.iter().enumerate() {
            writeln!(f, "feature {index} {:?} {:?}{}", feature.name, feature.elem, single(feature.precision))?;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            write!(f, "%{index} = {:?}", node.op)?;
            node.args.iter().try_for_each(|arg| write!(f, " {arg}"))?;
            write!(f, " : {:?}[{}]{}", node.elem, node.width, single(node.precision))?;
            if !node.name.is_empty() {
                write!(f, " # {}", node.name.escape_debug())?;
            }
            writeln!(f)?;
        }
        if !self.classes.is_empty() {
            writeln!(f, "classes {:?}", self.classes)?;
        }
        for output in &self.outputs {
            write!(f, "output {:?} {:?} {}", output.role, output.name, output.node)?;
            if !output.elements.is_empty() {
                write!(f, " {:?}", output.elements)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
