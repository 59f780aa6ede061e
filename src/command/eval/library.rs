//! Whether the functions of a library can only reach keys they are called with.
//!
//! The same question as for a script ([`super::declared`]), with two differences. A
//! function gets its keys as its first parameter, whatever that is named. And a library
//! lives on: what one call has kept, another would find. So a name counts as a list of
//! declared keys only if all that ever binds it is being called as a registered
//! function, and no function is made within another, which could keep it.

use super::declared::{Script, bindings, word};
use super::lua::{Token, tokens};
use crate::command::table::Table;

/// See the module.
#[must_use]
pub fn functions_reach_only_declared_keys(library: &[u8], table: &Table) -> bool {
    let Some(tokens) = tokens(library) else {
        return false;
    };
    Library::read(tokens).is_some_and(|library| library.is_clear(table))
}

struct Library<'a> {
    script: Script<'a>,
    tokens: Vec<Token<'a>>,
    /// Places of `redis` where a function is registered.
    registrations: Vec<usize>,
    /// Places where the names of lists of keys are bound.
    parameters: Vec<usize>,
}

/// A function as it is written.
#[derive(Clone, Copy)]
struct Function<'a> {
    /// The place of its word `function`.
    at: usize,
    name: Option<&'a [u8]>,
    /// The place of its first parameter, if that is a name.
    first: Option<usize>,
}

impl<'a> Library<'a> {
    /// Nothing, if this is written in a way that is not understood.
    fn read(tokens: Vec<Token<'a>>) -> Option<Library<'a>> {
        let functions = functions(&tokens)?;
        let mut registrations = Vec::new();
        let mut parameters = Vec::new();
        for at in 0..tokens.len() {
            if !is(&tokens, at, &[b"redis", b".", b"register_function"]) {
                continue;
            }
            registrations.push(at);
            let callback = callback(&tokens, at + 3)?;
            let is_made_there = |function: &&Function<'_>| function.at == callback;
            let registered = match tokens[callback] {
                Token::Name(b"function") => functions.iter().find(is_made_there),
                Token::Name(name) => {
                    let named = functions.iter().find(|other| other.name == Some(name));
                    // Nobody else calls it.
                    let uses = tokens.iter().filter(|token| **token == Token::Name(name));
                    named.filter(|_| uses.count() == 2)
                }
                Token::Text(_) | Token::Number | Token::Sign(_) => None,
            };
            parameters.extend(registered?.first);
        }
        let mut keys: Vec<&[u8]> = parameters.iter().map(|at| word(tokens[*at])).collect();
        keys.sort_unstable();
        let all = keys.chunk_by(|one, other| one == other);
        let keys = all
            .filter(|bound| bindings(&tokens, bound[0]) == bound.len())
            .map(|bound| bound[0])
            .collect();
        Some(Library {
            script: Script::new(tokens.clone(), keys),
            tokens,
            registrations,
            parameters,
        })
    }

    fn is_clear(&self, table: &Table) -> bool {
        (0..self.tokens.len()).all(|at| {
            self.registrations.contains(&at)
                || self.parameters.contains(&at)
                || self.tokens[at] != Token::Name(b"coroutine")
                    && self.script.is_clear_at(at, table)
        })
    }
}

/// Whether these words stand there.
fn is(tokens: &[Token<'_>], at: usize, words: &[&[u8]]) -> bool {
    let there = tokens.get(at..at + words.len());
    there.is_some_and(|there| {
        there
            .iter()
            .map(|token| word(*token))
            .eq(words.iter().copied())
    })
}

/// All functions; nothing if one is made within another.
fn functions<'a>(tokens: &[Token<'a>]) -> Option<Vec<Function<'a>>> {
    let mut functions = Vec::new();
    // What has begun and not ended, each with whether it is a function.
    let mut open: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Name(name) = token else { continue };
        match *name {
            b"function" => {
                if open.contains(&true) {
                    return None;
                }
                open.push(true);
                functions.push(function(tokens, at));
            }
            b"if" | b"do" | b"repeat" => open.push(false),
            b"end" | b"until" => {
                open.pop()?;
            }
            _ => {}
        }
    }
    Some(functions)
}

fn function<'a>(tokens: &[Token<'a>], at: usize) -> Function<'a> {
    let name = match (
        tokens.get(at + 1),
        at.checked_sub(2).and_then(|at| tokens.get(at)),
    ) {
        (Some(Token::Name(name)), _) => Some(*name),
        (_, Some(Token::Name(name))) if is(tokens, at - 1, &[b"="]) => Some(*name),
        _ => None,
    };
    let open = match tokens.get(at + 1) {
        Some(Token::Name(_)) => at + 2,
        _ => at + 1,
    };
    let has_name_first = matches!(tokens.get(open + 1), Some(Token::Name(_)));
    Function {
        at,
        name,
        first: (is(tokens, open, &[b"("]) && has_name_first).then_some(open + 1),
    }
}

/// Where the callback stands of what is registered with these arguments: a name, or the
/// word `function`.
fn callback(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    if is(tokens, open, &[b"(", b"''", b","]) {
        let is_alone = is(tokens, open + 3, &[b"function"]) || is(tokens, open + 4, &[b")"]);
        return is_alone.then_some(open + 3);
    }
    let open = open + usize::from(is(tokens, open, &[b"("]));
    if !is(tokens, open, &[b"{"]) {
        return None;
    }
    let mut depth = 0_usize;
    let mut found = None;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match word(*token) {
            b"(" | b"[" | b"{" => depth += 1,
            b")" | b"]" | b"}" => depth -= 1,
            b"callback" if depth == 1 && is(tokens, at + 1, &[b"="]) => {
                let is_alone = is(tokens, at + 2, &[b"function"])
                    || is(tokens, at + 3, &[b","])
                    || is(tokens, at + 3, &[b"}"]);
                if found.is_some() || !is_alone {
                    return None;
                }
                found = Some(at + 2);
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::commands;

    fn is_clear(library: &str) -> bool {
        functions_reach_only_declared_keys(library.as_bytes(), &Table::new(commands()))
    }

    #[test]
    fn libraries_whose_functions_name_their_keys_are_clear() {
        for library in [
            "#!lua name=l\nredis.register_function('f', function() return 1 end)",
            "redis.register_function('f', function(keys, args) return redis.call('GET', keys[1]) end)",
            "local function f(keys, args) return redis.call('GET', keys[1]) end redis.register_function('f', f)",
            "local f = function(keys, args) return redis.call('GET', keys[1]) end redis.register_function('f', f)",
            "redis.register_function{function_name='f', callback=function(k) return redis.call('INCR', k[1]) end, flags={}}",
            "local function f(k) return redis.call('GET', k[1]) end redis.register_function({function_name='f', callback=f})",
            // Two functions, each with a name of its own for its key, or with the same.
            "local function f(keys) local k = keys[1] return redis.call('GET', k) end \
             local function g(keys) local k = keys[2] return redis.call('DEL', k) end \
             redis.register_function('f', f) redis.register_function('g', g)",
            "local function now() return redis.call('TIME')[1] end \
             redis.register_function('f', function(keys, args) \
             if #keys == 0 then return now() end for i = 1, #keys do redis.call('SET', keys[i], args[1]) end \
             return redis.call('DEL', unpack(keys)) end)",
            // The example of the documentation of functions.
            "#!lua name=mylib\n\
             local function my_hset(keys, args)\n  local hash = keys[1]\n  local time = redis.call('TIME')[1]\n\
             return redis.call('HSET', hash, '_last_modified_', time, unpack(args))\nend\n\
             redis.register_function('my_hset', my_hset)",
        ] {
            assert!(is_clear(library), "{library}");
        }
    }

    #[test]
    fn libraries_of_which_one_function_may_reach_other_keys_are_not() {
        for library in [
            "redis.register_function('f', function(keys, args) return redis.call('GET', args[1]) end)",
            "redis.register_function('f', function(keys, args) return redis.call('GET', 'x') end)",
            "redis.register_function('f', function(keys) return redis.call('GET', KEYS[1]) end)",
            "redis.register_function('f', function(keys) keys = {'x'} return redis.call('GET', keys[1]) end)",
            "redis.register_function('f', function(keys) keys[1] = 'x' return redis.call('GET', keys[1]) end)",
            "redis.register_function('f', function(keys) table.insert(keys, 'x') return redis.call('GET', keys[2]) end)",
            "redis.register_function('f', function(keys) return g(keys) end)",
            // A helper with the same name for something else.
            "local function h(keys) return redis.call('GET', keys[1]) end \
             redis.register_function('f', function(keys, args) return h(args) end)",
            "local function h(k) return redis.call('GET', k) end \
             redis.register_function('f', function(keys, args) return h(args[1]) end)",
            // Somebody else calls it.
            "local function f(keys) return redis.call('GET', keys[1]) end \
             redis.register_function('f', f) redis.register_function('g', function(k, args) return f(args) end)",
            "local function f(keys) return redis.call('GET', keys[1]) end local g = f redis.register_function('f', f)",
            // What one call keeps, another finds.
            "local kept redis.register_function('f', function(keys) local k = keys[1] \
             kept = function() return redis.call('GET', k) end end) \
             redis.register_function('g', function() return kept() end)",
            "local kept redis.register_function('f', function(keys) kept = keys[1] end) \
             redis.register_function('g', function() return redis.call('GET', kept) end)",
            "local kept redis.register_function('f', function(keys) kept = keys end)",
            "redis.register_function('f', function(keys) coroutine.yield(1) return redis.call('GET', keys[1]) end)",
            // Written in another way.
            "local r = redis r.register_function('f', function(keys) return redis.call('GET', keys[1]) end)",
            "redis['register_function']('f', function(keys) return redis.call('GET', keys[1]) end)",
            "redis.register_function('f', make(function(keys) return redis.call('GET', keys[1]) end))",
            "redis.register_function('f', f or function(keys) return redis.call('GET', keys[1]) end)",
            "redis.register_function(name, function(keys) return redis.call('GET', keys[1]) end)",
            "redis.register_function{['callback']=function(keys) return redis.call('GET', keys[1]) end, function_name='f'}",
            "redis.register_function{callback=f, callback=function(keys) return 1 end, function_name='f'}",
            "local t = {} function t.f(keys) return redis.call('GET', keys[1]) end redis.register_function('f', t.f)",
            "local f = function(keys) return redis.call('GET', keys[1]) end f = nil redis.register_function('f', f)",
            "redis.register_function('f', function(keys) return _G.redis.call('GET', keys[1]) end)",
            "redis.register_function('f', function(keys) return redis.call('DBSIZE') end)",
            "redis.register_function('f', function(keys) for keys in pairs({'x'}) do redis.call('GET', keys[1]) end end)",
            "end redis.register_function('f', function(keys) return redis.call('GET', keys[1]) end)",
        ] {
            assert!(!is_clear(library), "{library}");
        }
    }
}
