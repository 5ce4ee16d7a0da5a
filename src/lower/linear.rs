//! Linear, Scale and Polynomial: arithmetic in the order of the definition.

use super::{Item, Lowering};
use crate::model::{Linear, NodeId, Scaling};
use crate::score::{Id, Term};

impl Lowering<'_> {
    /// `y_t = w_t0 x_0 + w_t1 x_1 + … + b_t`, where a zero weight means that its feature does not occur.
    pub(super) fn linear(&mut self, linear: &Linear, arg: NodeId) -> Vec<Item> {
        let x = self.numbers(arg);
        let mut targets = Vec::with_capacity(linear.bias.len());
        for (target, &bias) in linear.bias.iter().enumerate() {
            let row = &linear.weights[target * linear.inputs..(target + 1) * linear.inputs];
            let mut terms: Vec<Term> = row
                .iter()
                .zip(&x)
                .enumerate()
                .filter(|(_, (weight, _))| **weight != 0.0)
                .map(|(position, (&weight, &x))| Term::new(weight, x).about(self.feature(arg, position)))
                .collect();
            terms.push(Term::constant(bias));
            targets.push(Item::Value(self.score.sum(terms)));
        }
        targets
    }

    pub(super) fn scaling(&mut self, scaling: &Scaling, arg: NodeId) -> Vec<Item> {
        let x = self.numbers(arg);
        let mut result = Vec::with_capacity(x.len());
        for (position, &x) in x.iter().enumerate() {
            let scaled = match scaling {
                Scaling::CenterDivide { center, scale } => {
                    let centered = self.shifted(x, -center[position]);
                    let scale = self.score.double(scale[position]);
                    self.score.divide(centered, scale)
                }
                Scaling::CenterMultiply { offset, factor } => {
                    let centered = self.shifted(x, -offset[position]);
                    self.score.scale(factor[position], centered)
                }
                Scaling::MultiplyAdd { factor, shift } => {
                    let scaled = self.score.scale(factor[position], x);
                    self.shifted(scaled, shift[position])
                }
            };
            result.push(Item::Value(scaled));
        }
        result
    }

    fn shifted(&mut self, x: Id, shift: f64) -> Id {
        self.score.sum([Term::new(1.0, x), Term::constant(shift)])
    }

    pub(super) fn polynomial(&mut self, terms: &[Vec<(usize, u32)>], arg: NodeId) -> Vec<Item> {
        let x = self.numbers(arg);
        let mut result = Vec::with_capacity(terms.len());
        for term in terms {
            let factors = term.iter().flat_map(|&(position, power)| std::iter::repeat_n(x[position], power as usize));
            let product = self.score.product(factors.collect::<Vec<_>>());
            result.push(Item::Value(product));
        }
        result
    }
}
