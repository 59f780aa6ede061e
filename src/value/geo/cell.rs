//! The grid: cells of every size, their numbers, bounds and neighbours.

use super::place::Place;

/// How degrees are laid out as cells.
pub(super) struct Grid {
    latitude_max: f64,
}

const LONGITUDE_MAX: f64 = 180.0;

impl Grid {
    /// The grid of scores ends where the map of Mercator is square.
    pub(super) const SCORES: Self = Self {
        latitude_max: 85.051_128_78,
    };

    /// The grid of geohash texts.
    pub(super) const STANDARD: Self = Self { latitude_max: 90.0 };

    pub(super) fn holds(&self, place: Place) -> bool {
        place.longitude.abs() <= LONGITUDE_MAX && place.latitude.abs() <= self.latitude_max
    }

    /// The cell around a place after halving the grid `steps` times.
    pub(super) fn cell(&self, place: Place, steps: u8) -> Cell {
        let index = |degrees: f64, max: f64| {
            let share = (degrees + max) / (max + max);
            (share * (1_u64 << steps) as f64) as u32
        };
        Cell {
            column: index(place.longitude, LONGITUDE_MAX),
            row: index(place.latitude, self.latitude_max),
            steps,
        }
    }
}

/// A cell: the grid halved `steps` times both ways, and which part of it.
///
/// At the very end of the grid `column` or `row` is 2^steps: such a place has
/// a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    column: u32,
    row: u32,
    pub(super) steps: u8,
}

/// The four edges of a cell, in degrees.
pub(super) struct Bounds {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Bounds {
    /// The middle, held within the grid.
    pub(super) fn middle(&self) -> Place {
        let longitude = (self.west + self.east) / 2.0;
        let latitude = (self.south + self.north) / 2.0;
        let latitude_max = Grid::SCORES.latitude_max;
        Place {
            longitude: longitude.clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: latitude.clamp(-latitude_max, latitude_max),
        }
    }
}

impl Cell {
    /// Halvings that fill the 52 bits of a score.
    pub(super) const STEPS_MAX: u8 = 26;

    /// The smallest cell of this number.
    pub(super) fn finest(number: u64) -> Self {
        Self {
            column: every_other(number >> 1),
            row: every_other(number),
            steps: Self::STEPS_MAX,
        }
    }

    /// Bits of row and column by turns, the row's the lowest.
    pub(super) fn number(self) -> u64 {
        spread(self.row) | spread(self.column) << 1
    }

    /// The scores of the smallest cells within: the first, and one past the
    /// last.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 52 - u32::from(self.steps) * 2;
        let first = self.number() << shift;
        let end = (self.number() + 1) << shift;
        (first as f64, end as f64)
    }

    pub(super) fn bounds(self) -> Bounds {
        let cells = (1_u64 << self.steps) as f64;
        let edge = |index: f64, max: f64| -max + index / cells * (max + max);
        let latitude_max = Grid::SCORES.latitude_max;
        let (column, row) = (f64::from(self.column), f64::from(self.row));
        Bounds {
            west: edge(column, LONGITUDE_MAX),
            south: edge(row, latitude_max),
            east: edge(column + 1.0, LONGITUDE_MAX),
            north: edge(row + 1.0, latitude_max),
        }
    }

    /// The cell so many columns to the east and rows to the north; the grid
    /// goes on at its other end.
    pub(super) fn moved(self, east: i32, north: i32) -> Self {
        let mask = (1_u32 << self.steps) - 1;
        let moved = |index: u32, by: i32| match by {
            0 => index,
            _ => index.wrapping_add_signed(by) & mask,
        };
        Self {
            column: moved(self.column, east),
            row: moved(self.row, north),
            steps: self.steps,
        }
    }
}

/// Puts a 0 between any two bits.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Bits 0, 2, 4 and so on, side by side.
fn every_other(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    // The upper half is gone: 32 bits are left.
    (bits | bits >> 16) as u32
}
