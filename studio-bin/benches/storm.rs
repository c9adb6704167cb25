//! Who repeats, loses and invents what when processes are killed: Studio's claims beside the usual ways.
//!
//! `cargo bench --bench storm` prints the comparison, `cargo bench --bench storm -- --minutes 10` rages that long over
//! Studio alone and fails if anything was not as it should be; `--seed N` chooses the dice. Without `--bench` a little
//! of the comparison is done, to see that it works. Nothing is asserted about time.

mod rivals;

use anyhow::{Context, Result, ensure};
use rivals::{Came, Way};
use std::path::Path;
use std::time::{Duration, Instant};
use studio_tests::storm::{Count, Dice, Storm, Victim};

/// The studio that is tested.
const STUDIO: &str = env!("CARGO_BIN_EXE_studio");
/// Commands and kills of one row.
const FULL: (usize, usize) = (40, 60);
const ONCE: (usize, usize) = (3, 2);
/// Commands and kills of one round of the long storm.
const ROUND: (usize, usize) = (150, 300);

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [what, worker @ ..] if what == rivals::WORKER => return rivals::worker(worker),
        [what, unit @ ..] if what == rivals::UNIT => std::process::exit(rivals::unit(unit)?),
        [..] => {}
    }
    let given =
        |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1).map(|value| value.parse::<u64>().context(format!("{name} wants a number")));
    let seed = given("--seed").unwrap_or_else(|| Ok(std::process::id().into()))?;
    println!("\nseed {seed}, on {} cores\n", std::thread::available_parallelism()?);
    match given("--minutes") {
        Some(minutes) => rage(seed, Duration::from_secs(minutes? * 60)),
        None => compare(seed, if args.iter().any(|arg| arg == "--bench") { FULL } else { ONCE }),
    }
}

/// Rages in rounds until the time is over.
fn rage(seed: u64, time: Duration) -> Result<()> {
    let (begun, mut sum) = (Instant::now(), Count::default());
    for round in 0.. {
        let storm = Storm { seed: seed + round, tickets: 2 * ROUND.0, commands: ROUND.0, kills: ROUND.1, victims: Victim::ALL.into() };
        sum.absorb(storm.rage(Path::new(STUDIO))?);
        println!("{:>5} s: {} kills, {} commands, {} not as it should be", begun.elapsed().as_secs(), sum.killed(), sum.commands(), sum.flaws.len());
        if begun.elapsed() >= time {
            break;
        }
    }
    println!("\n{sum}");
    ensure!(sum.flaws.is_empty(), "something was repeated, lost or invented");
    Ok(())
}

/// Every way, every victim that it has.
fn compare(seed: u64, (commands, kills): (usize, usize)) -> Result<()> {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    println!("{:<24} {:<24} {:>6} {:>9} {:>6} {:>6} {:>9} {:>6}", "way", "killed", "kills", "commands", "twice", "lost", "invented", "asked");
    for way in Way::ALL {
        for victim in [Victim::Runtime, Victim::Step, Victim::Everything] {
            let came = way.rage(&dir.path().join(format!("{way:?}-{victim:?}")), victim, commands, kills, &mut Dice::new(seed, 0))?;
            row(way.words(), if victim == Victim::Step { "the command".into() } else { victim.to_string() }, came);
        }
    }
    for victim in Victim::ALL {
        let storm = Storm { seed, tickets: 6 * commands, commands, kills: kills.min(commands), victims: vec![victim] };
        let count = storm.rage(Path::new(STUDIO))?;
        let came = Came {
            kills: count.killed(),
            commands: count.commands(),
            twice: count.twice,
            lost: count.lost,
            invented: count.invented,
            asked: count.asks(),
        };
        row("studio", victim.to_string(), came);
        count.flaws.iter().for_each(|flaw| println!("  {flaw}"));
    }
    println!("\nlost: noted as over, never done. invented: an end is noted that nobody saw. asked: a human was.");
    println!("The named unit is a stand-in for a transient unit of systemd: a process of its own that refuses a second one of its name");
    println!("while it runs and forgets it then. It proves nothing about systemd itself: its journal, restarts of its own, or scopes.");
    println!("A unit that is kept after its end (RemainAfterExit) would refuse for ever, and be gone after a boot.");
    Ok(())
}

fn row(way: &str, victim: String, came: Came) {
    let Came { kills, commands, twice, lost, invented, asked } = came;
    println!("{way:<24} {victim:<24} {kills:>6} {commands:>9} {twice:>6} {lost:>6} {invented:>9} {asked:>6}");
}
