//! A studio in a box: a disk whose power can be cut, a host that remembers, a life of the Studio over both, a model's server, and a storm of kills.

pub mod chores;
pub mod disk;
pub mod host;
pub mod life;
pub mod server;
pub mod storm;
