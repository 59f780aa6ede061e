//! Elements put in order.

use std::cmp::Ordering;

use crate::base::parse_f64;
use crate::command::turn::Turn;
use crate::resp::Refusal;

use super::pattern::Pattern;
use super::request::{By, Compare, Order, Request};

/// Elements in the order a request asks for.
pub(super) fn arrange(
    turn: &mut Turn<'_>,
    elements: Vec<Vec<u8>>,
    request: &Request<'_>,
) -> Result<Vec<Vec<u8>>, Refusal> {
    match (request.by, request.compare) {
        (By::Nothing, _) => Ok(elements),
        (By::Themselves, Compare::Texts) => {
            let mut elements = elements;
            elements.sort_by(|left, right| turned(left.cmp(right), request.order));
            Ok(elements)
        }
        (By::Pattern(pattern), Compare::Texts) => {
            Ok(by_texts(turn, elements, pattern, request.order))
        }
        (By::Themselves, Compare::Numbers) => {
            let weigh = |element: &Vec<u8>| number(element).ok_or(Refusal::SORT_NOT_DOUBLE);
            let weights = elements.iter().map(weigh).collect::<Result<_, _>>()?;
            Ok(by_numbers(elements, weights, request.order))
        }
        (By::Pattern(pattern), Compare::Numbers) => {
            let mut weigh = |element: &Vec<u8>| match pattern.find(turn, element) {
                Some(text) => number(&text).ok_or(Refusal::SORT_NOT_DOUBLE),
                None => Ok(0.0),
            };
            let weights = elements.iter().map(&mut weigh).collect::<Result<_, _>>()?;
            Ok(by_numbers(elements, weights, request.order))
        }
    }
}

/// By what a pattern leads to; what leads nowhere is before all texts.
fn by_texts(
    turn: &mut Turn<'_>,
    elements: Vec<Vec<u8>>,
    pattern: Pattern<'_>,
    order: Order,
) -> Vec<Vec<u8>> {
    let mut weighed: Vec<(Option<Vec<u8>>, Vec<u8>)> = elements
        .into_iter()
        .map(|element| (pattern.find(turn, &element), element))
        .collect();
    weighed.sort_by(|(left, _), (right, _)| turned(left.cmp(right), order));
    weighed.into_iter().map(|(_, element)| element).collect()
}

/// By numbers, and by the elements where these are the same.
fn by_numbers(elements: Vec<Vec<u8>>, weights: Vec<f64>, order: Order) -> Vec<Vec<u8>> {
    let mut weighed: Vec<(f64, Vec<u8>)> = weights.into_iter().zip(elements).collect();
    weighed.sort_by(|(left, left_element), (right, right_element)| {
        // Neither is NaN.
        let by_number = left.partial_cmp(right).unwrap_or(Ordering::Equal);
        turned(
            by_number.then_with(|| left_element.cmp(right_element)),
            order,
        )
    });
    weighed.into_iter().map(|(_, element)| element).collect()
}

fn turned(ordering: Ordering, order: Order) -> Ordering {
    match order {
        Order::Ascending => ordering,
        Order::Descending => ordering.reverse(),
    }
}

/// A text as a number by C's `strtod`: it ends at a zero byte, may begin with
/// spaces, and is 0 where it is empty.
fn number(text: &[u8]) -> Option<f64> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let spaces = text
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r'))
        .count();
    parse_f64(&text[spaces..])
}
