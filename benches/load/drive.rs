//! The generator: one thread, one epoll, any number of connections, in a closed or an open loop.
//!
//! Closed loop: each connection sends a batch of P requests, waits for the P replies, sends the next. A reply's
//! latency counts from the moment its batch was handed to the kernel.
//! Open loop: requests fall due at times drawn beforehand, whether or not the server keeps up. A reply's latency counts
//! from the moment its request was *due*, so a server that stalls is charged for everyone it made wait (no coordinated
//! omission). The open loop spins, so that a request leaves when it is due. It may sleep instead, which makes each some
//! tens of microseconds late: a virtual machine whose host limits its processor time stands still for milliseconds when all
//! its cores are busy.
//!
//! Each run has a warm-up that is not measured. Server CPU is read at both ends of the measured time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};
use rustix::thread::set_current_timer_slack;

use crate::options::Arrivals;
use crate::process::{self, Usage};
use crate::replies::Replies;
use crate::requests::{Random, Requests};
use crate::server::Server;

const READ: usize = 256 * 1024;
/// Latencies above this are recorded as this; in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// An open loop that sleeps looks so often for replies.
const SLEEP_MAX: Duration = Duration::from_micros(50);

/// How requests are paced.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Requests in flight on each connection.
    Closed(usize),
    /// Requests per second over all connections.
    Open(f64, Arrivals),
}

/// What one run showed.
pub struct Measured {
    /// Nanoseconds from sent (closed) or due (open) to answered.
    pub latency: Histogram<u64>,
    pub replies: u64,
    pub elapsed: Duration,
    /// What the server used in the measured time.
    pub server: Usage,
    /// CPU time of the generator's thread in the measured time, in nanoseconds.
    pub generator: u64,
    /// Requests of an open loop that were due and had no answer when the run ended.
    pub unanswered: u64,
}

struct Connection {
    stream: TcpStream,
    replies: Replies,
    /// Bytes that the socket did not take at once.
    unsent: Vec<u8>,
    /// Closed loop: replies of the batch that are still to come, and when it was sent.
    waiting: usize,
    sent: Instant,
    /// Open loop: when each request in flight was due.
    due: VecDeque<Instant>,
    writable_wanted: bool,
}

/// A generator connected to one server.
pub struct Generator {
    epoll: std::os::fd::OwnedFd,
    connections: Vec<Connection>,
    requests: Requests,
    batch: Vec<u8>,
    input: Vec<u8>,
    latency: Histogram<u64>,
    measuring: bool,
    replies: u64,
    /// Ends an open loop before its time.
    until: Option<Arc<AtomicBool>>,
    /// An open loop sleeps until the next request is due.
    sleeps: bool,
}

/// Counters at the start of the measured time.
struct Mark {
    at: Instant,
    server: Usage,
    generator: u64,
}

impl Generator {
    /// Opens the connections.
    pub fn connect(
        server: &Server,
        connections: usize,
        requests: Requests,
        value_size: Option<usize>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut open = Vec::with_capacity(connections);
        for index in 0..connections {
            let stream = TcpStream::connect(server.address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(
                &epoll,
                &stream,
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN,
            )?;
            open.push(Connection {
                stream,
                replies: Replies::new(value_size),
                unsent: Vec::new(),
                waiting: 0,
                sent: Instant::now(),
                due: VecDeque::new(),
                writable_wanted: false,
            });
        }
        Ok(Self {
            epoll,
            connections: open,
            requests,
            batch: Vec::new(),
            input: vec![0; READ],
            latency: Histogram::new_with_bounds(1, LONGEST, 3).map_err(io::Error::other)?,
            measuring: false,
            replies: 0,
            until: None,
            sleeps: false,
        })
    }

    /// An open loop ends when this is set.
    pub fn until(self, is_over: Arc<AtomicBool>) -> Self {
        let until = Some(is_over);
        Self { until, ..self }
    }

    /// Whether an open loop sleeps.
    pub fn sleeping(self, sleeps: bool) -> Self {
        Self { sleeps, ..self }
    }

    /// Runs the load for `warm_up + measured` and hands back what was seen in the second part.
    pub fn run(
        mut self,
        server: &Server,
        pace: Pace,
        warm_up: Duration,
        measured: Duration,
    ) -> io::Result<Measured> {
        let start = Instant::now();
        let mark = match pace {
            Pace::Closed(depth) => {
                for index in 0..self.connections.len() {
                    self.send_batch(index, depth)?;
                }
                self.closed(start + warm_up, depth)?;
                let mark = self.mark(server)?;
                self.closed(mark.at + measured, depth)?;
                mark
            }
            Pace::Open(rate, arrivals) => {
                let mut calendar = Calendar::new(rate, arrivals, start);
                self.open(start + warm_up, &mut calendar)?;
                let mark = self.mark(server)?;
                self.open(mark.at + measured, &mut calendar)?;
                mark
            }
        };
        let (elapsed, replies) = (mark.at.elapsed(), self.replies);
        let (server, generator) = (
            server.usage()?.since(mark.server),
            process::own_cpu()? - mark.generator,
        );
        let unanswered = self.charge_unanswered(mark.at);
        Ok(Measured {
            latency: self.latency,
            replies,
            elapsed,
            server,
            generator,
            unanswered,
        })
    }

    fn mark(&mut self, server: &Server) -> io::Result<Mark> {
        let mark = Mark {
            server: server.usage()?,
            generator: process::own_cpu()?,
            at: Instant::now(),
        };
        self.measuring = true;
        Ok(mark)
    }

    fn closed(&mut self, end: Instant, depth: usize) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        while Instant::now() < end {
            self.poll(&mut events, Duration::from_millis(100))?;
            for event in events.drain(..) {
                let index = event.data.u64() as usize;
                if self.receive(index)? && self.connections[index].waiting == 0 {
                    self.send_batch(index, depth)?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, end: Instant, calendar: &mut Calendar) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        if self.sleeps {
            set_current_timer_slack(NonZeroU64::new(1))?;
        }
        loop {
            let now = Instant::now();
            let is_over = |is_over: &Arc<AtomicBool>| is_over.load(Ordering::Relaxed);
            if now >= end || self.until.as_ref().is_some_and(is_over) {
                return Ok(());
            }
            while let Some(due) = calendar.take(now) {
                let index = calendar.pick(self.connections.len());
                self.batch.clear();
                self.requests.append(index, 0, &mut self.batch);
                self.connections[index].due.push_back(due);
                self.send(index)?;
            }
            if self.sleeps {
                // The kernel's epoll sleeps whole milliseconds.
                thread::sleep(calendar.until_due(Instant::now()).min(SLEEP_MAX));
            }
            self.poll(&mut events, Duration::ZERO)?;
            for event in events.drain(..) {
                self.receive(event.data.u64() as usize)?;
            }
        }
    }

    fn poll(&mut self, events: &mut Vec<epoll::Event>, timeout: Duration) -> io::Result<()> {
        events.clear();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(events),
            Some(&timeout),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn send_batch(&mut self, index: usize, depth: usize) -> io::Result<()> {
        self.batch.clear();
        for nth in 0..depth {
            self.requests.append(index, nth, &mut self.batch);
        }
        let connection = &mut self.connections[index];
        connection.waiting = depth;
        connection.sent = Instant::now();
        self.send(index)
    }

    /// Sends `batch`, behind whatever of earlier batches the socket has not taken yet.
    fn send(&mut self, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        if !connection.unsent.is_empty() {
            connection.unsent.extend_from_slice(&self.batch);
            return Ok(());
        }
        let taken = match connection.stream.write(&self.batch) {
            Ok(taken) => taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if taken < self.batch.len() {
            connection.unsent.extend_from_slice(&self.batch[taken..]);
            self.want_writable(index, true)?;
        }
        Ok(())
    }

    fn want_writable(&mut self, index: usize, wanted: bool) -> io::Result<()> {
        let connection = &mut self.connections[index];
        if connection.writable_wanted != wanted {
            connection.writable_wanted = wanted;
            let both = epoll::EventFlags::IN | epoll::EventFlags::OUT;
            let flags = if wanted { both } else { epoll::EventFlags::IN };
            epoll::modify(
                &self.epoll,
                &connection.stream,
                epoll::EventData::new_u64(index as u64),
                flags,
            )?;
        }
        Ok(())
    }

    /// Takes what has come and sends what had to wait; whether any reply ended.
    fn receive(&mut self, index: usize) -> io::Result<bool> {
        if !self.connections[index].unsent.is_empty() {
            self.flush(index)?;
        }
        let connection = &mut self.connections[index];
        let size = match connection.stream.read(&mut self.input) {
            Ok(0) => return Err(io::Error::other("the server closed a connection")),
            Ok(size) => size,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        let count = connection.replies.count(&self.input[..size])?;
        let asked = connection.waiting + connection.due.len();
        if count > asked {
            return Err(io::Error::other(format!(
                "{count} replies to {asked} requests"
            )));
        }
        // One of the two is empty: `due` in a closed loop, `waiting` in an open one.
        if connection.waiting > 0 {
            connection.waiting -= count;
            let latency = nanoseconds(now - connection.sent);
            if self.measuring {
                self.latency.saturating_record_n(latency, count as u64);
            }
        }
        let answered = count.min(connection.due.len());
        for due in connection.due.drain(..answered) {
            if self.measuring {
                self.latency.saturating_record(nanoseconds(now - due));
            }
        }
        if self.measuring {
            self.replies += count as u64;
        }
        Ok(count > 0)
    }

    fn flush(&mut self, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        match connection.stream.write(&connection.unsent) {
            Ok(taken) => drop(connection.unsent.drain(..taken)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let wanted = !connection.unsent.is_empty();
        self.want_writable(index, wanted)
    }

    /// Requests that were due and never answered count with the time they have waited so far.
    fn charge_unanswered(&mut self, since: Instant) -> u64 {
        let now = Instant::now();
        let mut count = 0;
        for due in self
            .connections
            .iter()
            .flat_map(|connection| &connection.due)
        {
            // The last few are merely on their way; only those that wait longer than the median are late.
            let waited = nanoseconds(now - *due);
            if *due >= since && waited > self.latency.value_at_quantile(0.5) {
                count += 1;
                self.latency.saturating_record(waited);
            }
        }
        count
    }
}

/// When the requests of an open loop are due.
struct Calendar {
    next: Instant,
    /// Mean time between two requests, in seconds.
    gap: f64,
    arrivals: Arrivals,
    random: Random,
}

impl Calendar {
    fn new(rate: f64, arrivals: Arrivals, start: Instant) -> Self {
        Self {
            next: start,
            gap: 1.0 / rate,
            arrivals,
            random: Random::new(11),
        }
    }

    /// The next due time, if it is not after `now`.
    fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next;
        if due > now {
            return None;
        }
        let factor = match self.arrivals {
            Arrivals::Constant => 1.0,
            Arrivals::Poisson => -(1.0 - self.random.unit()).ln(),
        };
        self.next += Duration::from_secs_f64(self.gap * factor);
        Some(due)
    }

    fn until_due(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    fn pick(&mut self, connections: usize) -> usize {
        self.random.below(connections as u64) as usize
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
