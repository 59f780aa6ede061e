//! What the command line asks for: which parts run, against which binaries, on which cores, how long.
//!
//! Every option has a default that measures what `docs/performance.md` describes; `--quick` shortens each part
//! and changes nothing else, so that a quick row means the same as a full one, only with more noise.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The text shown for `--help` and when no argument at all is given (as `cargo test --benches` does).
pub const USAGE: &str = "\
cargo bench --bench load -- [options] [part ...]

parts: sweep (default), tail, hop, memory, idle-connections, idle, types, type-memory, polite, cross, publish, beside, open, save, save-large, sync, all
  sweep              GET and SET at P1, P16 and P64, closed loop
  tail               latency at a share of stock's highest rate, open loop
  hop                CPU per operation with several shards as a multiple of one shard's
  memory             RSS growth per key
  idle-connections   RSS growth by idle connections
  idle               context switches per second of a node without clients
  types              the commands of lists, sets, hashes, sorted sets and streams, closed loop
  type-memory        RSS growth per element of each type
  polite             the longest pauses around one value of --elements, basalt beside stock
  built              of polite the building alone
  cross              commands over several keys, transactions, scripts, waiting clients
  publish            one publisher, --subscribers on all cores
  beside             single keys while others' transactions run over two cores
  open               open loop at --rate
  save, sync         BGSAVE, or a full synchronisation, of --memory-keys keys beside SETs at --rate, open loop
  save-large         the same of BGSAVE, with a hash and a sorted set of a million elements that every fifth request changes

  --basalt PATH        the node under test              (target/release/basalt)
  --stock PATH         what it is compared with         (redis-server)
  --rounds N           alternating rounds               (5; quick 3)
  --seconds S          measured time of one run         (3; quick 0.8)
  --connections N      connections of the generator     (50)
  --pipeline N[,N...]  requests in flight of each       (1,16,64)
  --commands C[,C...]  get, set, mixed                  (get,set)
  --reads SHARE        share of GET in mixed            (0.9)
  --value-size BYTES   size of a value                  (64)
  --only TEXT[,TEXT...]  tests of 'types', 'type-memory', 'polite', 'built' and 'cross' whose name is one of these, or has it in it
  --keys N             distinct keys                    (1000000; quick 200000)
  --distribution D     uniform or zipf                  (uniform)
  --zipf EXPONENT      exponent of zipf                 (0.99)
  --rate N             requests per second of 'open', 'save', 'save-large', 'sync'  (50000)
  --arrivals A         poisson or constant              (poisson)
  --waits W            an open loop spins or sleeps      (spins)
  --load SHARE         share of stock's rate in 'tail'  (0.7)
  --shards N           shards of basalt                 (1)
  --hop-shards N       shards of 'hop' and 'beside'     (2)
  --cross-shards N[,N...]  shards of 'cross' and 'publish'  (1,4)
  --subscribers N      clients of 'publish'             (1000)
  --server-cores LIST  cores of each server             (0)
  --hop-cores LIST     cores of nodes with several shards  (0,1)
  --generator-core N   core of the generator            (1)
  --memory-keys N      keys of 'memory', 'save', 'save-large', 'sync' (5000000; quick 500000)
  --idle-clients N     clients of 'idle-connections'    (10000; quick 2000)
  --elements N         elements of a value of 'polite', 'built'  (10000000; quick 1000000)
  --quick              short runs
  --output FOLDER      where report.html and results.jsonl go  (target/load)
";

/// Which request the generator sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mix {
    Get,
    Set,
    /// GET with this probability, else SET.
    Mixed(f64),
}

impl Mix {
    /// As a row of the table names it.
    pub fn name(self) -> String {
        match self {
            Self::Get => "GET".to_owned(),
            Self::Set => "SET".to_owned(),
            Self::Mixed(reads) => format!("{:.0}% GET", reads * 100.0),
        }
    }
}

/// How often each key is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    Uniform,
    /// Key of rank r with a frequency that goes with r^-exponent.
    Zipf(f64),
}

/// When the requests of an open loop are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    Poisson,
    Constant,
}

/// A part of the bench that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Sweep,
    Tail,
    Hop,
    Memory,
    IdleConnections,
    Idle,
    Types,
    TypeMemory,
    Polite,
    Built,
    Cross,
    Publish,
    Beside,
    Open,
    Save,
    SaveLarge,
    Sync,
}

const PARTS: [(&str, Part); 17] = [
    ("sweep", Part::Sweep),
    ("tail", Part::Tail),
    ("hop", Part::Hop),
    ("memory", Part::Memory),
    ("idle-connections", Part::IdleConnections),
    ("idle", Part::Idle),
    ("types", Part::Types),
    ("type-memory", Part::TypeMemory),
    ("polite", Part::Polite),
    ("built", Part::Built),
    ("cross", Part::Cross),
    ("publish", Part::Publish),
    ("beside", Part::Beside),
    ("open", Part::Open),
    ("save", Part::Save),
    ("save-large", Part::SaveLarge),
    ("sync", Part::Sync),
];

/// All that can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    pub parts: Vec<Part>,
    pub basalt: PathBuf,
    pub stock: PathBuf,
    pub rounds: usize,
    pub measured: Duration,
    pub connections: usize,
    pub pipeline: Vec<usize>,
    pub mixes: Vec<Mix>,
    pub value_size: usize,
    pub keys: u64,
    pub distribution: Distribution,
    pub rate: f64,
    pub arrivals: Arrivals,
    /// An open loop sleeps until the next request is due.
    pub sleeps: bool,
    pub load: f64,
    pub shards: usize,
    pub hop_shards: usize,
    pub cross_shards: Vec<usize>,
    pub subscribers: usize,
    pub server_cores: String,
    pub hop_cores: String,
    pub generator_core: usize,
    pub memory_keys: u64,
    pub idle_clients: usize,
    pub elements: u64,
    pub output: PathBuf,
    /// Parts of the names of tests; none for all.
    pub only: Vec<String>,
    /// The arguments as given, for the record of results.
    pub given: String,
}

impl Options {
    /// The defaults, full or quick.
    fn defaults(quick: bool) -> Self {
        Self {
            parts: Vec::new(),
            basalt: PathBuf::from("target/release/basalt"),
            stock: PathBuf::from("redis-server"),
            rounds: if quick { 3 } else { 5 },
            measured: Duration::from_millis(if quick { 800 } else { 3000 }),
            connections: 50,
            pipeline: vec![1, 16, 64],
            mixes: vec![Mix::Get, Mix::Set],
            value_size: 64,
            keys: if quick { 200_000 } else { 1_000_000 },
            distribution: Distribution::Uniform,
            rate: 50_000.0,
            arrivals: Arrivals::Poisson,
            sleeps: false,
            load: 0.7,
            shards: 1,
            hop_shards: 2,
            cross_shards: vec![1, 4],
            subscribers: 1000,
            server_cores: "0".to_owned(),
            hop_cores: "0,1".to_owned(),
            generator_core: 1,
            memory_keys: if quick { 500_000 } else { 5_000_000 },
            idle_clients: if quick { 2_000 } else { 10_000 },
            elements: if quick { 1_000_000 } else { 10_000_000 },
            output: PathBuf::from("target/load"),
            only: Vec::new(),
            given: String::new(),
        }
    }

    /// Reads the arguments after the program's name; the error is a line for a person.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::defaults(arguments.iter().any(|word| word == "--quick"));
        options.given = arguments.join(" ");
        let (mut exponent, mut zipf, mut reads, mut commands) =
            (0.99, false, 0.9, "get,set".to_owned());
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" | "--bench" => continue,
                "all" => options
                    .parts
                    .extend(PARTS[..12].iter().map(|(_, part)| *part)),
                name if !name.starts_with("--") => {
                    let part = PARTS.iter().find(|(known, _)| *known == name);
                    options
                        .parts
                        .push(part.ok_or(format!("no part is named {name}"))?.1);
                }
                name => {
                    let value = words.next().ok_or(format!("{name} wants a value"))?;
                    match name {
                        "--zipf" => exponent = number(name, value)?,
                        "--reads" => reads = number(name, value)?,
                        "--commands" => commands.clone_from(value),
                        "--distribution" => zipf = one_of(name, value, ["uniform", "zipf"])?,
                        _ => options.set(name, value)?,
                    }
                }
            }
        }
        if options.parts.is_empty() {
            options.parts.push(Part::Sweep);
        }
        if zipf {
            options.distribution = Distribution::Zipf(exponent);
        }
        options.mixes = commands
            .split(',')
            .map(|name| mix(name, reads))
            .collect::<Result<_, _>>()?;
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--basalt" => self.basalt = PathBuf::from(value),
            "--stock" => self.stock = PathBuf::from(value),
            "--output" => self.output = PathBuf::from(value),
            "--only" => self.only = value.split(',').map(str::to_owned).collect(),
            "--rounds" => self.rounds = number(name, value)?,
            "--seconds" => {
                self.measured = Duration::try_from_secs_f64(number(name, value)?)
                    .map_err(|error| format!("{name}: {error}"))?;
            }
            "--connections" => self.connections = number(name, value)?,
            "--pipeline" => {
                self.pipeline = value
                    .split(',')
                    .map(|depth| number(name, depth))
                    .collect::<Result<_, _>>()?;
            }
            "--value-size" => self.value_size = number(name, value)?,
            "--keys" => self.keys = number(name, value)?,
            "--rate" => self.rate = number(name, value)?,
            "--waits" => self.sleeps = one_of(name, value, ["spins", "sleeps"])?,
            "--arrivals" => {
                let constant = one_of(name, value, ["poisson", "constant"])?;
                self.arrivals = if constant {
                    Arrivals::Constant
                } else {
                    Arrivals::Poisson
                };
            }
            "--load" => self.load = number(name, value)?,
            "--shards" => self.shards = number(name, value)?,
            "--hop-shards" => self.hop_shards = number(name, value)?,
            "--server-cores" => value.clone_into(&mut self.server_cores),
            "--cross-shards" => {
                self.cross_shards = value
                    .split(',')
                    .map(|shards| number(name, shards))
                    .collect::<Result<_, _>>()?;
            }
            "--subscribers" => self.subscribers = number(name, value)?,
            "--hop-cores" => value.clone_into(&mut self.hop_cores),
            "--generator-core" => self.generator_core = number(name, value)?,
            "--memory-keys" => self.memory_keys = number(name, value)?,
            "--elements" => self.elements = number(name, value)?,
            "--idle-clients" => self.idle_clients = number(name, value)?,
            _ => return Err(format!("no option is named {name}")),
        }
        Ok(())
    }

    /// Refuses what would divide by zero or never end.
    fn check(&self) -> Result<(), String> {
        let counts = [
            self.rounds,
            self.connections,
            self.value_size,
            self.shards,
            self.hop_shards,
            self.idle_clients,
        ];
        let positive =
            counts.iter().all(|count| *count > 0) && self.pipeline.iter().all(|depth| *depth > 0);
        if !positive || self.keys == 0 || self.memory_keys == 0 || self.measured.is_zero() {
            return Err("counts and times start at 1".to_owned());
        }
        if self.elements < 100_000 {
            return Err("--elements starts at 100000".to_owned());
        }
        if self.keys > u64::from(u32::MAX) {
            return Err("--keys ends at 4294967295".to_owned());
        }
        if !(self.rate > 0.0 && self.load > 0.0) {
            return Err("--rate and --load are above 0".to_owned());
        }
        Ok(())
    }

    /// The tests that `--only` names.
    ///
    /// # Errors
    /// When there is none.
    pub fn chosen<'t, Test>(
        &self,
        tests: &'t [Test],
        name: impl Fn(&Test) -> &str,
    ) -> io::Result<Vec<&'t Test>> {
        let is_whole = |part: &String| tests.iter().any(|test| name(test) == part);
        let is_named = |test: &&Test| {
            let is_meant = |part: &String| match is_whole(part) {
                true => name(test) == part,
                false => name(test).contains(part),
            };
            self.only.is_empty() || self.only.iter().any(is_meant)
        };
        let chosen: Vec<&Test> = tests.iter().filter(is_named).collect();
        if chosen.is_empty() {
            let only = self.only.join(",");
            let said = format!("--only {only}: no test of this part has that in its name");
            return Err(io::Error::other(said));
        }
        Ok(chosen)
    }

    /// The unmeasured time before a measured run: caches, branch predictors and socket buffers settle.
    pub fn warm_up(&self) -> Duration {
        (self.measured / 4).min(Duration::from_millis(500))
    }
}

fn mix(name: &str, reads: f64) -> Result<Mix, String> {
    match name {
        "get" => Ok(Mix::Get),
        "set" => Ok(Mix::Set),
        "mixed" if (0.0..=1.0).contains(&reads) => Ok(Mix::Mixed(reads)),
        "mixed" => Err("--reads is between 0 and 1".to_owned()),
        _ => Err(format!("--commands: {name} is none of get, set, mixed")),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{name}: {value} is not a number that fits"))
}

/// Whether the value is the second of two words.
fn one_of(name: &str, value: &str, words: [&str; 2]) -> Result<bool, String> {
    let index = words.iter().position(|word| *word == value);
    Ok(index.ok_or(format!("{name} is {} or {}", words[0], words[1]))? == 1)
}
