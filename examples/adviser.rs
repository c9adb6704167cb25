//! A persona of your own: an adviser who lets nothing run that changes a cluster.

use studio_core::dossier::Checkpoint;
use studio_examples::{NoChanges, rehearse};

fn main() -> anyhow::Result<()> {
    let crew = studio_personas::crew().adviser("no-changes".parse()?, [Checkpoint::BeforeGrant], || NoChanges);
    print!("{}", rehearse(crew)?);
    Ok(())
}
