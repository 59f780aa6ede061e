//! Cores that post, sleep and wake in thousands of random orders.

use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};

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
