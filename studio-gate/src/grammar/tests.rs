//! What must hold of every grammar: nothing can be slipped into a read, and no order of words makes one.

use super::option::take;
use super::shelf::tests::{all, words};
use super::*;
use crate::command::weigh;
use crate::danger::tests::all_words;
use studio_core::gate::Verdict;

/// Options that hardly any row lists.
const UNLISTED: &[&str] = &["--frobnicate", "--frobnicate=x", "-zz", "--output=/etc/x", "-", "--kubeconfig=x", "--exec=x", "--watch-only", "-$(id)"];
/// Longest example whose every order is tried.
const ORDERS_MAX: usize = 5;
/// Words that are tried at every place of every example.
const SOME: usize = 2;

fn auto(grammar: &Grammar, words: &[&str]) -> bool {
    weigh(grammar, words, None).verdict == Verdict::Auto
}

/// Every read of every grammar, with an example of it.
fn reads() -> impl Iterator<Item = (&'static Grammar, &'static Row, Vec<String>)> {
    let rows = all().flat_map(|grammar| grammar.rows.iter().map(move |row| (grammar, row))).filter(|(_, row)| row.class == Class::Observe);
    rows.flat_map(|(grammar, row)| row.yes.iter().map(move |line| (grammar, row, words(line))))
}

/// No word that shows destruction and no unlisted option slips into a read, wherever it is put.
#[test]
fn nothing_can_be_slipped_in() {
    let dangers: Vec<String> = all_words().collect();
    let mut from = 0;
    for (grammar, row, line) in reads() {
        let first = row.yes.first().is_some_and(|first| words(first) == line);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        // `-delete` is `-d elete` where short options are joined.
        let lists = |word: &str| take(&row.options, grammar.joined, &[word], &mut Vec::new()).is_ok();
        let verb = |word: &String| grammar.rows.iter().any(|row| row.class == Class::Observe && row.paths.iter().any(|path| path.contains(word)));
        let own = |word: &String| verb(word) || lists(word) || row.words.iter().any(|token| token.names(word) || token.is_data());
        for at in 1..=line.len() {
            // Everything at the end of a row's first example, and some of it, in turns, everywhere else.
            let (options, dangerous) = if first && at == line.len() { (UNLISTED.len(), dangers.len()) } else { (SOME, SOME) };
            from += SOME;
            // The value of an option that is data takes anything.
            let held = at > 1 && take(&row.options, grammar.joined, &[line[at - 1], "a#b"], &mut Vec::new()).is_ok_and(|used| used == 2);
            let some = dangers.iter().cycle().skip(from % dangers.len()).take(dangerous).filter(|word| !held && !own(word));
            let others = UNLISTED.iter().cycle().skip(from % UNLISTED.len()).take(options).filter(|option| !lists(option));
            for word in some.map(String::as_str).chain(others.copied()) {
                let mut longer = line.clone();
                longer.insert(at, word);
                assert!(!auto(grammar, &longer), "{longer:?}");
            }
        }
    }
}

/// Many programs take `--wat` for `--watch`; the rules take nothing for anything.
#[test]
fn no_option_is_abbreviated() {
    for (grammar, row, line) in reads() {
        for at in 1..line.len() {
            let (name, value) = line[at].split_once('=').map_or((line[at].as_str(), None), |(name, value)| (name, Some(value)));
            let Some(short) = name.strip_prefix("--").and_then(|bare| bare.get(..bare.len().saturating_sub(1))).filter(|short| short.len() > 1)
            else {
                continue;
            };
            let cut = value.map_or(format!("--{short}"), |value| format!("--{short}={value}"));
            let mut shorter: Vec<&str> = line.iter().map(String::as_str).collect();
            shorter[at] = &cut;
            assert!(!auto(grammar, &shorter) || take(&row.options, grammar.joined, &shorter[at..], &mut Vec::new()).is_ok(), "{shorter:?}");
        }
    }
}

/// Whatever the words are, there is a judgement: examples with letters lost, doubled and swapped.
#[test]
fn every_command_gets_a_judgement() {
    let mut seed = 7u64;
    let mut draw = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let odd = ["", "-", "--", "=", "--=", "-=x", "\u{e9}", "-\u{e9}", "--x=", "*", "@", ":", "-0", "{1}"];
    for (grammar, _, line) in reads() {
        for _ in 0..8 {
            let mut words = line.clone();
            let at = draw(words.len());
            match draw(4) {
                0 => words[at] = odd[draw(odd.len())].into(),
                1 => words.insert(at, odd[draw(odd.len())].into()),
                2 => words[at] = words[at].chars().rev().collect(),
                _ => drop(words.remove(at)),
            }
            weigh(grammar, &words.iter().map(String::as_str).collect::<Vec<_>>(), None);
        }
    }
}

/// A command that is no read is none in another order either.
#[test]
fn no_order_makes_it_a_read() {
    let mut orders = 0;
    for grammar in all() {
        // The order of data is its meaning: a pattern may look like a secret place, a file may not.
        for row in grammar.rows.iter().filter(|row| !row.words.iter().any(row::Token::is_data)) {
            for line in &row.no {
                let words = words(line);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let (Some((program, args)), true) = (words.split_first(), words.len() <= ORDERS_MAX) else { continue };
                for order in permutations(args) {
                    let other: Vec<&str> = std::iter::once(*program).chain(order).collect();
                    assert!(!auto(grammar, &other), "{other:?} of {line}");
                    orders += 1;
                }
            }
        }
    }
    assert!(orders > 200, "{orders}");
}

#[test]
fn options_before_the_verb_are_few() {
    for line in
        ["kubectl -A get pods", "kubectl -o json get pods", "kubectl rollout -n x status deploy/web", "kubectl -n a get pods -n b", "ls -l -l"]
    {
        let words: Vec<&str> = line.split(' ').collect();
        let grammar = find(words[0]).unwrap().as_ref().unwrap();
        assert!(!auto(grammar, &words), "{line}");
    }
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
