//! Facts that stock tells, and what must hold for any place.

use proptest::prelude::*;

use super::*;

fn place(longitude: f64, latitude: f64) -> Place {
    Place::new(longitude, latitude).expect("it is on the map")
}

#[test]
fn a_place_is_a_score_and_a_geohash() {
    let palermo = place(13.361389, 38.115556);
    assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
    let stored = Place::from_score(palermo.score());
    assert_eq!(&stored.geohash(), b"sqc8b49rny0");
    assert_eq!(stored.longitude, 13.361_389_338_970_184);
    assert_eq!(stored.latitude, 38.115_556_395_496_3);
}

#[test]
fn the_map_ends_where_that_of_mercator_does() {
    assert!(Place::new(180.0, 85.051_128_78).is_some());
    assert!(Place::new(-180.0, -85.051_128_78).is_some());
    assert!(Place::new(180.000_001, 0.0).is_none());
    assert!(Place::new(0.0, -85.051_129).is_none());
    assert!(Place::new(f64::NAN, 0.0).is_none());
}

fn any_place() -> impl Strategy<Value = Place> {
    (-180.0..180.0, -85.0..85.0).prop_map(|(longitude, latitude)| place(longitude, latitude))
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (0.0..3_000.0).prop_map(|radius| Shape::Circle { radius }),
        (0.0..3_000.0, 0.0..3_000.0).prop_map(|(width, height)| Shape::Box { width, height }),
    ]
}

fn is_covered(area: &Area, place: Place) -> bool {
    let score = place.score();
    cover(area)
        .iter()
        .any(|(first, end)| (*first..*end).contains(&score))
}

/// Found by random searches beside stock: the western edge was east of the
/// centre.
#[test]
fn an_area_over_a_pole_holds_places_of_ordinary_latitudes() {
    let area = Area {
        centre: place(19.9, 59.97),
        shape: Shape::Circle { radius: 4_354.0 },
        metres_per_unit: 1000.0,
    };
    let other = place(-23.39, 62.33);
    assert!(area.distance_m(other).is_some());
    assert!(is_covered(&area, other));
}

proptest! {
    #[test]
    fn an_area_over_a_pole_covers_all_it_holds(
        centre in (-180.0..180.0, 45.0..85.0),
        side in prop_oneof![Just(1.0), Just(-1.0)],
        beyond_km in 1.0..3_000.0,
        other in any_place(),
    ) {
        // A degree of latitude is 111.3 km.
        let radius = (90.0 - centre.1) * 111.3 + beyond_km;
        let area = Area {
            centre: place(centre.0, centre.1 * side),
            shape: Shape::Circle { radius },
            metres_per_unit: 1000.0,
        };
        prop_assert!(is_covered(&area, other) || area.distance_m(other).is_none());
    }

    #[test]
    fn a_stored_place_keeps_its_score(place in any_place()) {
        let stored = Place::from_score(place.score());
        prop_assert_eq!(stored.score(), place.score());
        prop_assert!(stored.distance_m(place) < 1.0);
    }

    #[test]
    fn what_is_near_the_centre_is_covered(
        centre in (-170.0..170.0, -60.0..60.0),
        shape in any_shape(),
        away in (-0.3..0.3, -0.3..0.3),
    ) {
        let area = Area { centre: place(centre.0, centre.1), shape, metres_per_unit: 1000.0 };
        let other = place(centre.0 + away.0, centre.1 + away.1);
        let stored = Place::from_score(other.score());
        prop_assert!(is_covered(&area, stored) || area.distance_m(stored).is_none());
    }
}
