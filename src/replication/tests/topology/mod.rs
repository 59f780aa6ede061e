//! Whole topologies on virtual time from one seed: see `seeds`.

mod around;
mod basalt;
mod book;
mod handing;
mod look;
mod net;
mod node;
mod seeds;
mod stock;
mod world;
