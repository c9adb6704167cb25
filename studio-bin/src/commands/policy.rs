//! `studio policy`: which rule decides about a command, and what would be better.

use crate::exit::{Exit, Failure};
use serde_json::json;
use studio_core::name::Target;
use studio_gate::ShortGate;

pub(crate) fn explain(target: Option<&str>, argv: &[String], json: bool) -> Result<Exit, Failure> {
    let target = target.map(Target::try_from).transpose().map_err(|error| Failure::new(Exit::Usage, error))?;
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let found = ShortGate::new().judge_words(&words, target.as_ref());
    if json {
        println!(
            "{}",
            json!({
                "v": 1, "type": "explained", "argv": argv, "verdict": found.verdict, "class": found.class, "effect": found.effect,
                "rule": found.rule, "why": found.why, "better": found.better, "probe": found.probe,
            })
        );
        return Ok(Exit::Done);
    }
    println!("verdict     {}", found.verdict);
    println!("class       {}", found.class);
    println!("rule        {}", found.rule);
    println!("why         {}", found.why);
    if let Some(better) = found.better {
        println!("better      {better}");
    }
    println!("again       {}", found.effect.words());
    if let Some(probe) = found.probe {
        println!("looked for  by: {}", probe.argv);
    }
    Ok(Exit::Done)
}
