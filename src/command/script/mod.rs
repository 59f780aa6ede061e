//! SCRIPT and FUNCTION: scripts and libraries, which every core keeps for itself and all cores
//! alike. Running them is not here.

mod busy;
mod cache;
mod function;
mod function_change;
mod kill;
mod library_host;

pub use busy::BusyScript;
pub use function_change::change_libraries;
pub use library_host::LibraryHost;

pub(super) use cache::COMMANDS as SCRIPT;
pub(super) use function::COMMANDS as FUNCTION;
