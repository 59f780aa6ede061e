//! Keyspace events: which classes are published, on which kinds of channels.
//!
//! A class is a letter of `notify-keyspace-events`; `A` stands for all but
//! misses (`m`) and new keys (`n`). `K` and `E` choose the channels.

/// A class of events; its number is the place of its letter in `SHOWN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventClass {
    /// `g`: of any type, as `del`, `expire`, `rename_from`.
    Generic,
    /// `$`
    String,
    /// `l`
    List,
    /// `s`
    Set,
    /// `h`
    Hash,
    /// `z`
    SortedSet,
    /// `x`: a key's time has come.
    Expired,
    /// `e`: a key went because of `maxmemory`.
    Evicted,
    /// `t`
    Stream,
    /// `d`: of modules' types.
    Module,
    /// `n`: a key that was not there before.
    New,
    /// `m`: a key was looked for that is not there.
    Miss = 13,
}

/// Every letter, in the order CONFIG GET shows them.
const SHOWN: &[u8; 14] = b"g$lshzxetdnKEm";

/// What `A` stands for.
const ALL: &[u8] = b"g$lshzxetd";

/// What is published: one bit for each letter of `SHOWN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    named: u16,
    /// The same where a channel is named, too, else nothing: what every change
    /// of a key asks for is one bit of it.
    heard: u16,
}

impl Events {
    /// Those of a setting's canonical text.
    pub fn of(text: &[u8]) -> Events {
        let letters = text.iter().flat_map(|letter| match letter {
            b'A' => ALL,
            letter => std::slice::from_ref(letter),
        });
        let named = letters.fold(0, |named, &letter| named | bit_of(letter));
        let is_heard = named & (bit_of(b'K') | bit_of(b'E')) != 0;
        let heard = if is_heard { named } else { 0 };
        Events { named, heard }
    }

    fn holds(self, letter: u8) -> bool {
        self.named & bit_of(letter) != 0
    }

    /// Whether nothing is published.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.heard == 0
    }

    /// Whether events of a class go to any channel.
    #[inline]
    #[must_use]
    pub fn has(self, class: EventClass) -> bool {
        self.heard >> class as u16 & 1 == 1
    }

    /// Whether `__keyspace@N__:key` is told the event.
    #[must_use]
    pub fn names_keys(self) -> bool {
        self.holds(b'K')
    }

    /// Whether `__keyevent@N__:event` is told the key.
    #[must_use]
    pub fn names_events(self) -> bool {
        self.holds(b'E')
    }
}

/// The bit of a letter; none for one that means nothing.
const fn bit_of(letter: u8) -> u16 {
    let mut place = 0;
    while place < SHOWN.len() {
        if SHOWN[place] == letter {
            return 1 << place;
        }
        place += 1;
    }
    0
}

/// The canonical text of a value.
pub(super) fn canonical(value: &[u8]) -> Result<Vec<u8>, String> {
    let is_known = |letter: &u8| *letter == b'A' || SHOWN.contains(letter);
    if !value.iter().all(is_known) {
        return Err(String::from(
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ));
    }
    let events = Events::of(value);
    let all = ALL.iter().all(|&letter| events.holds(letter));
    let mut shown = Vec::from(if all { &b"A"[..] } else { b"" });
    let named = SHOWN.iter().filter(|&&letter| events.holds(letter));
    shown.extend(named.filter(|letter| !all || !ALL.contains(letter)));
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::{EventClass, Events, SHOWN, canonical};

    #[track_caller]
    fn check(value: &str, shown: &str) {
        let text = canonical(value.as_bytes()).expect("every letter means something");
        assert_eq!(text, shown.as_bytes(), "{value}");
        let (given, shown) = (Events::of(value.as_bytes()), Events::of(&text));
        assert_eq!(given, shown, "{value} means what is shown");
    }

    #[test]
    fn letters_are_shown_once_and_in_order() {
        check("", "");
        check("KEA", "AKE");
        check("EKKx", "xKE");
        check("mE$gn", "g$nEm");
        check("dtexzhsl$gm", "Am");
        check("nAmEK", "AnKEm");
    }

    #[test]
    fn a_letter_that_means_nothing_is_refused() {
        let refused = canonical(b"KEq").expect_err("q means nothing");
        assert!(refused.contains("Use 'Ag$lshzxeKEtmdn'"), "{refused}");
    }

    #[test]
    fn a_class_is_the_place_of_its_letter() {
        use EventClass::*;
        let classes = [
            Generic, String, List, Set, Hash, SortedSet, Expired, Evicted, Stream, Module, New,
            Miss,
        ];
        for (class, letter) in classes.into_iter().zip(b"g$lshzxetdnm") {
            assert_eq!(SHOWN[class as usize], *letter, "{class:?}");
        }
    }

    #[test]
    fn a_class_is_on_when_it_is_named_and_has_a_channel() {
        let events = Events::of(b"Kgx");
        assert!(events.has(EventClass::Generic) && events.has(EventClass::Expired));
        assert!(!events.has(EventClass::Evicted) && !events.has(EventClass::Miss));
        assert!(events.names_keys() && !events.names_events());
        assert!(!Events::of(b"A").has(EventClass::Generic), "no channel");
        let all = Events::of(b"AE");
        assert!(all.has(EventClass::Module) && all.has(EventClass::Stream));
        assert!(!all.has(EventClass::Miss) && !all.has(EventClass::New));
        assert!(Events::of(b"mE").has(EventClass::Miss));
    }
}
