//! The crew: who is asked for what. Factories here; seats are taken anew for each run.

use crate::dossier::{Advise, Checkpoint, ConsiderPlan, Narrate, PrepareChange, ReviewWork, WritePlan};
use crate::event::{AdviserPost, Posts};
use crate::limits::ADVISERS_MAX;
use crate::name::PersonaName;
use crate::persona::{Chair, Persona, Seated};
use std::sync::Arc;

type Seats<M> = Arc<dyn Fn() -> M + Send + Sync>;

/// Makes the personas of a run. Planner and Engineer are always there; others may be.
#[derive(Clone)]
pub struct Crew {
    planner: Seats<Chair<WritePlan>>,
    engineer: Seats<(Chair<ConsiderPlan>, Chair<PrepareChange>)>,
    reviewer: Option<Seats<Chair<ReviewWork>>>,
    narrator: Option<Seats<Chair<Narrate>>>,
    advisers: Vec<(AdviserPost, Seats<Chair<Advise>>)>,
}

/// The chairs of one run.
pub(crate) struct Chairs {
    pub(crate) planner: Chair<WritePlan>,
    pub(crate) consider: Chair<ConsiderPlan>,
    pub(crate) prepare: Chair<PrepareChange>,
    pub(crate) reviewer: Option<Chair<ReviewWork>>,
    pub(crate) narrator: Option<Chair<Narrate>>,
    pub(crate) advisers: Vec<(PersonaName, Chair<Advise>)>,
}

impl Crew {
    /// A crew of a Planner and an Engineer, each made by its factory whenever a seat is taken or a
    /// panic emptied it.
    ///
    /// # Panics
    /// Never: the names of the posts are names.
    pub fn new<P, E>(planner: impl Fn() -> P + Send + Sync + 'static, engineer: impl Fn() -> E + Send + Sync + 'static) -> Crew
    where
        P: Persona<WritePlan>,
        E: Persona<ConsiderPlan> + Persona<PrepareChange>,
    {
        let (planner, engineer) = (shared(planner), shared(engineer));
        Crew {
            planner: Arc::new(move || Seated::new(post("planner"), Arc::clone(&planner)).chair()),
            engineer: Arc::new(move || {
                let seated = Seated::new(post("engineer"), Arc::clone(&engineer));
                (seated.chair(), seated.chair())
            }),
            reviewer: None,
            narrator: None,
            advisers: Vec::new(),
        }
    }

    /// Adds a Reviewer, asked before delivery and after execution.
    #[must_use]
    pub fn reviewer<P: Persona<ReviewWork>>(mut self, make: impl Fn() -> P + Send + Sync + 'static) -> Crew {
        let make = shared(make);
        self.reviewer = Some(Arc::new(move || Seated::new(post("reviewer"), Arc::clone(&make)).chair()));
        self
    }

    /// Adds a Narrator, asked once, when the run is about to end.
    #[must_use]
    pub fn narrator<P: Persona<Narrate>>(mut self, make: impl Fn() -> P + Send + Sync + 'static) -> Crew {
        let make = shared(make);
        self.narrator = Some(Arc::new(move || Seated::new(post("narrator"), Arc::clone(&make)).chair()));
        self
    }

    /// Adds an adviser, asked at each of the checkpoints `at`. Their objection is journaled and
    /// stops the run or sends the work back.
    ///
    /// # Panics
    /// There are [`ADVISERS_MAX`] already, or one of that name: an adviser is never left out in silence.
    #[must_use]
    pub fn adviser<P: Persona<Advise>>(
        mut self,
        name: PersonaName,
        at: impl IntoIterator<Item = Checkpoint>,
        make: impl Fn() -> P + Send + Sync + 'static,
    ) -> Crew {
        assert!(self.advisers.len() < ADVISERS_MAX, "a crew has at most {ADVISERS_MAX} advisers");
        assert!(self.advisers.iter().all(|(post, _)| post.name != name), "a crew has one adviser called {name}");
        let (make, seat) = (shared(make), name.clone());
        let chair: Seats<Chair<Advise>> = Arc::new(move || Seated::new(seat.clone(), Arc::clone(&make)).chair());
        self.advisers.push((AdviserPost { name, at: at.into_iter().collect() }, chair));
        self
    }

    /// Returns who sits besides Planner and Engineer, as the run's first event records it.
    pub fn posts(&self) -> Posts {
        let advisers = self.advisers.iter().map(|(post, _)| post.clone()).collect();
        Posts { reviewer: self.reviewer.is_some(), narrator: self.narrator.is_some(), advisers }
    }

    /// Seats everybody, each an actor of its own. Needs an actix system or a tokio `LocalSet`.
    pub(crate) fn seat(&self) -> Chairs {
        let (consider, prepare) = (self.engineer)();
        Chairs {
            planner: (self.planner)(),
            consider,
            prepare,
            reviewer: self.reviewer.as_ref().map(|seat| seat()),
            narrator: self.narrator.as_ref().map(|seat| seat()),
            advisers: self.advisers.iter().map(|(post, seat)| (post.name.clone(), seat())).collect(),
        }
    }
}

fn shared<P>(make: impl Fn() -> P + Send + Sync + 'static) -> Arc<dyn Fn() -> P + Send + Sync> {
    Arc::new(make)
}

/// Returns the name of one of our own posts.
pub(crate) fn post(name: &'static str) -> PersonaName {
    #[expect(clippy::expect_used, reason = "the four names in this file are names")]
    PersonaName::try_from(name).expect("a post's name")
}
