//! Whether a script can only reach keys it declares.
//!
//! Scripts may call any command with any words, so without looking at one it
//! must hold every shard while it runs. Most scripts name their keys as
//! `KEYS[…]` and nothing else, and need only the shards of these. This says of
//! a script's text that it is such a one; when it says no, the script may
//! still be. It must never say yes wrongly, so everything it does not know is
//! a no: other ways to get at `redis.call` or at `KEYS`, words that are
//! computed, code that is made while it runs.

use super::lua::{Token, tokens};
use crate::command::table::{Entry, KeyPlan, Run, Table};

/// Names by which a script could do what its text does not show.
const OPAQUE: &[&[u8]] = &[
    b"_G",
    b"debug",
    b"dofile",
    b"getfenv",
    b"load",
    b"loadfile",
    b"loadstring",
    b"rawget",
    b"rawset",
    b"require",
    b"setfenv",
];

/// Members of `redis` that reach no key.
const HARMLESS: &[&[u8]] = &[
    b"error_reply",
    b"log",
    b"LOG_DEBUG",
    b"LOG_NOTICE",
    b"LOG_VERBOSE",
    b"LOG_WARNING",
    b"REDIS_VERSION",
    b"REDIS_VERSION_NUM",
    b"replicate_commands",
    b"setresp",
    b"sha1hex",
    b"status_reply",
];

/// Signs and words behind which a value is read.
const BEFORE_A_VALUE: &[&[u8]] = &[
    b"(", b",", b"=", b"{", b"[", b"..", b"==", b"~=", b"<", b">", b"<=", b">=", b"+", b"-", b"*",
    b"/", b"%", b"^", b"#", b"and", b"or", b"not", b"return", b"if", b"elseif", b"while", b"until",
    b"in",
];

/// Signs and words that make a longer expression of what stands before them.
const GOES_ON: &[&[u8]] = &[
    b"..", b"+", b"-", b"*", b"/", b"%", b"^", b"and", b"or", b"[", b".", b":", b"(", b"==", b"~=",
    b"<", b">", b"<=", b">=", b",", b"{",
];

/// See the module.
#[must_use]
pub fn reaches_only_declared_keys(script: &[u8], table: &Table) -> bool {
    let Some(tokens) = tokens(script) else {
        return false;
    };
    Script::new(tokens, vec![b"KEYS"]).is_clear(table)
}

/// Lua of which it is asked what keys it reaches.
pub(super) struct Script<'a> {
    tokens: Vec<Token<'a>>,
    /// Names of lists of declared keys: `KEYS`.
    keys: Vec<&'a [u8]>,
    /// Names that are always one of these.
    aliases: Vec<&'a [u8]>,
}

impl<'a> Script<'a> {
    /// With these names for lists of declared keys.
    pub(super) fn new(tokens: Vec<Token<'a>>, keys: Vec<&'a [u8]>) -> Script<'a> {
        Script {
            aliases: aliases(&tokens, &keys),
            tokens,
            keys,
        }
    }

    fn is_clear(&self, table: &Table) -> bool {
        (0..self.tokens.len()).all(|at| self.is_clear_at(at, table))
    }

    /// Whether nothing that begins with this word leads to other keys.
    pub(super) fn is_clear_at(&self, at: usize, table: &Table) -> bool {
        match self.tokens[at] {
            Token::Name(b"redis") => self.is_clear_use_of_redis(at, table),
            Token::Name(name) if self.keys.contains(&name) => self.is_clear_use_of_keys(at),
            Token::Name(name) => !OPAQUE.contains(&name),
            Token::Text(_) | Token::Number | Token::Sign(_) => true,
        }
    }

    fn token(&self, at: usize) -> Option<Token<'a>> {
        self.tokens.get(at).copied()
    }

    fn is(&self, at: usize, sign: &[u8]) -> bool {
        self.token(at).is_some_and(|token| word(token) == sign)
    }

    fn is_clear_use_of_redis(&self, at: usize, table: &Table) -> bool {
        if !self.is(at + 1, b".") {
            return false;
        }
        match self.token(at + 2) {
            Some(Token::Name(b"call" | b"pcall")) => {
                self.is(at + 3, b"(") && self.is_clear_call(at + 3, table)
            }
            Some(Token::Name(name)) => HARMLESS.contains(&name) && !self.is(at + 3, b"="),
            _ => false,
        }
    }

    /// `KEYS[…]` as a value, `#KEYS`, `unpack(KEYS`, `ipairs(KEYS)`.
    fn is_clear_use_of_keys(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        if self.is(at + 1, b"[") {
            let is_read = before.is_some_and(|token| BEFORE_A_VALUE.contains(&word(token)));
            let end = self.closing(at + 1);
            return is_read && end.is_some_and(|end| !self.is(end + 1, b"="));
        }
        let is_argument = before.map(word) == Some(b"(") && at >= 2;
        before.map(word) == Some(b"#") || is_argument && self.is_reader(at - 2)
    }

    /// Whether this is a function that changes nothing of the list it is given, and no
    /// other that has its name.
    fn is_reader(&self, at: usize) -> bool {
        let name = word(self.tokens[at]);
        let is_member = at > 0 && (self.is(at - 1, b".") || self.is(at - 1, b":"));
        (name == b"unpack" || name == b"ipairs") && !is_member && bindings(&self.tokens, name) == 0
    }

    /// The place of the sign that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.tokens.len() {
            match word(self.tokens[at]) {
                b"(" | b"[" | b"{" => depth += 1,
                b")" | b"]" | b"}" => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// `(…)` of a call: a command that is known, and every key declared.
    fn is_clear_call(&self, open: usize, table: &Table) -> bool {
        let Some(arguments) = self.arguments(open) else {
            return false;
        };
        let Some(entry) = self.command(&arguments, table) else {
            return false;
        };
        let is_data = match entry.command.run {
            Run::Data(_) => true,
            Run::Here(_)
            | Run::AloneOr(..)
            | Run::Led(_)
            | Run::Node(_)
            | Run::Waits(_)
            | Run::Exec => false,
            // Every core's part may look at its shard.
            Run::Everywhere(_)
            | Run::EverywhereOrNode(..)
            | Run::DataOrWhole(..)
            | Run::Whole(_)
            | Run::AtCursor(_)
            | Run::EverywhereOr(..)
            | Run::Container(_)
            | Run::Script { .. }
            | Run::KillScript { .. } => return false,
        };
        match entry.keys {
            KeyPlan::None => true,
            _ if !is_data => false,
            KeyPlan::One(index) => arguments
                .get(usize::from(index))
                .is_some_and(|argument| self.is_declared(argument)),
            KeyPlan::Range { first, step, tail } => {
                self.are_declared(&arguments, usize::from(first), usize::from(step), tail)
            }
            KeyPlan::Search => false,
        }
    }

    /// The words from `first` on are keys, every `step`th, but for the last
    /// `tail`.
    fn are_declared(
        &self,
        arguments: &[&[Token<'a>]],
        first: usize,
        step: usize,
        tail: u16,
    ) -> bool {
        let Some(last) = arguments.last() else {
            return false;
        };
        if step == 1 && tail == 0 && self.is_all_keys(last) {
            let others = &arguments[..arguments.len() - 1];
            return others.iter().skip(first).all(|key| self.is_declared(key));
        }
        let is_one_value = matches!(last, [Token::Text(_) | Token::Number])
            || self.is_declared(last)
            || self.is_element_of_argv(last);
        let end = arguments.len().saturating_sub(usize::from(tail));
        is_one_value
            && (first..end)
                .step_by(step)
                .all(|index| self.is_declared(arguments[index]))
    }

    /// `unpack(KEYS)`.
    fn is_all_keys(&self, argument: &[Token<'a>]) -> bool {
        let words: Vec<&[u8]> = argument.iter().map(|token| word(*token)).collect();
        matches!(words[..], [b"unpack", b"(", name, b")"] if self.keys.contains(&name))
    }

    fn is_element_of_argv(&self, argument: &[Token<'a>]) -> bool {
        matches!(
            argument,
            [
                Token::Name(b"ARGV"),
                Token::Sign(b"["),
                Token::Number,
                Token::Sign(b"]")
            ]
        )
    }

    /// `KEYS[…]`, or a name that stands for one.
    fn is_declared(&self, argument: &[Token<'a>]) -> bool {
        match argument {
            [Token::Name(name)] => self.aliases.contains(name),
            [
                Token::Name(name),
                Token::Sign(b"["),
                inner @ ..,
                Token::Sign(b"]"),
            ] if self.keys.contains(name) => {
                // One pair of brackets, not `KEYS[1]..x[1]`.
                inner
                    .iter()
                    .all(|token| !matches!(word(*token), b"[" | b"]"))
            }
            _ => false,
        }
    }

    /// The arguments of a call, each as its words.
    fn arguments(&self, open: usize) -> Option<Vec<&[Token<'a>]>> {
        let close = self.closing(open)?;
        let mut arguments = Vec::new();
        let mut start = open + 1;
        let mut depth = 0usize;
        for at in open + 1..close {
            match word(self.tokens[at]) {
                b"(" | b"[" | b"{" => depth += 1,
                b")" | b"]" | b"}" => depth -= 1,
                b"function" => return None,
                b"," if depth == 0 => {
                    arguments.push(&self.tokens[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        arguments.push(&self.tokens[start..close]);
        Some(arguments)
    }

    /// The row that a call names in so many words.
    fn command<'t>(&self, arguments: &[&[Token<'a>]], table: &'t Table) -> Option<&'t Entry> {
        let literal = |index: usize| match arguments.get(index)? {
            [Token::Text(text)] => *text,
            _ => None,
        };
        let name = literal(0)?;
        let entry = table.by_name(name)?;
        if entry.children.is_empty() {
            return Some(entry);
        }
        let full = [name, b"|", literal(1)?].concat();
        table.by_full_name(&full)
    }
}

/// A word's text; of a string, nothing that a sign or a name could be.
pub(super) fn word<'a>(token: Token<'a>) -> &'a [u8] {
    match token {
        Token::Name(text) | Token::Sign(text) => text,
        Token::Text(_) => b"''",
        Token::Number => b"0",
    }
}

/// Names that `local name = KEYS[…]` binds, and nothing else does.
fn aliases<'a>(tokens: &[Token<'a>], keys: &[&[u8]]) -> Vec<&'a [u8]> {
    let mut names: Vec<&[u8]> = (0..tokens.len())
        .filter_map(|at| bound_to_a_key(&tokens[at..], keys))
        .collect();
    names.sort_unstable();
    let all = names.chunk_by(|one, other| one == other);
    all.filter(|bound| bindings(tokens, bound[0]) == bound.len())
        .map(|bound| bound[0])
        .collect()
}

/// The name that is bound here by `local name = KEYS[…]`, if that is so and the
/// expression ends there.
fn bound_to_a_key<'a>(tokens: &[Token<'a>], keys: &[&[u8]]) -> Option<&'a [u8]> {
    let [
        Token::Name(b"local"),
        Token::Name(name),
        Token::Sign(b"="),
        Token::Name(of),
        Token::Sign(b"["),
        rest @ ..,
    ] = tokens
    else {
        return None;
    };
    let end = rest.iter().position(|token| word(*token) == b"]")?;
    let is_simple = rest[..end].iter().all(|token| word(*token) != b"[");
    let next = rest.get(end + 1);
    let ends = next.is_none_or(|token| !GOES_ON.contains(&word(*token)));
    (keys.contains(of) && is_simple && ends).then_some(*name)
}

/// How often a name is bound or assigned.
pub(super) fn bindings(tokens: &[Token<'_>], name: &[u8]) -> usize {
    let mut bindings = 0;
    let mut depth = 0usize;
    // Inside `local a, b`, `for a, b` and the parameters of a function.
    let mut is_binding = false;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or(&b""[..], |token| word(*token));
        match (token, word(*token)) {
            (Token::Name(_), b"local" | b"for" | b"function") => is_binding = true,
            (Token::Name(_), own) if own == name => {
                let before = at.checked_sub(1).map_or(&b""[..], |at| word(tokens[at]));
                if before == b"." || before == b":" {
                    continue;
                }
                let is_in_list = depth == 0 && next == b",";
                bindings += usize::from(is_binding || next == b"=" || is_in_list);
                is_binding &= next == b"," || next == b")";
            }
            (_, b"(") => depth += 1,
            (_, b")") => {
                depth = depth.saturating_sub(1);
                is_binding = false;
            }
            (_, b"{" | b"[") => depth += 1,
            (_, b"}" | b"]") => depth = depth.saturating_sub(1),
            (_, b"=" | b"in") => is_binding = false,
            (Token::Name(_), _) => {
                // Another name: the list goes on with a comma, or with the
                // parameters of a named function.
                is_binding &= matches!(next, b"," | b"(" | b"." | b":" | b")" | b"=" | b"in");
            }
            _ => {}
        }
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::commands;

    fn is_clear(script: &str) -> bool {
        reaches_only_declared_keys(script.as_bytes(), &Table::new(commands()))
    }

    #[test]
    fn scripts_that_name_their_keys_are_clear() {
        for script in [
            "return 1",
            "return redis.call('GET', KEYS[1])",
            "return redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])",
            "local k = KEYS[1] local v = redis.call('GET', k) return v",
            "if a then local k = KEYS[1] return redis.call('GET', k) end local k = KEYS[2] return redis.call('GET', k)",
            "local k = KEYS[1]; if redis.pcall('EXISTS', k) == 1 then return redis.call('DEL', k) end return 0",
            "return redis.call('MGET', KEYS[1], KEYS[2])",
            "return redis.call('DEL', unpack(KEYS))",
            "for i = 1, #KEYS do redis.call('INCR', KEYS[i]) end",
            "for i, name in ipairs(KEYS) do redis.call('INCR', KEYS[i]) end",
            "return redis.call('SADD', KEYS[1], unpack(ARGV))",
            "return redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], ARGV[2])",
            "return redis.call('TIME')",
            "return redis.call('OBJECT', 'ENCODING', KEYS[1])",
            "return redis.status_reply('OK')",
            "return {KEYS[1], KEYS[2], ARGV[1]}",
            "-- redis.call('GET', 'x')\nreturn 'redis.call(x)'",
            // The release of redis-py's lock.
            "local token = redis.call('get', KEYS[1])\nif not token or token ~= ARGV[1] then\n return 0\nend\nredis.call('del', KEYS[1])\nreturn 1",
        ] {
            assert!(is_clear(script), "{script}");
        }
    }

    #[test]
    fn scripts_that_may_reach_other_keys_are_not() {
        for script in [
            "return redis.call('GET', 'x')",
            "return redis.call('GET', ARGV[1])",
            "return redis.call('GET', KEYS[1] .. 'x')",
            "return redis.call('GET', KEYS[1]..KEYS[2])",
            "return redis.call(ARGV[1], KEYS[1])",
            "return redis.call('G\\69T', KEYS[1])",
            "local c = redis.call return c('GET', KEYS[1])",
            "return pcall(redis.call, 'GET', 'x')",
            "local r = redis return r.call('GET', 'x')",
            "return redis['call']('GET', 'x')",
            "return redis.call 'DBSIZE'",
            "return _G.redis.call('GET', KEYS[1])",
            "return loadstring(ARGV[1])()",
            "KEYS[1] = 'x' return redis.call('GET', KEYS[1])",
            "KEYS[1], y = 'x', 1 return redis.call('GET', KEYS[1])",
            "local y y, KEYS[1] = 1, 'x' return redis.call('GET', KEYS[1])",
            "table.insert(KEYS, 'x') return redis.call('GET', KEYS[2])",
            "local function ipairs(t) t[1] = 'x' end ipairs(KEYS) return redis.call('GET', KEYS[1])",
            "local unpack = function(t) t[1] = 'x' end unpack(KEYS) return redis.call('GET', KEYS[1])",
            "local t = {} t['unpack'] = function(k) k[1] = 'x' end t.unpack(KEYS) return redis.call('GET', KEYS[1])",
            "local function f(ipairs) ipairs(KEYS) return redis.call('GET', KEYS[1]) end return f(table.sort)",
            "local KEYS = ARGV return redis.call('GET', KEYS[1])",
            "local function f(KEYS) return redis.call('GET', KEYS[1]) end return f(ARGV)",
            "local k = KEYS[1] k = 'x' return redis.call('GET', k)",
            "local k = KEYS[1] local k = 'x' return redis.call('GET', k)",
            "local k = KEYS[1] local k = KEYS[2]..'x' return redis.call('GET', k)",
            "local k = KEYS[1] k, y = 'x', 1 return redis.call('GET', k)",
            "local k = KEYS[1] y, k = 1, 'x' return redis.call('GET', k)",
            "local k = KEYS[1] for k in pairs({x=1}) do redis.call('GET', k) end",
            "local k = KEYS[1] for _, k in pairs({'x'}) do redis.call('GET', k) end",
            "local k = KEYS[1] local function f(a, k) return redis.call('GET', k) end return f(1, 'x')",
            "local k = KEYS[1] .. 'x' return redis.call('GET', k)",
            "local k = KEYS[1] or 'x' return redis.call('GET', k)",
            "local k, l = KEYS[1], 'x' return redis.call('GET', k)",
            "return redis.call('MGET', unpack(ARGV))",
            "return redis.call('MGET', KEYS[1], 'x')",
            "return redis.call('MSET', KEYS[1], 'v', 'x', 'v')",
            "return redis.call('MSET', KEYS[1], unpack(ARGV))",
            "return redis.call('MSET', KEYS[1], ...)",
            "return redis.call('KEYS', '*')",
            "return redis.call('DBSIZE')",
            "return redis.call('INFO')",
            "return redis.call('RANDOMKEY')",
            "return redis.call('SCAN', 0)",
            "return redis.call('FLUSHALL')",
            "return redis.call('SORT', KEYS[1], 'BY', 'w_*')",
            "return redis.call('ZUNIONSTORE', KEYS[1], 1, 'x')",
            "return redis.call('NOSUCH', KEYS[1])",
            "return redis.call('GET', (function() return 'x' end)())",
            "redis.status_reply = redis.call",
            "'unfinished",
        ] {
            assert!(!is_clear(script), "{script}");
        }
    }
}
