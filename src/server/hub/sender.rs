//! Sends a snapshot to the replicas that wait for it, from a thread that may
//! wait: each at its own pace, and none holds up the data.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as Teller};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::replication::Stream;
use crate::runtime::clock::Stopwatch;
use crate::runtime::core::{Bell, Fan};
use crate::server::save::reason;
use crate::server::snapshot::Target;
use crate::telemetry::Replication;

use super::spill::{Spill, nameless};

/// Bytes that wait in memory for the slowest replica before the walk waits, too.
const ROOM: u64 = 4 << 20;

/// Bytes of one send.
const SEND_BYTES: usize = 256 << 10;

/// What is shorter is put together, up to this length.
const TOGETHER_BYTES: usize = 64 << 10;

/// How long the thread waits for the kernel before it looks around.
const LOOK: Duration = Duration::from_millis(20);

/// What became of a replica's file.
pub(super) enum Delivery {
    Whole(u64),
    Lost(u64, String),
    /// It took nothing for `repl-timeout`.
    Late(u64),
}

/// A replica that gets a file, and has been sent what comes before that.
pub(super) struct Receiving {
    pub(super) link: u64,
    pub(super) socket: OwnedFd,
}

/// To whom a file is sent, and what ends it.
pub(super) struct Feed {
    pub(super) receiving: Vec<Receiving>,
    pub(super) mark: Vec<u8>,
}

/// Who hears what became of it; and where it says how long a replica may take
/// nothing, now.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) tell: Teller<Delivery>,
    pub(super) bell: Bell,
    pub(super) replication: Arc<Replication>,
}

impl Told {
    fn say(&self, delivery: Delivery) {
        // Nobody hears it at the end of the node.
        let _unheard = self.tell.send(delivery).is_err();
        self.bell.ring();
    }
}

/// Where the bytes are, numbered from 1.
enum Supply {
    Stream(Stream<Spill>),
    File { file: File, len: u64 },
}

impl Supply {
    fn end(&self) -> u64 {
        match self {
            Supply::Stream(stream) => stream.end(),
            Supply::File { len, .. } => *len,
        }
    }

    fn read(&mut self, from: u64) -> Result<Bytes, String> {
        match self {
            Supply::Stream(stream) => {
                let mut bytes = stream.read(from)?;
                bytes.truncate(SEND_BYTES);
                Ok(bytes)
            }
            Supply::File { file, len } => {
                let rest = (*len + 1 - from).min(SEND_BYTES as u64);
                let mut bytes = vec![0; rest as usize];
                file.read_exact_at(&mut bytes, from - 1)
                    .map_err(|error| reason(&error))?;
                Ok(bytes.into())
            }
        }
    }
}

/// One replica.
struct Link {
    number: u64,
    place: usize,
    /// The next byte that it is sent.
    next: u64,
    moved_ns: u64,
    is_over: bool,
}

/// See the module.
struct Sender {
    fan: Fan,
    links: Vec<Link>,
    supply: Supply,
    /// No more bytes come.
    is_whole: bool,
    told: Told,
    watch: Stopwatch,
}

impl Sender {
    fn new(receiving: Vec<Receiving>, supply: Supply, told: Told) -> Result<Sender, String> {
        let mut fan = Fan::new().map_err(|error| reason(&error))?;
        let links = receiving
            .into_iter()
            .map(|receiving| Link {
                number: receiving.link,
                place: fan.add(receiving.socket),
                next: 1,
                moved_ns: 0,
                is_over: false,
            })
            .collect();
        Ok(Sender {
            fan,
            links,
            supply,
            is_whole: false,
            told,
            watch: Stopwatch::start(),
        })
    }

    /// Takes bytes on; `false` if nobody wants them.
    fn push(&mut self, bytes: Bytes) -> bool {
        if let Supply::Stream(stream) = &mut self.supply {
            stream.push(bytes);
        }
        self.move_on(Duration::ZERO);
        self.is_wanted()
    }

    fn is_wanted(&self) -> bool {
        self.links.iter().any(|link| !link.is_over)
    }

    /// Lets go of what everybody has; of the rest, what has no room in this much
    /// memory goes to a file. Whether it fits.
    fn make_room(&mut self, memory: u64) -> Result<bool, String> {
        let Supply::Stream(stream) = &mut self.supply else {
            return Ok(true);
        };
        let live = self.links.iter().filter(|link| !link.is_over);
        let needed = live.map(|link| link.next).min();
        stream.trim(0, needed, memory)?;
        Ok(stream.in_memory() <= ROOM)
    }

    /// Gives every socket its next piece, and waits for a while until one has gone.
    fn move_on(&mut self, wait: Duration) {
        for index in 0..self.links.len() {
            self.feed(index);
        }
        let mut over = Vec::new();
        self.fan.turn(wait, &mut over);
        let now_ns = self.watch.ns();
        for (place, outcome) in over {
            let index = self.links.iter().position(|link| link.place == place);
            let index = index.expect("a socket is a link's");
            self.links[index].moved_ns = now_ns;
            match outcome {
                Ok(()) => self.feed(index),
                Err(error) => self.lose_for(index, reason(&error)),
            }
        }
        let limit_ns = self.told.replication.timeout_s.read() * 1_000_000_000;
        for index in 0..self.links.len() {
            let link = &self.links[index];
            let is_stuck = !link.is_over && !self.fan.is_idle(link.place);
            if is_stuck && now_ns > link.moved_ns + limit_ns {
                self.lose(index, Delivery::Late(link.number));
            }
        }
    }

    fn feed(&mut self, index: usize) {
        let link = &mut self.links[index];
        if link.is_over || !self.fan.is_idle(link.place) {
            return;
        }
        if link.next > self.supply.end() {
            if self.is_whole {
                link.is_over = true;
                self.told.say(Delivery::Whole(link.number));
            } else {
                // It waits for more, not more for it.
                link.moved_ns = self.watch.ns();
            }
            return;
        }
        match self.supply.read(link.next) {
            Ok(bytes) => {
                link.next += bytes.len() as u64;
                self.fan.send(link.place, bytes);
            }
            Err(why) => self.lose_for(index, why),
        }
    }

    fn lose_for(&mut self, index: usize, why: String) {
        let delivery = Delivery::Lost(self.links[index].number, why);
        self.lose(index, delivery);
    }

    fn lose(&mut self, index: usize, delivery: Delivery) {
        let link = &mut self.links[index];
        if !link.is_over {
            link.is_over = true;
            // Why comes first: who has the link sees its end, too.
            self.told.say(delivery);
            self.fan.hang_up(link.place);
        }
    }

    /// Sends the rest, and goes.
    fn finish(mut self) {
        self.is_whole = true;
        while self.is_wanted() || !self.fan.is_quiet() {
            self.move_on(LOOK);
            // What cannot be put aside stays in memory.
            let _fits = self.make_room(u64::MAX);
        }
    }
}

/// A snapshot that is sent while it is made.
pub(super) struct Streamed {
    feed: Receiver<Feed>,
    told: Told,
    sender: Option<Sender>,
    mark: Vec<u8>,
    short: BytesMut,
}

impl Streamed {
    /// To whom is said when the snapshot's moment has come.
    pub(super) fn new(feed: Receiver<Feed>, told: Told) -> Streamed {
        Streamed {
            feed,
            told,
            sender: None,
            mark: Vec::new(),
            short: BytesMut::new(),
        }
    }

    fn sender(&mut self) -> Result<&mut Sender, String> {
        if self.sender.is_none() {
            let feed = self.feed.recv().map_err(|_| "nobody wants it")?;
            let supply = Supply::Stream(Stream::new(0, Spill::default()));
            self.mark = feed.mark;
            self.sender = Some(Sender::new(feed.receiving, supply, self.told.clone())?);
        }
        Ok(self.sender.as_mut().expect("it was just made"))
    }

    fn push(&mut self, bytes: Bytes, is_pressed: &dyn Fn() -> bool) -> Result<(), String> {
        if !bytes.is_empty() && !self.sender()?.push(bytes) {
            return Err("no replica is left".to_owned());
        }
        let sender = self.sender()?;
        let mut memory = u64::MAX;
        while !sender.make_room(memory)? {
            if is_pressed() {
                // Writers wait for this thread: the slow replica shall not be what
                // they wait for.
                memory = ROOM;
                continue;
            }
            sender.move_on(LOOK);
        }
        Ok(())
    }
}

impl Target for Streamed {
    fn write(&mut self, bytes: Bytes, is_pressed: &dyn Fn() -> bool) -> Result<(), String> {
        if bytes.len() + self.short.len() <= TOGETHER_BYTES {
            self.short.extend_from_slice(&bytes);
            return Ok(());
        }
        let short = self.short.split().freeze();
        self.push(short, is_pressed)?;
        self.push(bytes, is_pressed)
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.sender()?;
        self.short.extend_from_slice(&self.mark);
        let rest = self.short.split().freeze();
        self.push(rest, &|| false)?;
        let sender = self.sender.take().expect("it was just used");
        on_thread(move || sender.finish())
    }
}

/// A snapshot that is sent when it is whole, out of a file that has no name.
pub(super) struct Filed {
    file: File,
    len: u64,
    whole: Teller<(File, u64)>,
}

impl Filed {
    pub(super) fn create(whole: Teller<(File, u64)>) -> Result<Filed, String> {
        let file = nameless("repl-file")?;
        Ok(Filed {
            file,
            len: 0,
            whole,
        })
    }
}

impl Target for Filed {
    fn write(&mut self, bytes: Bytes, _: &dyn Fn() -> bool) -> Result<(), String> {
        self.file
            .write_all_at(&bytes, self.len)
            .map_err(|error| format!("Write error saving DB on disk: {}", reason(&error)))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        // Nobody wants it at the end of the node.
        let _unwanted = self.whole.send((self.file, self.len)).is_err();
        Ok(())
    }
}

/// Sends a whole file.
pub(super) fn send_file(
    (file, len): (File, u64),
    receiving: Vec<Receiving>,
    told: Told,
) -> Result<(), String> {
    let life = move || {
        let supply = Supply::File { file, len };
        let links: Vec<u64> = receiving.iter().map(|receiving| receiving.link).collect();
        match Sender::new(receiving, supply, told.clone()) {
            Ok(sender) => sender.finish(),
            Err(why) => links
                .into_iter()
                .for_each(|link| told.say(Delivery::Lost(link, why.clone()))),
        }
    };
    on_thread(life)
}

/// Lets something live on a thread of its own.
fn on_thread(life: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let started = thread::Builder::new().name("sync".to_owned()).spawn(life);
    started.map(drop).map_err(|error| reason(&error))
}
