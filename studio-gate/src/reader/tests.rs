//! The readers' examples, and what must hold of every row.

use super::*;
use crate::danger::tests::all_words;

/// Options that no row lists.
const UNLISTED: &[&str] =
    &["--frobnicate", "--frobnicate=x", "-Z", "-zz", "--output=/etc/x", "--", "-", "--kubeconfig=x", "-c", "--exec=x", "--watch", "--follow"];
/// Longest example whose every order is tried.
const ORDERS_MAX: usize = 6;

fn listed(words: &[&str]) -> bool {
    matches!(read(words), Reading::Listed(_))
}

#[test]
fn every_row_holds_its_examples() {
    assert_eq!(broken(), Vec::<String>::new());
    for row in readers() {
        assert!(!row.yes.is_empty() && !row.no.is_empty(), "{} has no examples", row.name());
        assert!(row.yes.iter().all(|line| line.starts_with(row.program)), "{}", row.name());
    }
}

/// Every kind that is written in capitals is one that `fits` knows.
#[test]
fn every_kind_is_known() {
    let known = ["NAME", "NUMBER", "TIME", "SELECTOR", "PATH", "REV", "FORMAT", "TEXT", "PLAIN"];
    let kinds = |row: &'static Reader| {
        let options = row.options.iter().flat_map(|options| options.split_whitespace()).filter_map(|spec| Some(spec.split_once(':')?.1));
        options.chain(row.words.split_whitespace().map(|token| token.trim_end_matches(['?', '+', '*'])))
    };
    for kind in readers().flat_map(kinds).filter(|kind| kind.chars().all(|c| c.is_ascii_uppercase())) {
        assert!(known.contains(&kind), "{kind}");
    }
}

/// No word that shows destruction and no unlisted option slips into a listed command, wherever it is put.
#[test]
fn nothing_can_be_slipped_in() {
    for row in readers() {
        for line in row.yes {
            let words: Vec<&str> = line.split_whitespace().collect();
            for at in 0..=words.len() {
                let with = |word: &str| {
                    let mut longer = words.clone();
                    longer.insert(at, word);
                    listed(&longer)
                };
                for option in UNLISTED {
                    let lists = row.options.iter().any(|options| options.split_whitespace().any(|spec| spec.split(':').next() == Some(*option)));
                    assert!(lists || !with(option), "{option} at {at} of {line}");
                }
                // TEXT and PLAIN are data: a pattern to look for, a word to print.
                let data = at > 0 && row.options.iter().any(|options| options.contains(&format!("{}:TEXT", words[at - 1])));
                if !data && !takes_data(row) {
                    all_words().for_each(|word| assert!(!with(&word), "{word} at {at} of {line}"));
                }
            }
        }
    }
}

/// A command that is not listed is not listed in another order either.
#[test]
fn no_order_makes_it_listed() {
    let mut orders = 0;
    // The order of data is its meaning: a pattern may look like a secret place, a file may not.
    for line in readers().filter(|row| !takes_data(row)).flat_map(|row| row.no) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let (Some((program, args)), true) = (words.split_first(), words.len() <= ORDERS_MAX) {
            for order in permutations(args) {
                let other: Vec<&str> = std::iter::once(*program).chain(order).collect();
                assert!(!listed(&other), "{other:?} of {line}");
                orders += 1;
            }
        }
    }
    assert!(orders > 1000, "{orders}");
}

#[test]
fn options_before_the_verb_are_few() {
    for line in [
        "kubectl -A get pods",
        "kubectl -o json get pods",
        "kubectl rollout -n x status deploy/web",
        "kubectl -n a get pods -n b",
        "kubectl -n:NAME get pods",
        "ls -l -l",
    ] {
        assert!(!listed(&line.split(' ').collect::<Vec<_>>()), "{line}");
    }
}

fn takes_data(row: &Reader) -> bool {
    row.words.contains("TEXT") || row.words.contains("PLAIN")
}

fn permutations<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    let Some((first, rest)) = words.split_first() else { return vec![Vec::new()] };
    let insert = |order: Vec<&'a str>| {
        (0..=order.len()).map(move |at| {
            let mut longer = order.clone();
            longer.insert(at, *first);
            longer
        })
    };
    permutations(rest).into_iter().flat_map(insert).collect()
}
