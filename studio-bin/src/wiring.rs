//! Wiring: which crew, which rules, which model, which host. No decisions about the work.

use crate::cli::CrewArg;
use crate::exit::{Exit, Failure};
use crate::live::Live;
use crate::operator::Operator;
use crate::site::Site;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use studio_core::chores::NoChores;
use studio_core::crew::Crew;
use studio_core::event::Posts;
use studio_core::gate::Gate;
use studio_core::host::{Executor, PretendHost, Scenario};
use studio_core::model::{Model, ScriptedModel};
use studio_core::permit::{HostAuthority, PretendAuthority};
use studio_core::redact::{Redactor, Secret};
use studio_core::supervisor::Parts;
use studio_core::tree::Tree;
use studio_files::rehearsal::Rehearsal;
use studio_host::executor::LiveHost;
use studio_personas::model::openai::OpenAi;
use tokio_util::sync::CancellationToken;

/// Which model thinks, as the command line and the journal write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// None: only rules plan.
    None,
    /// Answers from a rehearsal file.
    Scripted(PathBuf),
    /// A server of the operator's `studio.toml`.
    OpenAi(String),
}

/// A model, ready to be asked, with what goes with it.
pub(crate) struct Thinker {
    /// The model.
    pub(crate) model: Option<Arc<dyn Model>>,
    /// What pretended hosts answer, where the model's file says so.
    pub(crate) scenario: Scenario,
    /// What must never be written.
    pub(crate) redactor: Redactor,
}

impl Choice {
    /// Reads a choice: `none`, `scripted:FILE` (made absolute) or `openai:NAME`.
    ///
    /// # Errors
    /// It is none of these.
    pub(crate) fn parse(text: &str) -> Result<Choice, Failure> {
        match text.split_once(':') {
            None if text == "none" => Ok(Choice::None),
            Some(("scripted", file)) if !file.is_empty() => Ok(Choice::Scripted(std::path::absolute(file)?)),
            Some(("openai", name)) if !name.is_empty() => Ok(Choice::OpenAi(name.into())),
            Some(_) | None => {
                Err(Failure::new(Exit::Usage, format!("{text:?} is no model: say none, scripted:FILE, or openai:NAME of the operator's studio.toml")))
            }
        }
    }

    /// Returns the choice of the command line, else the operator's, else none.
    ///
    /// # Errors
    /// The choice, or the operator's file, is wrong.
    pub(crate) fn of(argument: Option<&str>, operator: &Operator) -> Result<Choice, Failure> {
        match argument {
            Some(text) => Choice::parse(text),
            None => operator.settings()?.model.map_or(Ok(Choice::None), |text| Choice::parse(&text)),
        }
    }

    /// Returns the choice as the journal keeps it.
    pub(crate) fn name(&self) -> String {
        match self {
            Choice::None => "none".into(),
            Choice::Scripted(file) => format!("scripted:{}", file.display()),
            Choice::OpenAi(name) => format!("openai:{name}"),
        }
    }

    /// Makes the model.
    ///
    /// # Errors
    /// Its file or its settings are wrong.
    pub(crate) fn thinker(&self, operator: &Operator) -> Result<Thinker, Failure> {
        match self {
            Choice::None => Ok(Thinker { model: None, scenario: Scenario::default(), redactor: Redactor::default() }),
            Choice::Scripted(file) => {
                let Rehearsal { answers, scenario } = rehearsal(file)?;
                let model = ScriptedModel::new(file.display().to_string(), answers);
                Ok(Thinker { model: Some(Arc::new(model)), scenario, redactor: Redactor::default() })
            }
            Choice::OpenAi(name) => {
                let endpoint = operator.endpoint(name)?;
                // A model may repeat the key inside JSON, where a slash can be escaped.
                let forms = |key: &Secret| [key.clone(), Secret::new(key.expose().replace('/', "\\/"))];
                let redactor = Redactor::new(endpoint.key.iter().flat_map(forms));
                let model = OpenAi::new(endpoint).map_err(|error| Failure::new(Exit::NeedsSetting, error))?;
                Ok(Thinker { model: Some(Arc::new(model)), scenario: Scenario::default(), redactor })
            }
        }
    }
}

/// Reads a rehearsal file.
///
/// # Errors
/// It cannot be read, or is wrong, with its line.
pub(crate) fn rehearsal(file: &Path) -> Result<Rehearsal, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::new(Exit::BadInput, format!("failed to read {}: {error}", file.display())))?;
    Rehearsal::parse(&file.display().to_string(), &text).map_err(|error| Failure::new(Exit::BadInput, error))
}

/// Returns the crew of that size.
pub(crate) fn crew(size: CrewArg) -> Crew {
    match size {
        CrewArg::Full => studio_personas::crew(),
        CrewArg::Small => studio_personas::small_crew(),
    }
}

/// Returns the crew that a run began with.
pub(crate) fn crew_of(posts: &Posts) -> Crew {
    crew(if posts.reviewer { CrewArg::Full } else { CrewArg::Small })
}

/// What a run is worked with, whatever its mode.
pub(crate) struct Bench {
    /// The rules.
    pub(crate) gate: Arc<dyn Gate>,
    /// The files it works on.
    pub(crate) tree: Arc<dyn Tree>,
    /// Who thinks.
    pub(crate) crew: Crew,
    /// What they think with.
    pub(crate) model: Option<Arc<dyn Model>>,
    /// Cancelled to stop.
    pub(crate) stop: CancellationToken,
}

/// Puts the parts of a rehearsal together.
///
/// # Errors
/// The list of approvers is wrong.
pub(crate) fn pretended(operator: &Operator, bench: Bench, scenario: Scenario) -> Result<Parts<PretendAuthority>, Failure> {
    let Bench { gate, tree, crew, model, stop } = bench;
    let approvers = Arc::from(operator.approvers()?);
    let (authority, executor) = (Arc::new(PretendAuthority::new()), Executor::before(PretendHost::new(scenario)));
    Ok(Parts { gate, approvers, tree, authority, executor, chores: Arc::new(NoChores), crew, model, stop })
}

/// Puts the parts of a live run together.
///
/// # Errors
/// The list of approvers is wrong.
pub(crate) fn live(site: &Site, bench: Bench, live: &Live) -> Result<Parts<HostAuthority>, Failure> {
    let Bench { gate, tree, crew, model, stop } = bench;
    let approvers = Arc::from(site.operator.approvers()?);
    let executor = Executor::before(LiveHost(live.link.clone()));
    Ok(Parts { gate, approvers, tree, authority: Arc::clone(&live.authority), executor, chores: live.chores(site), crew, model, stop })
}
