//! Claims as a whole: real shims and real commands, and what is left when some of them are killed.

mod cuts;
mod damage;
mod joint;
pub(crate) mod lab;
mod model;
mod power;
mod races;
mod runs;
mod storm;
mod table;

use std::fs;
use std::path::Path;

pub(super) use lab::op;

/// Runs `check` with the file damaged in every byte, cut at every place and lengthened; then it is as before.
pub(super) fn every_flip(path: &Path, check: impl Fn()) {
    let sound = fs::read(path).unwrap();
    let cuts = (0..sound.len()).map(|at| sound[..at].to_vec());
    let flips = (0..sound.len()).map(|at| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 7);
        bytes
    });
    for bytes in cuts.chain(flips).chain([[&sound[..], b" "].concat()]) {
        fs::write(path, bytes).unwrap();
        check();
    }
    fs::write(path, sound).unwrap();
}
