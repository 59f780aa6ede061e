//! The words of EVAL and its kin: `script numkeys key… arg…`.

use crate::base::parse_i64;
use crate::command::table::Subject;
use crate::resp::{Args, Refusal};

/// Where a request's keys and arguments are.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// The script's text, its digest, or the function's name.
    pub subject: &'a [u8],
    pub keys: Args<'a>,
    pub arguments: Args<'a>,
}

impl<'a> Evaluation<'a> {
    /// Reads the words.
    ///
    /// # Errors
    /// Stock's texts for a number of keys that is none, negative or too large.
    pub fn parse(args: Args<'a>, subject: Subject) -> Result<Self, Refusal> {
        let count = parse_i64(args.get(2)).ok_or(match subject {
            Subject::Body | Subject::Digest => Refusal::NotInteger,
            Subject::Function => Refusal::FUNCTION_NUMKEYS,
        })?;
        let rest = args.tail(3);
        if count > rest.len() as i64 {
            return Err(Refusal::NUMKEYS_TOO_MANY);
        }
        let count = usize::try_from(count).map_err(|_| Refusal::NUMKEYS_NEGATIVE)?;
        Ok(Evaluation {
            subject: args.get(1),
            keys: rest.head(count),
            arguments: rest.tail(count),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    #[test]
    fn keys_come_first() {
        let owned = OwnedArgs::new(["EVAL", "s", "2", "a", "b", "c"]);
        let request = Evaluation::parse(owned.args(), Subject::Body).expect("it is right");
        assert_eq!(request.subject, b"s");
        assert_eq!(request.keys.iter().collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(request.arguments.iter().collect::<Vec<_>>(), [b"c"]);
    }

    #[test]
    fn a_wrong_number_of_keys_is_refused() {
        let refused_for = |number: &str, subject: Subject| {
            let owned = OwnedArgs::new(["EVAL", "s", number, "a"]);
            Evaluation::parse(owned.args(), subject).err()
        };
        let refused = |number: &str| refused_for(number, Subject::Body);
        assert_eq!(refused("x"), Some(Refusal::NotInteger));
        let of_function = refused_for("x", Subject::Function);
        assert_eq!(of_function, Some(Refusal::FUNCTION_NUMKEYS));
        assert_eq!(refused("2"), Some(Refusal::NUMKEYS_TOO_MANY));
        assert_eq!(refused("-1"), Some(Refusal::NUMKEYS_NEGATIVE));
        assert_eq!(refused("1"), None);
    }
}
