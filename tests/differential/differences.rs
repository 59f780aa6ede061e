//! Where basalt and stock 7.0.15 are to differ, each with its reason: mostly because 7.2 does.

use crate::compare::Comparison;
use crate::step::Step;
use crate::wire::Reply;

struct Known {
    why: &'static str,
    is: fn(&Step, &Reply, &Reply) -> bool,
}

const KNOWN: &[Known] = &[
    Known {
        why: "7.2 keeps short lists and small sets in one listpack",
        is: |step, stock, ours| {
            let pair = (text(stock), text(ours));
            step.name() == "OBJECT"
                && matches!(
                    pair,
                    (Some(b"quicklist"), Some(b"listpack"))
                        | (Some(b"hashtable"), Some(b"listpack"))
                )
        },
    },
    Known {
        why: "7.0 writes doubles with 17 digits, 7.2 with as few as tell them apart",
        is: |step, stock, ours| {
            let name = step.name();
            (name.starts_with(['Z', 'G']) || name.starts_with("BZ")) && same_numbers(stock, ours)
        },
    },
    Known {
        why: "7.2 takes WITHSCORE, and so more words than 7.0",
        is: |step, stock, _| {
            matches!(step.name().as_str(), "ZRANK" | "ZREVRANK")
                && step.words.len() > 3
                && begins(stock, "ERR wrong number of arguments")
        },
    },
    Known {
        why: "7.2 asks for one argument less",
        is: |step, stock, _| {
            step.name() == "COMMAND"
                && step.words.len() == 3
                && begins(stock, "ERR wrong number of arguments for 'command|getkeys")
        },
    },
    Known {
        why: "where the count of keys is no number, stock tells the one to be written last",
        is: |step, stock, ours| {
            step.name() == "COMMAND" && Comparison::Unordered.agree(stock, ours)
        },
    },
    Known {
        why: "7.2 names the command",
        is: |_, stock, ours| {
            begins(stock, "ERR Unbalanced XREAD list") && begins(ours, "ERR Unbalanced 'xread")
        },
    },
    Known {
        why: "a zero byte does not end a text that an error shows",
        is: |step, stock, ours| match (stock, ours) {
            (Reply::Error(stock), Reply::Error(ours)) => {
                let has_zero = step.words.iter().any(|word| word.contains(&0));
                let mut pairs = stock.iter().zip(ours);
                has_zero
                    && pairs
                        .position(|(stock, ours)| stock != ours)
                        .is_none_or(|at| at > 8)
            }
            _ => false,
        },
    },
    Known {
        why: "7.2 makes the consumer also where there is nothing to read or to claim",
        is: |step, stock, ours| {
            step.name() == "XGROUP"
                && step.is(1, "CREATECONSUMER")
                && (stock, ours) == (&Reply::Integer(1), &Reply::Integer(0))
        },
    },
    Known {
        why: "7.2 looks at the greatest id deleted before the last entry's",
        is: |step, _, ours| {
            step.name() == "XSETID"
                && begins(
                    ours,
                    "ERR The ID specified in XSETID is smaller than current max",
                )
        },
    },
    Known {
        why: "7.2 refuses the least integer, whose negative there is not",
        is: |step, _, ours| {
            let least: &[u8] = b"-9223372036854775808";
            step.name() == "LPOS"
                && step.words.iter().any(|word| word == least)
                && begins(ours, "ERR value is out of range, value must between")
        },
    },
    Known {
        why: "elements by texts of other keys that are the same, or missing, come in any order",
        is: |step, stock, ours| match (stock, ours) {
            (Reply::Array(stock), Reply::Array(ours)) => {
                let is_open = step.has("BY") && step.has("LIMIT");
                step.name().starts_with("SORT") && is_open && stock.len() == ours.len()
            }
            _ => false,
        },
    },
    Known {
        why: "whether a small number is shared depends on how it came to stock's key",
        is: |step, stock, ours| {
            let are_counts = matches!((stock, ours), (Reply::Integer(_), Reply::Integer(_)));
            step.name() == "OBJECT" && step.is(1, "REFCOUNT") && are_counts
        },
    },
    Known {
        why: "of a sketch that was cut or added to, stock decodes what lies behind it",
        is: |step, stock, ours| match (text(stock), text(ours)) {
            (Some(stock), Some(ours)) => step.name() == "PFDEBUG" && stock.starts_with(ours),
            _ => false,
        },
    },
    Known {
        why: "SORT of stock looks at an old errno",
        is: |step, stock, ours| {
            step.name().starts_with("SORT")
                && begins(stock, "ERR One or more scores can't be converted")
                && !matches!(ours, Reply::Error(_))
        },
    },
];

fn begins(reply: &Reply, text: &str) -> bool {
    matches!(reply, Reply::Error(error) if error.starts_with(text.as_bytes()))
}

/// Whether a difference is one of the list.
pub fn is_known(step: &Step, stock: &Reply, ours: &Reply) -> bool {
    let mut known = KNOWN.iter();
    known.any(|known| !known.why.is_empty() && (known.is)(step, stock, ours))
}

fn text(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Bulk(text) => Some(text),
        _ => None,
    }
}

/// Whether two replies are the same but for how numbers are written.
fn same_numbers(stock: &Reply, ours: &Reply) -> bool {
    let all_same = |stock: &[Reply], ours: &[Reply]| {
        let mut pairs = stock.iter().zip(ours);
        stock.len() == ours.len() && pairs.all(|(stock, ours)| same_numbers(stock, ours))
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    match (stock, ours) {
        (Reply::Array(stock), Reply::Array(ours)) => all_same(stock, ours),
        (Reply::Bulk(stock), Reply::Bulk(ours)) => {
            stock == ours || number(stock).is_some() && number(stock) == number(ours)
        }
        (Reply::Double(stock), Reply::Double(ours)) => {
            stock == ours || number(stock.as_bytes()) == number(ours.as_bytes())
        }
        _ => stock == ours,
    }
}
