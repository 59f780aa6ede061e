//! Random commands of every type, from a seed.

use crate::wire::{Connection, Reply};

/// A generator of numbers: xorshift.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn pick(&mut self, words: &[&str]) -> String {
        words[self.below(words.len() as u64) as usize].to_owned()
    }
}

/// Keys of each type.
const KEYS: u64 = 40;

/// Writes this many commands, some of them in transactions and scripts.
pub fn write(client: &mut Connection, dice: &mut Dice, commands: usize) {
    let mut left = commands;
    while left > 0 {
        left -= 1;
        match dice.below(20) {
            0 => {
                say(client, "MULTI");
                for _ in 0..dice.below(6) {
                    let line = command(dice);
                    say(client, &line);
                }
                say(client, "EXEC");
            }
            1 => {
                let (a, b) = (dice.below(KEYS), dice.below(KEYS));
                let script = "redis.call('incr',KEYS[1]) redis.call('lpush',KEYS[2],ARGV[1]) \
                              redis.call('set','free'..ARGV[1],ARGV[1])";
                let (first, second) = (format!("n{a}"), format!("l{b}"));
                let argument = dice.below(50).to_string();
                let words = ["EVAL", script, "2", &first, &second, &argument];
                client.ask(&words).expect("it answers");
            }
            2 => {
                let database = dice.below(3);
                say(client, &format!("SELECT {database}"));
            }
            _ => {
                let line = command(dice);
                say(client, &line);
            }
        }
    }
}

/// Asks; some refuse, which is no matter.
fn say(client: &mut Connection, line: &str) -> Reply {
    let words: Vec<&str> = line.split(' ').collect();
    client.ask(&words).expect("it answers")
}

fn command(dice: &mut Dice) -> String {
    let key = |dice: &mut Dice, kind: &str| format!("{kind}{}", dice.below(KEYS));
    let value = dice.below(1000);
    match dice.below(34) {
        0 | 1 => format!("SET {} {value}", key(dice, "s")),
        2 => format!("SET {} {} ", key(dice, "s"), "x".repeat(value as usize)),
        3 => format!("SET {} v PX {}", key(dice, "t"), 1 + dice.below(150)),
        4 => format!("INCRBYFLOAT {} 1.5", key(dice, "f")),
        5 => format!("APPEND {} abc", key(dice, "s")),
        6 => format!("GETDEL {}", key(dice, "s")),
        7 => format!(
            "MSET {} a {} b {} c",
            key(dice, "s"),
            key(dice, "s"),
            key(dice, "s")
        ),
        8 => format!(
            "DEL {} {} {}",
            key(dice, "s"),
            key(dice, "l"),
            key(dice, "h")
        ),
        9 | 10 => format!("RPUSH {} {value} b c", key(dice, "l")),
        11 => format!("LPOP {} 2", key(dice, "l")),
        12 => format!("LMOVE {} {} LEFT RIGHT", key(dice, "l"), key(dice, "l")),
        13 | 14 => format!("SADD {} {value} {}", key(dice, "e"), value + 1),
        15 => format!("SPOP {} 2", key(dice, "e")),
        16 => format!(
            "SUNIONSTORE {} {} {}",
            key(dice, "e"),
            key(dice, "e"),
            key(dice, "e")
        ),
        17 | 18 => format!("HSET {} f{value} {value} g h", key(dice, "h")),
        19 => format!("HINCRBYFLOAT {} x 0.25", key(dice, "h")),
        20 => format!("HDEL {} f{value} g", key(dice, "h")),
        21 | 22 => format!("ZADD {} {value} m{}", key(dice, "z"), value % 30),
        23 => format!("ZPOPMIN {}", key(dice, "z")),
        24 => format!(
            "ZINTERSTORE {} 2 {} {}",
            key(dice, "z"),
            key(dice, "z"),
            key(dice, "z")
        ),
        25 | 26 => format!("XADD {} MAXLEN ~ 50 * f {value}", key(dice, "x")),
        27 => format!("XGROUP CREATE {} g 0 MKSTREAM", key(dice, "x")),
        28 => format!("XREADGROUP GROUP g c COUNT 3 STREAMS {} >", key(dice, "x")),
        29 => {
            let how = dice.pick(&["NX", "XX", "GT", "LT"]);
            format!("EXPIRE {} 1000 {how}", key(dice, "s"))
        }
        30 => format!("RENAME {} {}", key(dice, "l"), key(dice, "l")),
        31 => format!("PFADD {} {value}", key(dice, "p")),
        32 => format!("GEOADD {} 13.3 38.1 a{value}", key(dice, "g")),
        _ => match dice.below(30) {
            0 => "FLUSHDB".to_owned(),
            1 => "SWAPDB 0 2".to_owned(),
            2 => format!("MOVE {} 1", key(dice, "s")),
            3 => format!("COPY {} {} REPLACE", key(dice, "h"), key(dice, "h")),
            4 => "FUNCTION FLUSH".to_owned(),
            5 => format!("SETBIT {} {value} 1", key(dice, "b")),
            6 => format!("PERSIST {}", key(dice, "s")),
            7 => "PUBLISH channel message".to_owned(),
            _ => format!("INCR {}", key(dice, "n")),
        },
    }
}
