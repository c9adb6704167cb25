//! The table that a bench prints: figures, what stands beside them, and what is wanted.

use std::time::Duration;

pub(crate) fn median<T: Ord + Copy + Default>(mut figures: Vec<T>) -> T {
    figures.sort();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

pub(crate) fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.2}", one.as_secs_f64() / other.as_secs_f64())
}

pub(crate) fn row(what: &str, figure: &str, beside: &str, ratio: &str, wanted: &str) {
    println!("{what:<44} {figure:>12}  {beside:<28} {ratio:>6}  {wanted}");
}
