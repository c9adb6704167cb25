//! The default crew carries a ticket through the whole loop; every step is pretended.

fn main() -> anyhow::Result<()> {
    print!("{}", studio_examples::rehearse(studio_personas::crew())?);
    Ok(())
}
