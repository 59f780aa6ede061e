//! Streams against naive models: entries in a sorted map, and groups that keep
//! what is pending in a list.

mod entries;
mod groups;
mod nodes;
mod stage;
