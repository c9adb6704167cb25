//! Names of machines that a command may ask for: none that somebody outside chose, since a name can carry data out.

use super::kind::plain;
use crate::place::listed;
use std::net::IpAddr;

/// Ends of names that no resolver outside answers for.
const ZONES: &str = ".lan .local .internal .home.arpa .home .localdomain .intranet .corp .test .invalid .svc";
/// Names that people ask for to see whether the way out works; none of them is anybody's to choose.
const WELL_KNOWN: &str = "google.com www.google.com dns.google cloudflare.com one.one.one.one github.com api.github.com ghcr.io docker.io \
    registry-1.docker.io quay.io registry.k8s.io gcr.io debian.org deb.debian.org kernel.org kubernetes.io example.com www.example.com example.org \
    example.net pool.ntp.org time.cloudflare.com letsencrypt.org acme-v02.api.letsencrypt.org factory.talos.dev download.proxmox.com \
    public.ecr.aws mcr.microsoft.com registry.gitlab.com";
/// Resolvers outside that everybody asks.
const RESOLVERS: &str = "1.1.1.1 1.0.0.1 8.8.8.8 8.8.4.4 9.9.9.9";
/// Says whether the word is a machine that a name cannot carry data to: an address, a name inside, or one that everybody asks.
pub(super) fn near(word: &str) -> bool {
    let inside = !word.contains('.') || ZONES.split_whitespace().any(|zone| word.ends_with(zone));
    word.parse::<IpAddr>().is_ok() || (plain(word, ".-") && (inside || WELL_KNOWN.split_whitespace().any(|known| known == word)))
}

/// Says whether `word` is a resolver inside, or one that everybody asks.
pub(super) fn resolver(word: &str) -> bool {
    match word.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_loopback() || listed(RESOLVERS, word),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.segments().first().is_some_and(|first| first & 0xfe00 == 0xfc00),
        Err(_) => near(word),
    }
}

/// Says whether `word` names something in a registry inside, or in one that everybody uses.
pub(super) fn registry(word: &str) -> bool {
    let (host, rest) = word.split_once('/').unwrap_or((word, "x"));
    near(host.rsplit_once(':').map_or(host, |(host, _)| host)) && plain(rest, "._:/@-")
}

/// Says whether `word` is part of a filter of sockets; it looks names up, so none may carry data out.
pub(super) fn sockets(word: &str) -> bool {
    let host = |part: &str| part.rsplit_once(':').map_or(part, |(host, _)| host).trim_matches(['[', ']']).split('/').next().map(ToString::to_string);
    let tame = |part: &str| part.parse::<IpAddr>().is_ok() || host(part).is_some_and(|host| matches!(host.as_str(), "" | "*") || near(&host));
    !word.starts_with('-') && !word.contains(['$', '`', '|', ';', '&', '<', '>']) && word.split([' ', '(', ')', '=', '!']).all(tame)
}
