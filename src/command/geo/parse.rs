//! Words that say where, how far and in which unit.

use crate::base::parse_f64;
use crate::resp::{Args, Refusal};
use crate::value::geo::Place;

/// A word as a number, or the refusal.
pub(super) fn number(word: &[u8], otherwise: Refusal) -> Result<f64, Refusal> {
    parse_f64(word)
        .filter(|number| !number.is_nan())
        .ok_or(otherwise)
}

/// Longitude and latitude at word `at` and the next.
pub(super) fn place(args: Args<'_>, at: usize) -> Result<Place, Refusal> {
    let longitude = number(args.get(at), Refusal::NotFloat)?;
    let latitude = number(args.get(at + 1), Refusal::NotFloat)?;
    Place::new(longitude, latitude).ok_or_else(|| Refusal::off_the_map(longitude, latitude))
}

/// How many metres a unit is.
pub(super) fn metres_per_unit(word: &[u8]) -> Result<f64, Refusal> {
    const UNITS: [(&[u8], f64); 4] = [
        (b"m", 1.0),
        (b"km", 1000.0),
        (b"ft", 0.3048),
        (b"mi", 1609.34),
    ];
    UNITS
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|&(_, metres)| metres)
        .ok_or(Refusal::GEO_UNIT)
}
