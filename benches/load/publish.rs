//! One publisher and many subscribers of one channel, on all cores: what a delivered message costs.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};

use crate::cross::sides;
use crate::drive::Measured;
use crate::options::Options;
use crate::parts::{add_run, both};
use crate::process;
use crate::record::Record;
use crate::replies::Replies;
use crate::server::Server;

const SUBSCRIBE: &[u8] = b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n";
const PUBLISH: &[u8] = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$16\r\n0123456789abcdef\r\n";

/// A connection that asks and waits.
pub struct Client {
    stream: TcpStream,
    replies: Replies,
}

impl Client {
    pub fn connect(server: &Server) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            replies: Replies::new(None),
        })
    }

    /// Sends one request and waits for its reply.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)?;
        self.replies.read(&mut self.stream, &mut [0; 4096], 1)
    }
}

/// Subscribers behind one epoll, and how many messages they have been given.
struct Audience {
    epoll: std::os::fd::OwnedFd,
    clients: Vec<Client>,
    delivered: u64,
    input: Vec<u8>,
}

impl Audience {
    fn connect(server: &Server, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clients = Vec::with_capacity(count);
        for index in 0..count {
            let mut client = Client::connect(server)?;
            client.ask(SUBSCRIBE)?;
            client.stream.set_nonblocking(true)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &client.stream, data, epoll::EventFlags::IN)?;
            clients.push(client);
        }
        Ok(Self {
            epoll,
            clients,
            delivered: 0,
            input: vec![0; 64 * 1024],
        })
    }

    /// Reads until `wanted` messages have come in all, at most ten seconds.
    fn read_until(&mut self, wanted: u64) -> io::Result<()> {
        let end = Instant::now() + Duration::from_secs(10);
        let second = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let mut events = Vec::with_capacity(1024);
        while self.delivered < wanted {
            if Instant::now() > end {
                return Err(io::Error::other("messages were lost"));
            }
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            epoll::wait(&self.epoll, room, Some(&second))?;
            for event in &events {
                let client = &mut self.clients[event.data.u64() as usize];
                let size = client.stream.read(&mut self.input)?;
                if size == 0 {
                    return Err(io::Error::other("a subscriber was closed"));
                }
                self.delivered += client.replies.count(&self.input[..size])? as u64;
            }
        }
        Ok(())
    }
}

/// Each message is published when the one before has reached everybody.
pub fn publish(options: &Options, record: &mut Record) -> io::Result<()> {
    for shards in &options.cross_shards {
        let servers = sides(options, *shards)?;
        for round in 0..options.rounds {
            let runs = both(round, &servers, |server| run(server, options))?;
            let name = format!("PUBLISH to {}, {shards} shards", options.subscribers);
            add_run(record, &name, &runs);
        }
    }
    Ok(())
}

/// Replies are messages that were delivered; a latency is the time until the last of one had its message.
fn run(server: &Server, options: &Options) -> io::Result<Measured> {
    let mut audience = Audience::connect(server, options.subscribers)?;
    let mut publisher = Client::connect(server)?;
    let many = options.subscribers as u64;
    let mut latency = Histogram::new(3).map_err(io::Error::other)?;
    let mut go = |audience: &mut Audience, time: Duration| -> io::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let (sent, wanted) = (Instant::now(), audience.delivered + many);
            publisher.ask(PUBLISH)?;
            audience.read_until(wanted)?;
            let took = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
            latency.saturating_record(took);
        }
        Ok(())
    };
    go(&mut audience, options.warm_up())?;
    let (usage, own) = (server.usage()?, process::own_cpu()?);
    let (start, before) = (Instant::now(), audience.delivered);
    go(&mut audience, options.measured)?;
    Ok(Measured {
        replies: audience.delivered - before,
        elapsed: start.elapsed(),
        server: server.usage()?.since(usage),
        generator: process::own_cpu()? - own,
        latency,
        unanswered: 0,
    })
}
