//! Cores that post, sleep and wake in thousands of random orders.

use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};

use super::feed::{Feed, Reached};
use super::model::drain;
use super::postbox::{Mailboxes, Postbox};

/// Orders tried per test; each is some hundred steps.
const ORDERS: usize = 2000;

/// Wakes that wait for a core, as completions wait in its ring.
#[derive(Default)]
struct Doorbell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Doorbell {
    fn ring(&self) {
        *self.rung.lock().expect("no model panics inside") = true;
        self.changed.notify_one();
    }

    /// Sleeps until rung, without any tick that would hide a lost wake.
    fn sleep(&self) {
        let rung = self.rung.lock().expect("no model panics inside");
        let asleep = self.changed.wait_while(rung, |rung| !*rung);
        *asleep.expect("no model panics inside") = false;
    }
}

/// One core: `count` letters to each other core, a turn at a time as in the
/// loop, until all of theirs have come, each pair's in order.
fn live(mut post: Postbox<u32>, me: usize, bells: &[Doorbell], count: u32) {
    let others: Vec<usize> = (0..bells.len()).filter(|&core| core != me).collect();
    let mut arrived = vec![0; bells.len()];
    let mut posted = 0;
    loop {
        let has_work = posted < count || post.has_unsent();
        let is_done = others.iter().all(|&from| arrived[from] == count);
        if !has_work && is_done {
            return drain();
        }
        if has_work {
            shuttle::thread::yield_now();
        } else if post.fall_asleep() {
            // A core that sleeps does not keep its stores back for ever.
            drain();
            bells[me].sleep();
            post.wake_up();
        }
        for &from in &others {
            while let Some(number) = post.receive(from) {
                assert_eq!(number, arrived[from], "letters of a pair keep their order");
                arrived[from] += 1;
            }
        }
        // One or two a turn.
        for _ in 0..=posted % 2 {
            if posted < count {
                others.iter().for_each(|&to| post.post(to, posted));
                posted += 1;
            }
        }
        post.deliver(|core| bells[core].ring());
    }
}

/// All mail arrives between so many cores whose boxes hold so many letters; a
/// core that sleeps for ever is a deadlock, which shuttle reports with the
/// order that led there.
fn check(cores: usize, letters_max: usize, count: u32) {
    let model = move || {
        let mailboxes = Mailboxes::with_room_for(letters_max, cores);
        let bells: Vec<Doorbell> = (0..cores).map(|_| Doorbell::default()).collect();
        let bells = Arc::new(bells);
        let threads: Vec<_> = (0..cores)
            .map(|me| {
                let post = Postbox::new(Arc::clone(&mailboxes), me);
                let bells = Arc::clone(&bells);
                shuttle::thread::spawn(move || live(post, me, &bells, count))
            })
            .collect();
        for thread in threads {
            thread.join().expect("a core ends well");
        }
    };
    shuttle::check_random(model, ORDERS);
}

#[test]
fn no_letter_is_left_behind_a_sleeping_core() {
    check(2, 8, 3);
}

#[test]
fn three_cores_leave_no_letter_behind() {
    check(3, 8, 2);
}

#[test]
fn mail_of_a_pair_arrives_in_order_also_beyond_the_limit() {
    check(2, 1, 5);
    check(3, 2, 4);
}

#[test]
fn a_sleeping_core_is_woken_once_and_an_awake_one_never() {
    let model = || {
        let mailboxes = Mailboxes::new(2);
        let mut sender = Postbox::new(Arc::clone(&mailboxes), 0);
        let mut receiver = Postbox::new(mailboxes, 1);
        let mut woken = Vec::new();
        sender.post(1, 1);
        sender.deliver(|core| woken.push(core));
        assert!(woken.is_empty(), "core 1 is awake");
        assert!(!receiver.fall_asleep(), "it has mail");
        assert_eq!(receiver.receive(0), Some(1));
        assert!(receiver.fall_asleep());
        sender.post(1, 2);
        sender.post(1, 3);
        sender.deliver(|core| woken.push(core));
        sender.post(1, 4);
        sender.deliver(|core| woken.push(core));
        assert_eq!(woken, [1]);
        receiver.wake_up();
        assert!(receiver.has_mail());
    };
    shuttle::check_random(model, 1);
}

#[test]
fn letters_that_find_no_room_are_counted() {
    let model = || {
        let mailboxes = Mailboxes::with_room_for(2, 2);
        let mut sender = Postbox::new(Arc::clone(&mailboxes), 0);
        let mut receiver = Postbox::new(mailboxes, 1);
        (0..5).for_each(|letter| sender.post(1, letter));
        assert_eq!((sender.take_held_up(), sender.take_held_up()), (3, 0));
        assert_eq!(receiver.receive(0), Some(0));
        sender.deliver(|_| {});
        assert_eq!(sender.take_held_up(), 0, "a letter is counted once");
    };
    shuttle::check_random(model, 1);
}

/// Writers take numbers and publish; a reader that sleeps between gets every
/// number once, and says how far it came to writers that wait for that.
fn check_feed(writers: usize, count: u64) {
    let model = move || {
        let feed: Arc<Feed<u64>> = Feed::new(writers, 1);
        let reached = Reached::new(writers);
        let bells: Arc<Vec<Doorbell>> =
            Arc::new((0..=writers).map(|_| Doorbell::default()).collect());
        let write = |me: usize| {
            let (feed, reached) = (Arc::clone(&feed), Arc::clone(&reached));
            let bells = Arc::clone(&bells);
            move || {
                for _ in 0..count {
                    let before = feed.last();
                    let number = feed.publish(me, 1, |_| (me as u64, 1), |_| bells[writers].ring());
                    assert!(number > before, "what was there before has a lower number");
                    while reached.wait(me, number) {
                        drain();
                        bells[me].sleep();
                    }
                }
                drain();
            }
        };
        let threads: Vec<_> = (0..writers)
            .map(|me| shuttle::thread::spawn(write(me)))
            .collect();
        let all = writers as u64 * count;
        let mut seen = vec![false; all as usize + 1];
        let mut next = 1;
        while next <= all {
            if feed.fall_asleep(0) {
                drain();
                bells[writers].sleep();
                feed.wake_up(0);
            }
            feed.receive(0, |number, _| {
                assert!(!std::mem::replace(&mut seen[number as usize], true));
                feed.settle(0, 1);
            });
            while seen.get(next as usize).is_some_and(|seen| *seen) {
                next += 1;
            }
            reached.advance(next - 1, |core| bells[core].ring());
        }
        assert_eq!(feed.bytes(0), 0);
        drain();
        for thread in threads {
            thread.join().expect("a writer ends well");
        }
    };
    shuttle::check_random(model, ORDERS);
}

#[test]
fn every_number_of_a_feed_arrives_at_a_reader_that_sleeps() {
    check_feed(1, 3);
    check_feed(2, 2);
    check_feed(3, 2);
}

#[test]
fn what_is_held_goes_when_it_is_released_and_in_order() {
    let model = || {
        let mailboxes = Mailboxes::new(2);
        let mut sender = Postbox::new(Arc::clone(&mailboxes), 0);
        let mut receiver = Postbox::new(mailboxes, 1);
        sender.post(1, 1);
        sender.hold();
        sender.post(1, 2);
        sender.post(1, 3);
        sender.deliver(|_| {});
        assert_eq!(receiver.receive(0), Some(1));
        assert_eq!(receiver.receive(0), None);
        assert!(receiver.fall_asleep());
        let mut woken = Vec::new();
        sender.release();
        sender.post(1, 4);
        sender.deliver(|core| woken.push(core));
        assert_eq!(woken, [1]);
        let came: Vec<u32> = std::iter::from_fn(|| receiver.receive(0)).collect();
        assert_eq!(came, [2, 3, 4]);
    };
    shuttle::check_random(model, 1);
}
