//! What is searched: a circle or a box around a place.

use super::place::{EARTH_RADIUS_M, Place};

/// A shape's measures, in the unit of the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A shape around a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub centre: Place,
    pub shape: Shape,
    pub metres_per_unit: f64,
}

/// The edges of the box around an area, in degrees.
pub(super) struct Edges {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Area {
    /// How many metres `place` is from the centre; none outside of the shape.
    #[must_use]
    pub fn distance_m(&self, place: Place) -> Option<f64> {
        let metres = self.metres_per_unit;
        match self.shape {
            Shape::Circle { radius } => {
                let distance = self.centre.distance_m(place);
                (distance <= radius * metres).then_some(distance)
            }
            Shape::Box { width, height } => {
                let beside = Place {
                    longitude: self.centre.longitude,
                    latitude: place.latitude,
                };
                let above = Place {
                    longitude: place.longitude,
                    latitude: self.centre.latitude,
                };
                let is_inside = place.distance_m(above) <= height * metres / 2.0
                    && place.distance_m(beside) <= width * metres / 2.0;
                is_inside.then(|| self.centre.distance_m(place))
            }
        }
    }

    /// The radius of a circle around the whole shape.
    pub(super) fn reach_m(&self) -> f64 {
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        radius * self.metres_per_unit
    }

    /// The box around the shape, as wide as it is where it is nearest to a
    /// pole.
    pub(super) fn edges(&self) -> Edges {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (width, height) = (width * self.metres_per_unit, height * self.metres_per_unit);
        let Place {
            longitude,
            latitude,
        } = self.centre;
        let north = degrees(height / EARTH_RADIUS_M);
        let widest_at = if latitude < 0.0 {
            latitude - north
        } else {
            latitude + north
        };
        let east = degrees(width / EARTH_RADIUS_M / widest_at.to_radians().cos());
        Edges {
            west: longitude - east,
            south: latitude - north,
            east: longitude + east,
            north: latitude + north,
        }
    }
}

/// By division, as stock; `to_degrees` multiplies and may differ in the last
/// bit.
fn degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}
