//! How units of one stream run on several cores: dealt out, met over, counted.

mod deal;
mod progress;
mod share;

pub use deal::{Deal, Step};
pub use progress::Progress;
pub use share::{Share, Task};
