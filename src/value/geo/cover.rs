//! Which ranges of scores hold everything inside an area.
//!
//! Nine cells about as large as the area: the one around its centre and its
//! neighbours, less those the area does not reach. Their order is the order of
//! the results of a search that does not sort.
//!
//! An area that passes over a pole holds places of every longitude, so it has
//! no western and eastern edge: the cells of one step, which together are the
//! whole map, cover it.

use super::cell::{Cell, Grid};
use super::shape::Area;

/// Half the length of the equator in metres, on the map of Mercator.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// Columns to the east and rows to the north of the nine, in their order.
const NINE: [(i32, i32); 9] = [
    (0, 0),
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];

/// The ranges of scores, first and one past the last, to look at in this order.
#[must_use]
pub fn cover(area: &Area) -> Vec<(f64, f64)> {
    let steps = steps(area);
    let cell = Grid::SCORES.cell(area.centre, steps);
    let (bounds, edges) = (cell.bounds(), area.edges());
    // The cells of one step are so large that the other side of the globe is
    // next door.
    let may_skip = steps >= 2;
    let is_reached = |&(east, north): &(i32, i32)| {
        let beyond = north < 0 && bounds.south < edges.south
            || north > 0 && bounds.north > edges.north
            || east < 0 && bounds.west < edges.west
            || east > 0 && bounds.east > edges.east;
        !(may_skip && beyond)
    };
    let cells = NINE.into_iter().filter(is_reached);
    let mut cells: Vec<Cell> = cells.map(|(east, north)| cell.moved(east, north)).collect();
    // Where there are few cells, neighbours may be the same.
    cells.dedup();
    cells.into_iter().map(Cell::scores).collect()
}

/// How often the grid is halved, so that nine cells hold the area.
fn steps(area: &Area) -> u8 {
    if reaches_a_pole(area) {
        return 1;
    }
    let steps = estimate(area.reach_m(), area.centre.latitude);
    if steps > 1 && !suffices(area, steps) {
        steps - 1
    } else {
        steps
    }
}

/// Whether the area goes as far to the north or south as its centre is from a
/// pole.
fn reaches_a_pole(area: &Area) -> bool {
    let edges = area.edges();
    edges.north >= 90.0 || edges.south <= -90.0
}

/// A first guess from the radius; cells near the poles are narrow.
fn estimate(radius_m: f64, latitude: f64) -> u8 {
    if radius_m == 0.0 {
        return Cell::STEPS_MAX;
    }
    let mut steps = -1_i32;
    let mut reached = radius_m;
    while reached < MERCATOR_MAX_M {
        reached *= 2.0;
        steps += 1;
    }
    steps -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    steps.clamp(1, i32::from(Cell::STEPS_MAX)) as u8
}

/// Whether the nine cells reach as far as the box around the area. Looking along
/// the centre's own latitude would not do: nearer to the pole cells are narrower.
fn suffices(area: &Area, steps: u8) -> bool {
    let cell = Grid::SCORES.cell(area.centre, steps);
    let edges = area.edges();
    cell.moved(0, 1).bounds().north >= edges.north
        && cell.moved(0, -1).bounds().south <= edges.south
        && cell.moved(1, 0).bounds().east >= edges.east
        && cell.moved(-1, 0).bounds().west <= edges.west
}
