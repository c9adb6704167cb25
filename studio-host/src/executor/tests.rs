//! The Executor as a whole: real steps in a real repository, and the link to it.

mod begin;
mod lab;
mod leaks;
mod links;
mod steps;
mod warrants;
