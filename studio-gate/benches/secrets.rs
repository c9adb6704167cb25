//! What taking secrets out costs, and finding them: megabytes a second of the sink, and the time of a thousand files.

use std::hint::black_box;
use std::time::Instant;
use studio_core::redact::{Redactor, Secret};
use studio_gate::secrets;

/// Bytes of the text that is redacted.
const BYTES: usize = 64 * 1024 * 1024;
/// Megabytes a second that the sink must pass.
const WANTED: f64 = 200.0;
/// Files of one large change, and the milliseconds that looking at them may take.
const FILES: usize = 1000;
const MS_MAX: f64 = 300.0;

const LOG: &str = "2026-01-02T03:04:05.678Z level=info msg=\"reconciled\" kind=HelmRelease namespace=media name=jellyfin revision=main@sha1:35c91239 \
    duration=1.234s image=ghcr.io/example/app@sha256:3f9a0c7be1d24586af03bc9de712485069c1d7e2a4b8f0536d1e9c7ab2480f6d\n\
    pod/web-7d9f8b6c5d-x2x9z condition met; key-value pairs, skipped: 3, eyes on sk and gh: ok\n";
const MANIFEST: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: apps\nspec:\n  interval: 30m\n  \
    chart:\n    spec:\n      chart: app-template\n      version: 3.5.1\n      sourceRef: {kind: HelmRepository, name: bjw-s, namespace: flux-system}\n  \
    values:\n    controllers:\n      web:\n        containers:\n          app:\n            image:\n              repository: ghcr.io/example/web\n              \
    tag: 1.2.3@sha256:3f9a0c7be1d24586af03bc9de712485069c1d7e2a4b8f0536d1e9c7ab2480f6d\n            env:\n              TZ: Europe/Berlin\n              \
    DB_PASSWORD:\n                valueFrom:\n                  secretKeyRef: {name: web-secret, key: password}\n            envFrom:\n              \
    - secretRef: {name: web-secret}\n            resources:\n              requests: {cpu: 10m, memory: 128Mi}\n              limits: {memory: 512Mi}\n    \
    ingress:\n      app:\n        className: internal\n        hosts:\n          - host: web.${SECRET_DOMAIN}\n            paths: [{path: /, service: {identifier: app, port: http}}]\n";

fn main() {
    let text = LOG.repeat(BYTES / LOG.len());
    let words = ["correct-horse-battery-staple", "Summer2026!", "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2", "a b/c+d=e&f", "3f9a0c7be1d24586"];
    let known = Redactor::new(words.map(Secret::new));
    for (what, redactor) in [("no known value", Redactor::default()), ("five known values", known)] {
        let start = Instant::now();
        black_box(redactor.text(black_box(&text)));
        rate(&format!("redact, {what}"), text.len(), start);
        let start = Instant::now();
        let mut stream = redactor.stream();
        let pieces = text.as_bytes().chunks(64 * 1024).map(|piece| std::str::from_utf8(piece).unwrap_or_default());
        pieces.for_each(|piece| drop(black_box(stream.push(piece))));
        black_box(stream.finish());
        rate(&format!("redact a stream, {what}"), text.len(), start);
    }
    let start = Instant::now();
    for at in 0..FILES {
        black_box(secrets(black_box(&format!("kubernetes/apps/web-{at}/helmrelease.yaml")), black_box(MANIFEST)));
    }
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    println!("secrets in {FILES} manifests of {} bytes: {ms:.0} ms", MANIFEST.len());
    assert!(cfg!(debug_assertions) || ms < MS_MAX, "wanted: {MS_MAX} ms");
}

fn rate(what: &str, bytes: usize, start: Instant) {
    let rate = bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} MB/s");
    assert!(cfg!(debug_assertions) || rate > WANTED, "{what}: {rate:.0} MB/s; wanted: {WANTED}");
}
