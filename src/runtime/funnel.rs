//! What many cores hand to one thread that may be slower than they are.
//!
//! Handing on never waits: it may happen where nobody may wait. Instead a core
//! can see how much of its own has not been taken yet, and pause by itself. When
//! half of its room is free again the thread is told, so that it wakes the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// What all ends share.
#[derive(Debug)]
struct State {
    /// By lane, what was handed on and not taken yet.
    waiting: Vec<AtomicUsize>,
    /// A lane with more than this shall pause.
    room: usize,
    is_closed: AtomicBool,
}

/// The end at which a core hands on. One core may have several: they share its
/// room.
#[derive(Debug)]
pub struct Lane<T> {
    to: mpsc::Sender<Handed<T>>,
    state: Arc<State>,
    lane: usize,
}

/// Something on its way, with its weight.
#[derive(Debug)]
struct Handed<T> {
    lane: usize,
    weight: usize,
    /// Nothing: the funnel shall look whether it is closed.
    what: Option<T>,
}

/// Whether a lane shall hand on more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    Free,
    Full,
    /// So full that others should make no more of it: four times its room.
    Overfull,
    /// Nobody takes anything any more.
    Closed,
}

/// The thread's end.
#[derive(Debug)]
pub struct Funnel<T> {
    from: mpsc::Receiver<Handed<T>>,
    state: Arc<State>,
}

/// Something taken out of a funnel. Its weight goes off its lane by `done`.
#[derive(Debug)]
#[must_use = "its lane is to be told when it is done with"]
pub struct Load {
    lane: usize,
    weight: usize,
}

impl Load {
    #[must_use]
    pub fn lane(&self) -> usize {
        self.lane
    }

    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }
}

/// What comes out of a funnel within a time.
#[derive(Debug)]
pub enum Taken<T> {
    One(T, Load),
    /// Nothing was handed on.
    Nothing,
    /// Nothing more will come: it is closed, or all lanes are gone.
    Over,
}

/// A funnel with `lanes` ends, each of which pauses with more than `room` waiting.
#[must_use]
pub fn funnel<T>(lanes: usize, room: usize) -> (Vec<Lane<T>>, Funnel<T>) {
    let (to, from) = mpsc::channel();
    let state = Arc::new(State {
        waiting: (0..lanes).map(|_| AtomicUsize::new(0)).collect(),
        room,
        is_closed: AtomicBool::new(false),
    });
    let lane = |lane| Lane {
        to: to.clone(),
        state: Arc::clone(&state),
        lane,
    };
    let lanes = (0..lanes).map(lane).collect();
    (lanes, Funnel { from, state })
}

impl<T> Clone for Lane<T> {
    fn clone(&self) -> Lane<T> {
        Lane {
            to: self.to.clone(),
            state: Arc::clone(&self.state),
            lane: self.lane,
        }
    }
}

impl<T> Lane<T> {
    /// Hands something on, whether there is room or not.
    pub fn hand_on(&self, what: T, weight: usize) {
        self.state.waiting[self.lane].fetch_add(weight, Ordering::Relaxed);
        self.send(weight, Some(what));
    }

    fn send(&self, weight: usize, what: Option<T>) {
        let handed = Handed {
            lane: self.lane,
            weight,
            what,
        };
        // At a closed funnel, what is handed on goes.
        let _gone = self.to.send(handed).is_err();
    }

    /// Closes the funnel for all lanes: nothing more is taken.
    pub fn close(&self) {
        self.state.is_closed.store(true, Ordering::Relaxed);
        self.send(0, None);
    }

    #[must_use]
    pub fn room(&self) -> Room {
        if self.state.is_closed.load(Ordering::Relaxed) {
            Room::Closed
        } else {
            let (waiting, room) = (self.waiting(), self.state.room);
            match waiting {
                _ if waiting > 4 * room => Room::Overfull,
                _ if waiting > room => Room::Full,
                _ => Room::Free,
            }
        }
    }

    /// What waits of this lane.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state.waiting[self.lane].load(Ordering::Relaxed)
    }
}

impl<T> Funnel<T> {
    /// Waits for the next; `None` when it is closed or all lanes are gone.
    #[must_use]
    pub fn take(&self) -> Option<(T, Load)> {
        self.taken(self.from.recv().ok()?)
    }

    /// As `take`, but waits no longer than this.
    #[must_use]
    pub fn take_within(&self, time: Duration) -> Taken<T> {
        let taken = match self.from.recv_timeout(time) {
            Ok(handed) => self.taken(handed),
            Err(RecvTimeoutError::Timeout) => return Taken::Nothing,
            Err(RecvTimeoutError::Disconnected) => None,
        };
        taken.map_or(Taken::Over, |(what, load)| Taken::One(what, load))
    }

    /// What may wait of a lane before it pauses.
    #[must_use]
    pub fn room(&self) -> usize {
        self.state.room
    }

    /// The lanes that pause.
    pub fn paused(&self) -> impl Iterator<Item = usize> + '_ {
        let waiting = self.state.waiting.iter().enumerate();
        let paused = |waiting: &AtomicUsize| waiting.load(Ordering::Relaxed) > self.state.room;
        waiting.filter_map(move |(lane, waiting)| paused(waiting).then_some(lane))
    }

    /// The next, if there is one.
    #[cfg(test)]
    pub fn try_take(&self) -> Option<(T, Load)> {
        self.taken(self.from.try_recv().ok()?)
    }

    fn taken(&self, handed: Handed<T>) -> Option<(T, Load)> {
        let Handed { lane, weight, what } = handed;
        let what = what.filter(|_| !self.is_closed())?;
        Some((what, Load { lane, weight }))
    }

    /// Whether nobody wants what comes out any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.is_closed.load(Ordering::Relaxed)
    }

    /// Takes what is done with off its lane; the lane if that gave it room, so that
    /// it is to be woken.
    pub fn done(&self, load: Load) -> Option<usize> {
        let Load { lane, weight } = load;
        let before = self.state.waiting[lane].fetch_sub(weight, Ordering::Relaxed);
        let half = self.state.room / 2;
        (before > half && before - weight <= half).then_some(lane)
    }

    /// Whether whoever hands on has to wait for room.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        let mut waiting = self.state.waiting.iter();
        waiting.any(|waiting| waiting.load(Ordering::Relaxed) > 2 * self.state.room)
    }

    /// What waits in all lanes.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let lanes = self.state.waiting.iter();
        lanes.map(|lane| lane.load(Ordering::Relaxed)).sum()
    }
}

impl<T> Drop for Funnel<T> {
    fn drop(&mut self) {
        self.state.is_closed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Room, funnel};

    #[test]
    fn a_lane_is_full_until_half_of_it_is_done() {
        let (lanes, funnel) = funnel(2, 10);
        for number in 0..4 {
            lanes[1].hand_on(number, 4);
        }
        lanes[0].hand_on(9, 1);
        assert_eq!((lanes[0].room(), lanes[1].room()), (Room::Free, Room::Full));
        assert_eq!((lanes[1].waiting(), funnel.waiting()), (16, 17));
        lanes[1].hand_on(4, 30);
        assert_eq!(lanes[1].room(), Room::Overfull);
        let mut woken = Vec::new();
        for number in [0, 1, 2, 3, 9, 4] {
            let (what, load) = funnel.take().expect("it was handed on");
            assert_eq!(what, number);
            woken.push(funnel.done(load));
        }
        assert_eq!(woken, [None, None, None, None, None, Some(1)]);
        assert_eq!(lanes[1].room(), Room::Free);
        drop(lanes);
        assert!(funnel.take().is_none());
    }

    #[test]
    fn lanes_are_closed_when_nobody_takes() {
        let (lanes, funnel) = funnel(1, 10);
        drop(funnel);
        assert_eq!(lanes[0].room(), Room::Closed);
        lanes[0].hand_on(1, 1);
    }

    #[test]
    fn nothing_is_taken_out_of_what_a_lane_has_closed() {
        let (lanes, funnel) = funnel(2, 10);
        lanes[0].hand_on(1, 1);
        let other = std::thread::spawn(move || {
            let first = funnel.take().map(|(what, _)| what);
            (first, funnel.take().is_none())
        });
        while lanes[0].waiting() > 1 {}
        lanes[1].close();
        let (first, is_over) = other.join().expect("it does not panic");
        assert!(first.is_none_or(|what| what == 1) && is_over);
        assert_eq!(lanes[0].room(), Room::Closed);
    }
}
