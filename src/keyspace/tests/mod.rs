//! The keyspace against a naive model, and its promises one by one.

mod model;
mod promises;
mod stage;
