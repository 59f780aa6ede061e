//! How long a value of ten million elements makes others wait: the part `polite`.
//!
//! Each life builds one value and then sends its steps one by one, each alone. Two things are measured of a step:
//! the time until its reply, and the longest that a PING of a second connection takes from the step until the server
//! rests again, so that freeing afterwards is seen too.
//!
//! The machine may be busy, so a time is one on the clock without what the kernel says was spent waiting for a
//! core (`/proc/PID/task/TID/schedstat`, second number), by the server's thread or this one, and of all repetitions the
//! smallest counts: what a step needs it needs each time. While the value is built, each eight-thousandth of the
//! way is such a step: a pause that belongs to a size comes at the same place in each round, one of the machine's does
//! not. The part `built` lives the building alone, for many rounds: a machine that stands still for 5 ms in every 100
//! is rarely there at the same step four times.

use std::hint;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::process;
use crate::replies::Replies;
use crate::server::Server;
use crate::types::Shape;

/// Stretches of a build that are told apart.
const STRETCHES: usize = 8000;

/// Elements of a value that is built and thrown away first: a process that has just started maps its code when it is
/// used for the first time.
const WARM: u64 = 20_000;

/// Requests of a batch of a build.
pub const AT_ONCE: u64 = 16;

/// Repetitions of a step that changes nothing.
const READS: usize = 7;

/// The server rests when it used less than this of a core for so long.
const REST: Duration = Duration::from_millis(20);

/// What a step is to the value.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Changes nothing and is repeated.
    Read,
    /// Walks with a cursor until it is 0; the longest step counts, the smallest of the rounds.
    Walk,
    /// Changes the value; the smallest of the rounds counts.
    Change,
    /// Prepares the next step and is not shown.
    Silent,
}

/// One request, in which `@h` is half of the elements and `@q` a quarter, less 1.
pub struct Step {
    pub kind: Kind,
    pub request: &'static str,
}

/// One type's life.
#[derive(Clone, Copy)]
pub struct Life {
    pub name: &'static str,
    /// In which `@n` counts up.
    pub build: &'static str,
    /// Elements that one request of the build adds.
    pub elements: u64,
    pub steps: &'static [Step],
}

impl Life {
    /// Of it the building alone.
    #[must_use]
    pub fn built(&self) -> Self {
        Self {
            steps: &[],
            ..*self
        }
    }
}

/// How long something took, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Without waiting for a core.
    pub net: f64,
    /// On the clock.
    pub clock: f64,
}

/// What was measured of a step.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// Until its reply.
    pub reply: Took,
    /// The longest PING beside it.
    pub others: Took,
}

/// All pauses of a life.
pub struct Lived {
    /// Of each stretch of the build.
    pub build: Vec<Pause>,
    /// Of each step by its name.
    pub steps: Vec<(String, Pause)>,
}

impl Lived {
    /// The smaller of each, of two rounds.
    #[must_use]
    pub fn least(mut self, other: Self) -> Self {
        for (own, other) in self.build.iter_mut().zip(other.build) {
            *own = own.least(other);
        }
        for ((_, own), (_, other)) in self.steps.iter_mut().zip(other.steps) {
            *own = own.least(other);
        }
        self
    }
}

/// Lives a life once.
pub fn live(server: &Server, life: &Life, elements: u64) -> io::Result<Lived> {
    let mut client = Client::connect(server)?;
    build(server, &mut client, life, WARM)?;
    client.request("FLUSHALL")?;
    let build = build(server, &mut client, life, elements)?;
    client.stream.set_nonblocking(true)?;
    let mut steps = Vec::new();
    for step in life.steps {
        let request = step
            .request
            .replace("@h", &(elements / 2).to_string())
            .replace("@q", &(elements / 4 - 1).to_string());
        let pause = match step.kind {
            Kind::Read => (0..READS)
                .map(|_| one(server, &mut client, &request))
                .try_fold(Pause::EVER, |least, next| {
                    Ok::<_, io::Error>(least.least(next?))
                })?,
            Kind::Walk => walk(server, &mut client, &request)?,
            Kind::Change | Kind::Silent => one(server, &mut client, &request)?,
        };
        if step.kind == Kind::Silent && client.input.starts_with(b":0") {
            return Err(io::Error::other(format!("{request} did nothing")));
        }
        if step.kind != Kind::Silent {
            steps.push((format!("{} {}", life.name, step.request), pause));
        }
    }
    Ok(Lived { build, steps })
}

impl Took {
    const NOTHING: Self = Self {
        net: 0.0,
        clock: 0.0,
    };

    /// Above all that is measured.
    const EVER: Self = Self {
        net: f64::INFINITY,
        clock: f64::INFINITY,
    };

    /// The smaller of each.
    fn least(self, other: Self) -> Self {
        Self {
            net: self.net.min(other.net),
            clock: self.clock.min(other.clock),
        }
    }

    /// The longer of each.
    fn longest(self, other: Self) -> Self {
        Self {
            net: self.net.max(other.net),
            clock: self.clock.max(other.clock),
        }
    }
}

impl Pause {
    const NOTHING: Self = Self {
        reply: Took::NOTHING,
        others: Took::NOTHING,
    };

    /// Above all that is measured.
    const EVER: Self = Self {
        reply: Took::EVER,
        others: Took::EVER,
    };

    /// The smaller of each.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        Self {
            reply: self.reply.least(other.reply),
            others: self.others.least(other.others),
        }
    }

    /// The longest of many.
    pub fn longest(many: &[Self]) -> Self {
        many.iter().fold(Self::NOTHING, |sum, one| Self {
            reply: sum.reply.longest(one.reply),
            others: sum.others.longest(one.others),
        })
    }
}

/// A connection that waits for each reply.
struct Client {
    stream: TcpStream,
    waited: process::Waited,
    input: Vec<u8>,
}

impl Client {
    fn connect(server: &Server) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            waited: process::Waited::of(server.id())?,
            input: vec![0; 1 << 20],
        })
    }

    /// Sends a batch and reads its replies; the time until the last.
    fn send(&mut self, batch: &[u8], count: usize) -> io::Result<Took> {
        let mut replies = Replies::new(None);
        let waited = self.waited.read()?;
        let start = Instant::now();
        self.stream.write_all(batch)?;
        replies.read(&mut Spinning(&self.stream), &mut self.input, count)?;
        let clock = start.elapsed().as_nanos() as u64;
        let waited = self.waited.read()?.saturating_sub(waited);
        Ok(Took {
            net: clock.saturating_sub(waited) as f64 / 1000.0,
            clock: clock as f64 / 1000.0,
        })
    }

    fn request(&mut self, words: &str) -> io::Result<Took> {
        let mut batch = Vec::new();
        Shape::new(words).append_numbered(0, &mut batch);
        self.send(&batch, 1)
    }
}

/// Reads a stream that does not wait by asking again and again: a core that sleeps is woken late on some machines,
/// and who sends one request alone would measure that.
struct Spinning<'s>(&'s TcpStream);

impl Read for Spinning<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => hint::spin_loop(),
                outcome => return outcome,
            }
        }
    }
}

/// Builds the value while another connection asks; the pauses of each stretch.
fn build(
    server: &Server,
    client: &mut Client,
    life: &Life,
    elements: u64,
) -> io::Result<Vec<Pause>> {
    let shape = Shape::new(life.build);
    let (stretch, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut own = vec![Took::NOTHING; STRETCHES];
    let others = thread::scope(|scope| {
        let probe = scope.spawn(|| probe(server, &stretch, &done));
        let (requests, mut number, mut batch) = (elements / life.elements, 0, Vec::new());
        let outcome = loop {
            if number == requests {
                break Ok(());
            }
            let end = requests.min(number + AT_ONCE);
            batch.clear();
            (number..end).for_each(|number| shape.append_numbered(number, &mut batch));
            let at = (number * STRETCHES as u64 / requests) as usize;
            if stretch.swap(at, Ordering::Relaxed) < at {
                client.waited = process::Waited::of(server.id())?;
            }
            match client.send(&batch, (end - number) as usize) {
                Ok(took) => own[at] = own[at].longest(took),
                Err(error) => break Err(error),
            }
            number = end;
        };
        done.store(true, Ordering::Relaxed);
        outcome.and(probe.join().expect("the probe does not panic"))
    })?;
    Ok(own
        .into_iter()
        .zip(others)
        .map(|(reply, others)| Pause { reply, others })
        .collect())
}

/// The longest PING of each stretch until all is done.
fn probe(server: &Server, stretch: &AtomicUsize, done: &AtomicBool) -> io::Result<Vec<Took>> {
    let mut longest = vec![Took::NOTHING; STRETCHES];
    let mut client = Client::connect(server)?;
    while !done.load(Ordering::Relaxed) {
        let at = stretch.load(Ordering::Relaxed);
        if longest[at].clock == 0.0 {
            client.waited = process::Waited::of(server.id())?;
        }
        let took = client.request("PING")?;
        longest[at] = longest[at].longest(took);
        thread::sleep(Duration::from_micros(100));
    }
    Ok(longest)
}

/// Sends a request alone, with a PING after it until the server rests.
fn one(server: &Server, client: &mut Client, words: &str) -> io::Result<Pause> {
    let mut other = Client::connect(server)?;
    other.stream.set_nonblocking(true)?;
    client.waited = other.waited.clone();
    other.request("PING")?;
    let reply = client.request(words)?;
    let mut others = Took::NOTHING;
    loop {
        let (start, used) = (Instant::now(), server.usage()?.cpu);
        while start.elapsed() < REST {
            others = others.longest(other.request("PING")?);
            thread::sleep(Duration::from_micros(200));
        }
        // PINGs alone take a tenth of a core.
        let used = server.usage()?.cpu.saturating_sub(used);
        if used < (REST.as_nanos() / 3) as u64 {
            break;
        }
    }
    Ok(Pause { reply, others })
}

/// Walks until the cursor is 0, twice: the longest of the steps, each the shorter of its two.
fn walk(server: &Server, client: &mut Client, request: &str) -> io::Result<Pause> {
    let mut steps: Vec<Took> = Vec::new();
    for repetition in 0..2 {
        let (mut cursor, mut at) = ("0".to_owned(), 0);
        loop {
            let took = client.request(&request.replace("@c", &cursor))?;
            match repetition {
                0 => steps.push(took),
                // The value stays as it is, and so do the steps.
                _ => steps[at] = steps[at].least(took),
            }
            at += 1;
            // *2, then the cursor as a bulk string.
            let words = String::from_utf8_lossy(&client.input[..64]).into_owned();
            words.lines().nth(2).unwrap_or("0").clone_into(&mut cursor);
            if cursor == "0" {
                break;
            }
        }
    }
    let reply = steps.into_iter().fold(Took::NOTHING, Took::longest);
    let others = one(server, client, "PING")?.others;
    Ok(Pause { reply, others })
}
