//! Which of all acts a seed has, and what must be there for them.

use crate::base::Random;

use super::super::exchange::Exchange;
use super::super::ledger::Ledger;
use super::{bank, lists, noise, own, steps, together, tokens};

/// A kind of thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Act {
    Bank,
    Lists,
    Tokens,
    Together,
    Own,
    Noise,
    Steps,
}

const ALL: [Act; 7] = [
    Act::Bank,
    Act::Lists,
    Act::Tokens,
    Act::Together,
    Act::Own,
    Act::Noise,
    Act::Steps,
];

/// Some of all, at least one.
pub(in super::super) fn some(dice: &mut Random) -> Vec<Act> {
    loop {
        let drawn = dice.below(1 << ALL.len());
        let acts = ALL.into_iter().enumerate();
        let acts = acts.filter(|(at, _)| drawn >> at & 1 == 1);
        let acts: Vec<Act> = acts.map(|(_, act)| act).collect();
        if !acts.is_empty() {
            return acts;
        }
    }
}

/// Begins one of these.
pub(in super::super) fn begin(
    acts: &[Act],
    client: u64,
    ledger: &mut Ledger,
    dice: &mut Random,
) -> Exchange {
    match acts[dice.below(acts.len() as u64) as usize] {
        Act::Bank => bank::begin(dice),
        Act::Lists => lists::begin(ledger, dice),
        Act::Tokens => tokens::begin(dice),
        Act::Together => together::begin(ledger, dice),
        Act::Own => own::begin(client, dice),
        Act::Noise => noise::begin(ledger, dice),
        Act::Steps => steps::begin(client, ledger, dice),
    }
}

/// What is there before anybody acts.
pub(in super::super) fn beginnings() -> [Vec<Vec<String>>; 3] {
    [
        bank::beginning(),
        tokens::beginning(),
        together::beginning(),
    ]
}
