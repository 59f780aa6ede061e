//! The machines against what a primary may do to them.

mod apply;
mod catching;
mod follower;
mod guard;
mod halt;
mod parts;
mod primary;
mod seeds;
mod simulation;
mod story;
mod stream;
mod topology;
