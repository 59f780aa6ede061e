//! Whether two replies say the same, for each kind of command.

use crate::wire::Reply;

/// How far clocks of two servers may be apart in a reply, in its unit.
const SLACK: i64 = 30_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// To the byte.
    Exact,
    /// The elements, in any order.
    Unordered,
    /// Pairs, in any order.
    Pairs,
    /// Times, which are not asked for at the same moment.
    Near,
    /// XPENDING's list: the third of each entry is a time.
    Idle,
    /// XINFO: times, and what a server counts of itself.
    Told,
    /// Drawn by chance, nothing changed.
    Random,
    /// Drawn by chance and taken out: the key is then set to what stock has.
    Drawn,
    /// The clock decides: the key is then set to what stock has.
    Clocked,
    /// To be walked to its end.
    Scan,
    /// Order is open where weights are the same.
    Sort,
    /// Order is open where distances are the same.
    Geo,
    /// Words to the runner itself.
    Own,
}

impl Comparison {
    pub fn named(name: &str) -> Self {
        match name {
            "exact" => Self::Exact,
            "unordered" => Self::Unordered,
            "pairs" => Self::Pairs,
            "near" => Self::Near,
            "idle" => Self::Idle,
            "told" => Self::Told,
            "random" => Self::Random,
            "drawn" => Self::Drawn,
            "clocked" => Self::Clocked,
            "scan" => Self::Scan,
            "sort" => Self::Sort,
            "geo" => Self::Geo,
            "own" => Self::Own,
            _ => panic!("commands.txt: no comparison is called {name}"),
        }
    }

    /// Whether both replies say the same, as far as a reply alone tells.
    pub fn agree(self, stock: &Reply, ours: &Reply) -> bool {
        if stock == ours {
            return true;
        }
        match self {
            Self::Exact | Self::Own | Self::Scan => false,
            Self::Unordered => sorted(stock, 1) == sorted(ours, 1),
            Self::Pairs => sorted(stock, 2) == sorted(ours, 2),
            Self::Near => near(stock, ours),
            Self::Idle => idle_agree(stock, ours),
            Self::Told => told(stock, "") == told(ours, ""),
            Self::Random | Self::Drawn | Self::Clocked => same_shape(stock, ours),
            Self::Sort | Self::Geo => sorted(stock, 1) == sorted(ours, 1),
        }
    }
}

/// Elements, or groups of `step` elements, in the order of how they look.
fn sorted(reply: &Reply, step: usize) -> Vec<String> {
    let mut lines: Vec<String> = match reply {
        Reply::Array(items) | Reply::Set(items) => items
            .chunks(step)
            .map(|chunk| format!("{chunk:?}"))
            .collect(),
        Reply::Map(pairs) => pairs.iter().map(|pair| format!("{pair:?}")).collect(),
        other => return vec![format!("{other:?}")],
    };
    lines.sort();
    // An array is no set.
    let kind = std::mem::discriminant(reply);
    lines.insert(0, format!("{kind:?}"));
    lines
}

fn near(stock: &Reply, ours: &Reply) -> bool {
    match (stock, ours) {
        // -1 and -2 are no times.
        (Reply::Integer(stock), Reply::Integer(ours)) => {
            *stock >= 0 && *ours >= 0 && stock.abs_diff(*ours) <= SLACK.unsigned_abs()
        }
        _ => false,
    }
}

fn idle_agree(stock: &Reply, ours: &Reply) -> bool {
    let (Reply::Array(stock), Reply::Array(ours)) = (stock, ours) else {
        return false;
    };
    let agree = |(stock, ours): (&Reply, &Reply)| match (stock, ours) {
        (Reply::Array(stock), Reply::Array(ours)) if stock.len() == 4 && ours.len() == 4 => {
            let is_same = |at: usize| stock[at] == ours[at];
            let is_near = is_same(2) || near(&stock[2], &ours[2]);
            is_same(0) && is_same(1) && is_same(3) && is_near
        }
        _ => false,
    };
    stock.len() == ours.len() && stock.iter().zip(ours).all(agree)
}

/// What XINFO tells, without times and without consumers that have nothing: 7.0 does not make
/// them where there is nothing to read, 7.2 does.
fn told(reply: &Reply, name: &str) -> Vec<String> {
    match reply {
        Reply::Map(pairs) => {
            let flat = pairs.iter().map(|(name, value)| (name, value));
            told_pairs(flat, name)
        }
        Reply::Array(items) if is_named(items) => {
            let flat = items.chunks(2).map(|pair| (&pair[0], &pair[1]));
            told_pairs(flat, name)
        }
        Reply::Array(items) => {
            let mut lines = Vec::new();
            for item in items {
                let told = told(item, name);
                if !told.is_empty() {
                    lines.push("-".to_owned());
                    lines.extend(told);
                }
            }
            lines
        }
        // A time of delivery, in milliseconds since 1970.
        Reply::Integer(time) if *time > 100_000_000_000 && name == "pel" => vec!["time".to_owned()],
        Reply::Integer(time) if *time > 100_000_000_000 && name == "pending" => {
            vec!["time".to_owned()]
        }
        other => vec![format!("{other:?}")],
    }
}

/// Whether an array of RESP2 is a map: names and values.
fn is_named(items: &[Reply]) -> bool {
    let names = ["name", "length"];
    let first =
        |name: &str| matches!(items.first(), Some(Reply::Bulk(text)) if text == name.as_bytes());
    items.len().is_multiple_of(2) && items.len() > 4 && names.iter().any(|name| first(name))
}

fn told_pairs<'a>(
    pairs: impl Iterator<Item = (&'a Reply, &'a Reply)>,
    parent: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_empty_consumer = false;
    for (name, value) in pairs {
        let Reply::Bulk(name) = name else {
            return vec![format!("{name:?} is no name")];
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let is_time = matches!(
            name.as_str(),
            "idle" | "inactive" | "seen-time" | "active-time"
        );
        let is_count = name == "consumers" && matches!(value, Reply::Integer(_));
        let is_nothing = matches!(value, Reply::Integer(0));
        // Of XINFO CONSUMERS, and of XINFO STREAM FULL.
        is_empty_consumer |= is_nothing && name == "pending" && parent.is_empty();
        is_empty_consumer |= is_nothing && name == "pel-count" && parent == "consumers";
        if is_time || is_count {
            continue;
        }
        lines.push(name.clone());
        lines.extend(told(value, &name));
    }
    if is_empty_consumer && !lines.iter().any(|line| line == "last-delivered-id") {
        lines.clear();
    }
    lines
}

fn same_shape(stock: &Reply, ours: &Reply) -> bool {
    match (stock, ours) {
        (Reply::Error(_), _) | (_, Reply::Error(_)) => false,
        (Reply::Array(stock), Reply::Array(ours)) | (Reply::Set(stock), Reply::Set(ours)) => {
            stock.len() == ours.len()
        }
        _ => std::mem::discriminant(stock) == std::mem::discriminant(ours),
    }
}

/// The texts and numbers in a reply, one after the other.
pub fn leaves(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            items.iter().flat_map(leaves).collect()
        }
        Reply::Map(pairs) => {
            let both = |(name, value)| [leaves(name), leaves(value)].concat();
            pairs
                .iter()
                .map(|(name, value)| (name, value))
                .flat_map(both)
                .collect()
        }
        Reply::Null => Vec::new(),
        // A score is a text in RESP2 and a number in RESP3.
        Reply::Double(text) => vec![crate::wire::quote(text.as_bytes())],
        other => other.lines(),
    }
}
