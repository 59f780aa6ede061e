//! A follower and a primary as stock behaves, on virtual time from one seed.

mod node;
mod primary;
mod seeds;
mod world;
