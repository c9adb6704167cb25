//! The storm: a lab whose tickets each leave a trace, two lanes of real runtimes over them, SIGKILL at random moments,
//! and a count of what was done, not of what anybody says.

mod count;
mod dice;
mod lab;
mod lane;
pub mod prey;

pub use count::Count;
pub use dice::Dice;
pub use lab::SCRIPT;
pub use prey::Victim;

use lab::Lab;
use lane::Lane;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lanes at work at the same time; each one starts runtimes, and now and then two over one ticket.
const LANES: u64 = 2;

/// How much of a storm.
#[derive(Clone, Debug)]
pub struct Storm {
    /// What the dice begin with.
    pub seed: u64,
    /// Tickets of the lab: no more are worked.
    pub tickets: usize,
    /// Commands after which it may be over.
    pub commands: usize,
    /// Kills after which it may be over.
    pub kills: usize,
    /// Who is killed, drawn evenly: who stands here twice is killed twice as often.
    pub victims: Vec<Victim>,
}

impl Storm {
    /// Rages over a new lab that the studio in `program` works, until there were enough commands and kills, then
    /// settles what only a human can, and counts. A lab in which something went wrong is kept.
    ///
    /// # Errors
    /// The lab cannot be made, or the studio not be started.
    pub fn rage(&self, program: &Path) -> io::Result<Count> {
        let mut lab = Lab::make(program, self.tickets)?;
        let (next, sum) = (AtomicUsize::new(0), Mutex::new(Count::default()));
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..LANES)
                .map(|no| {
                    let (lab, next, sum) = (&lab, &next, &sum);
                    scope.spawn(move || self.work(lab, no, next, sum))
                })
                .collect();
            lanes.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(|_| Err(io::Error::other("a lane panicked"))))
        })?;
        let mut sum = sum.into_inner().map_err(|_| io::Error::other("a lane panicked"))?;
        lane::settle(&lab, &mut sum)?;
        sum.check(&lab)?;
        if !sum.flaws.is_empty() {
            sum.flaws.push(format!("the lab is kept in {}", lab.keep().display()));
        }
        Ok(sum)
    }

    fn work(&self, lab: &Lab, no: u64, next: &AtomicUsize, sum: &Mutex<Count>) -> io::Result<()> {
        let mut lane = Lane::new(lab, &self.victims, Dice::new(self.seed, no), no)?;
        loop {
            let enough = {
                let mut sum = sum.lock().map_err(|_| io::Error::other("a lane panicked"))?;
                sum.absorb(std::mem::take(&mut lane.count));
                sum.fates.len() >= self.commands && sum.killed() >= self.kills
            };
            let ticket = next.fetch_add(1, Ordering::Relaxed);
            if enough || ticket >= self.tickets {
                return Ok(());
            }
            lane.work(&lab::ticket(ticket))?;
        }
    }
}
