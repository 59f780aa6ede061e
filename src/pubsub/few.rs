//! One element without an allocation, or more in a row: most channels have one
//! subscriber, and it is connected to one core.

/// See the module.
#[derive(Debug)]
pub(super) enum Few<T> {
    One([T; 1]),
    Many(Vec<T>),
}

impl<T> Few<T> {
    pub(super) const fn none() -> Few<T> {
        Few::Many(Vec::new())
    }

    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Few::One(one) => one,
            Few::Many(many) => many,
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Few::One(one) => one,
            Few::Many(many) => many,
        }
    }

    pub(super) fn push(&mut self, element: T) {
        match std::mem::replace(self, Few::none()) {
            Few::One([first]) => *self = Few::Many(vec![first, element]),
            Few::Many(many) if many.is_empty() => *self = Few::One([element]),
            Few::Many(mut many) => {
                many.push(element);
                *self = Few::Many(many);
            }
        }
    }

    /// Takes an element out; the last one moves to its place.
    ///
    /// # Panics
    /// When there is none at `place`.
    pub(super) fn swap_remove(&mut self, place: usize) {
        match std::mem::replace(self, Few::none()) {
            Few::One(_) => assert_eq!(place, 0, "there is one element"),
            Few::Many(mut many) => {
                many.swap_remove(place);
                if many.len() < many.capacity() / 4 {
                    many.shrink_to(many.len() * 2);
                }
                *self = match <[T; 1]>::try_from(many) {
                    Ok(one) => Few::One(one),
                    Err(many) => Few::Many(many),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Few;

    proptest! {
        #[test]
        fn a_few_are_what_a_vec_is(steps in prop::collection::vec(0..8usize, 0..60)) {
            let (mut few, mut model) = (Few::none(), Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                if step < 5 || model.is_empty() {
                    few.push(number);
                    model.push(number);
                } else {
                    let place = step % model.len();
                    few.swap_remove(place);
                    model.swap_remove(place);
                }
                prop_assert_eq!(few.as_slice(), &model[..]);
                prop_assert_eq!(few.as_mut_slice(), &mut model[..]);
                prop_assert_eq!(matches!(few, Few::One(_)), model.len() == 1);
            }
        }
    }

    #[test]
    fn one_element_takes_no_more_room_than_a_vec() {
        assert_eq!(size_of::<Few<(u8, u32)>>(), size_of::<Vec<u8>>());
    }
}
