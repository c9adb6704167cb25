//! `studio freeze`: while changes are frozen, no live step begins but plain reads.

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_core::clock::stamp;
use studio_host::claim::ClaimStore;
use studio_host::claim::marks::Freeze;

pub(crate) fn freeze(site: &Site, reason: Option<&str>, lift: bool, json: bool) -> Result<Exit, Failure> {
    let store = if reason.is_some() || lift { Some(claims::open_any(site)?) } else { ClaimStore::find(&claims::dir(site)?).map_err(claims::odd)? };
    if let (Some(store), Some(reason)) = (&store, reason) {
        let by = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "operator".into());
        store.freeze(&Freeze { why: reason.into(), by, at: site.clock.now() }).map_err(claims::odd)?;
    }
    if let (Some(store), true) = (&store, lift) {
        store.thaw().map_err(claims::odd)?;
    }
    let frozen = store.map_or(Ok(None), |store| store.frozen()).map_err(claims::odd)?;
    if json {
        let (why, by, at) =
            (frozen.as_ref().map(|freeze| &freeze.why), frozen.as_ref().map(|freeze| &freeze.by), frozen.as_ref().map(|freeze| stamp(freeze.at)));
        println!("{}", json!({ "v": 1, "type": "freeze", "frozen": frozen.is_some(), "why": why, "by": by, "at": at }));
        return Ok(Exit::Done);
    }
    match frozen {
        Some(Freeze { why, by, at }) => println!("frozen      since {} by {by}: {why}\nnext        studio freeze --lift", stamp(at)),
        None => println!("not frozen  live steps may begin"),
    }
    Ok(Exit::Done)
}
