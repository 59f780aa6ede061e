//! A place, its score, its geohash text, and how far two places are apart.

use super::cell::{Cell, Grid};

/// Mean radius of the globe, in metres.
pub(super) const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

/// The characters of a geohash text, five bits each.
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A place in degrees, within the grid that scores are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub longitude: f64,
    pub latitude: f64,
}

impl Place {
    /// The place, unless it lies outside of the grid.
    #[must_use]
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let place = Self {
            longitude,
            latitude,
        };
        Grid::SCORES.holds(place).then_some(place)
    }

    /// The middle of the cell a score names; what its 52 bits do not hold is
    /// ignored.
    #[must_use]
    pub fn from_score(score: f64) -> Self {
        Cell::finest(as_c(score)).bounds().middle()
    }

    /// The score that stands for this place.
    #[must_use]
    pub fn score(self) -> f64 {
        Grid::SCORES.cell(self, Cell::STEPS_MAX).number() as f64
    }

    /// Metres along the surface.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let longitudes = other.longitude.to_radians() - self.longitude.to_radians();
        let east = (longitudes / 2.0).sin();
        if east == 0.0 {
            return latitude_distance_m(self.latitude, other.latitude);
        }
        let own = self.latitude.to_radians();
        let others = other.latitude.to_radians();
        let north = ((others - own) / 2.0).sin();
        let chord = north * north + own.cos() * others.cos() * east * east;
        2.0 * EARTH_RADIUS_M * chord.sqrt().asin()
    }

    /// The geohash text of eleven characters, in the standard grid.
    #[must_use]
    pub fn geohash(self) -> [u8; 11] {
        let number = Grid::STANDARD.cell(self, Cell::STEPS_MAX).number();
        let mut text = [ALPHABET[0]; 11];
        // Ten times five bits; the last two are too few for a character.
        for (index, character) in text[..10].iter_mut().enumerate() {
            let five = number >> (52 - (index + 1) * 5) & 0x1f;
            *character = ALPHABET[five as usize];
        }
        text
    }
}

/// A score as C on x86-64 makes 64 bits of it, which stock does with any score: a negative one
/// wraps, one beyond 64 bits is as 2^63 below or above.
fn as_c(score: f64) -> u64 {
    const TOP: f64 = (1_u64 << 63) as f64;
    let signed = |number: f64| {
        let is_held = (-TOP..TOP).contains(&number);
        if is_held { number as i64 } else { i64::MIN }
    };
    if score < TOP {
        signed(score).cast_unsigned()
    } else {
        signed(score - TOP).cast_unsigned() ^ 1 << 63
    }
}

/// Metres between two latitudes.
fn latitude_distance_m(one: f64, other: f64) -> f64 {
    EARTH_RADIUS_M * (other.to_radians() - one.to_radians()).abs()
}
