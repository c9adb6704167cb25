//! Which cluster a step works on, and where its credentials lie. What is in them is never read here.

use super::folder::{self, FolderError};
use super::side::OfCluster;
use std::fs;
use std::path::Path;
use studio_core::limits::CLUSTERS_MAX;
use studio_core::name::{RelPath, Target};
use studio_core::step::Step;

/// The folder of all clusters, in the checkout.
const FOLDER: &str = ".talos";
/// Programs that work on a cluster.
const PROGRAMS: &[&str] = &["kubectl", "talosctl", "flux", "helm"];
/// Variables that say which.
const VARIABLES: &[&str] = &["KUBECONFIG", "TALOSCONFIG", "TALOS_KUBECONFIG"];
/// The file of a cluster's folder that each variable names.
const FILES: &[(&str, &str)] = &[("KUBECONFIG", "kubeconfig"), ("TALOS_KUBECONFIG", "kubeconfig"), ("TALOSCONFIG", "talosconfig")];

/// The cluster of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Its folder in the checkout.
    pub(super) folder: RelPath,
    /// The variables to set, and the files they name, below the root.
    pub(super) env: Vec<(&'static str, String)>,
}

/// What decides it.
#[derive(Clone, Copy)]
pub(super) struct Clues<'a> {
    /// The step.
    pub(super) step: &'a Step,
    /// The script it runs.
    pub(super) script: Option<&'a [u8]>,
    /// What the script's side file says.
    pub(super) side: Option<&'a OfCluster>,
    /// What the ticket says.
    pub(super) ticket: Option<&'a Target>,
    /// Whether a human signs for the step: then what is signed names the cluster, not what stands in the checkout.
    pub(super) signed: bool,
}

/// Returns the cluster that a step works on; none if it works on none.
pub(super) fn cluster(root: &Path, clues: Clues<'_>) -> Result<Option<Cluster>, ClusterError> {
    let Some(why) = clues.why() else { return Ok(None) };
    let names = names(root)?;
    if names.is_empty() {
        return Err(ClusterError::None(why));
    }
    let list = || names.iter().map(Target::to_string).collect::<Vec<_>>().join(", ");
    let side = match clues.side {
        Some(OfCluster::Named(name)) => Some(name),
        Some(OfCluster::Has(_)) | None => None,
    };
    // A target may be a machine of the cluster; if it is a cluster, it is the one that the others name.
    let target = Some(&clues.step.target).filter(|target| names.contains(target));
    let named = [side, clues.ticket, target];
    let mut said = named.into_iter().flatten();
    let name = match (said.next(), names.as_slice()) {
        (Some(name), _) => name,
        (None, [name]) if !clues.signed => name,
        (None, [_]) => return Err(ClusterError::Unnamed(why, list())),
        (None, _) => return Err(ClusterError::Several(why, list())),
    };
    if let Some(other) = said.find(|other| *other != name) {
        return Err(ClusterError::Clash(name.clone(), other.clone()));
    }
    let absent = || ClusterError::Absent(why.clone(), name.clone(), list());
    let folder = RelPath::try_from(format!("{FOLDER}/{name}")).map_err(|_| absent())?;
    if !names.contains(name) || folder::look(root, &folder)?.is_none_or(|seen| !seen.is_dir()) {
        return Err(absent());
    }
    let there = |file: &str| fs::metadata(root.join(folder.as_str()).join(file)).is_ok_and(|seen| seen.is_file());
    let env: Vec<_> = FILES.iter().filter(|(_, file)| there(file)).map(|(variable, file)| (*variable, format!("{folder}/{file}"))).collect();
    if env.is_empty() { Err(ClusterError::Empty(folder)) } else { Ok(Some(Cluster { folder, env })) }
}

impl Clues<'_> {
    /// Says why the step is of a cluster, if it is: no other program than those of a cluster gets its credentials.
    fn why(&self) -> Option<String> {
        let program = self.step.argv.program();
        if PROGRAMS.contains(&program.rsplit('/').next().unwrap_or(program)) {
            return Some(format!("{program} works on a cluster"));
        }
        let script = String::from_utf8_lossy(self.script?);
        if self.step.target.as_str() != "local" {
            return Some(format!("the step's target is {}", self.step.target));
        }
        match self.side {
            Some(OfCluster::Has(false)) => return None,
            Some(OfCluster::Has(true) | OfCluster::Named(_)) => return Some("the script's side file says that it works on a cluster".into()),
            None => {}
        }
        let word = mentioned(&script)?;
        Some(format!("the script names {word} (if it works on no cluster, say cluster = false in its side file)"))
    }
}

/// Returns the program or variable of a cluster that `text` names as a word, if any.
fn mentioned(text: &str) -> Option<&'static str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let holds = |word: &str, joins: fn(char) -> bool| text.split(|c| !part(c) && !joins(c)).any(|seen| seen == word);
    let program = PROGRAMS.iter().find(|word| holds(word, |c| c == '-'));
    program.or_else(|| VARIABLES.iter().find(|word| holds(word, |_| false))).copied()
}

/// Returns the names of the clusters, sorted. A symlink counts, so that it is refused and not passed over.
fn names(root: &Path) -> Result<Vec<Target>, ClusterError> {
    let failed = |error| FolderError::Disk("read", FOLDER.into(), error);
    let path = RelPath::try_from(FOLDER).map_err(|error| failed(std::io::Error::other(error)))?;
    if folder::look(root, &path)?.is_none_or(|seen| !seen.is_dir()) {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(FOLDER)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name().to_str().and_then(|name| Target::try_from(name).ok());
        names.extend(name.filter(|_| kind.is_dir() || kind.is_symlink()));
        if names.len() > CLUSTERS_MAX {
            return Err(ClusterError::Many);
        }
    }
    names.sort();
    Ok(names)
}

/// Why nobody can say which cluster a step works on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClusterError {
    /// No clusters.
    #[error("{0}, but the checkout has no .talos/: put the cluster's kubeconfig and talosconfig into .talos/<cluster>/, which git ignores")]
    None(String),
    /// Too many to choose.
    #[error(
        "{0}, and there are several in .talos/: {1}; say which by the step's target, metadata.cluster of the ticket, or cluster = \"…\" of the side file"
    )]
    Several(String, String),
    /// One, but nobody signs for that.
    #[error(
        "{0}, and nothing that is signed says which; there is {1} in .talos/: name it by the step's target, metadata.cluster of the ticket, or \
        cluster = \"…\" of the side file"
    )]
    Unnamed(String, String),
    /// None of that name.
    #[error("{0}, but .talos/ has no {1}; it has {2}")]
    Absent(String, Target, String),
    /// Two that disagree.
    #[error("it works on the cluster {0}, as its side file or its ticket says, but the ticket or the step names {1}: make them agree")]
    Clash(Target, Target),
    /// No credentials.
    #[error("{0}/ holds neither kubeconfig nor talosconfig: put them there")]
    Empty(RelPath),
    /// Over the limit.
    #[error(".talos/ has more than {CLUSTERS_MAX} folders")]
    Many,
    /// A place that cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lab(tempfile::TempDir);

    impl Lab {
        fn of(clusters: &[&str]) -> Lab {
            let lab = Lab(tempfile::tempdir().unwrap());
            for name in clusters {
                let folder = lab.0.path().join(FOLDER).join(name);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("kubeconfig"), "").unwrap();
            }
            lab
        }

        fn resolve(&self, program: &str, target: &str, script: &str, side: Option<OfCluster>, ticket: Option<&str>) -> Result<String, String> {
            self.resolve_if(false, program, target, script, side, ticket)
        }

        fn resolve_if(
            &self,
            signed: bool,
            program: &str,
            target: &str,
            script: &str,
            side: Option<OfCluster>,
            ticket: Option<&str>,
        ) -> Result<String, String> {
            let step = serde_json::json!({ "name": "s", "argv": [program], "target": target, "why": "w" });
            let (step, ticket) = (serde_json::from_value(step).unwrap(), ticket.map(|name| Target::try_from(name).unwrap()));
            let script = Some(script.as_bytes()).filter(|_| program == "bash");
            let found = cluster(self.0.path(), Clues { step: &step, script, side: side.as_ref(), ticket: ticket.as_ref(), signed });
            Ok(found.map_err(|error| error.to_string())?.map_or_else(|| "none".into(), |cluster| cluster.folder.to_string()))
        }
    }

    fn named(name: &str) -> Option<OfCluster> {
        Some(OfCluster::Named(Target::try_from(name).unwrap()))
    }

    #[test]
    fn side_file_ticket_and_target_name_one_cluster() {
        let (one, two) = (Lab::of(&["main"]), Lab::of(&["main", "prod"]));
        assert_eq!(two.resolve("kubectl", "prod", "", None, None).unwrap(), ".talos/prod");
        assert_eq!(two.resolve("kubectl", "local", "", None, Some("main")).unwrap(), ".talos/main");
        assert_eq!(two.resolve("bash", "cp-1", "", None, Some("prod")).unwrap(), ".talos/prod");
        assert_eq!(one.resolve("kubectl", "local", "", None, None).unwrap(), ".talos/main");
        assert_eq!(two.resolve("bash", "local", "x", named("prod"), None).unwrap(), ".talos/prod");
        let error = two.resolve("helm", "local", "", None, None).unwrap_err();
        assert!(error.contains("main, prod"), "{error}");
        let error = two.resolve("helm", "local", "", None, Some("lab")).unwrap_err();
        assert!(error.contains("no lab; it has main, prod"), "{error}");
        assert!(two.resolve("kubectl", "prod", "", None, Some("main")).unwrap_err().contains("names prod"));
        assert!(two.resolve("bash", "local", "x", named("prod"), Some("main")).unwrap_err().contains("names main"));
        assert!(two.resolve("bash", "main", "x", named("prod"), None).unwrap_err().contains("names main"));
        for (program, target) in [("kubectl", "local"), ("bash", "cp-1")] {
            let error = Lab::of(&[]).resolve(program, target, "", None, None).unwrap_err();
            assert!(error.contains(".talos/<cluster>/"), "{error}");
        }
    }

    #[test]
    fn what_is_signed_names_the_cluster_and_no_folder_can_come_in_its_place() {
        let signed = |lab: &Lab, target: &str, side, ticket| lab.resolve_if(true, "bash", target, "kubectl", side, ticket);
        for clusters in [&["staging"][..], &["production"], &["staging", "production"], &["staging", "cp-1"]] {
            let lab = Lab::of(clusters);
            for (side, ticket, target) in
                [(named("staging"), None, "local"), (None, Some("staging"), "local"), (None, None, "staging"), (None, Some("staging"), "cp-1")]
            {
                let found = signed(&lab, target, side, ticket);
                assert!(found.as_deref().map_or(true, |folder| folder == ".talos/staging"), "{clusters:?}: {found:?}");
                let refused = !clusters.contains(&"staging") || clusters.contains(&target) && target != "staging";
                assert_eq!(found.is_err(), refused, "{clusters:?}: {found:?}");
            }
            assert!(signed(&lab, "local", None, None).is_err() && signed(&lab, "local", Some(OfCluster::Has(true)), None).is_err());
        }
        let error = signed(&Lab::of(&["main"]), "local", None, None).unwrap_err();
        assert!(error.contains("there is main") && error.contains("metadata.cluster"), "{error}");
    }

    #[test]
    fn only_scripts_and_programs_of_a_cluster_get_its_credentials() {
        let lab = Lab::of(&["main"]);
        for program in ["cat", "ls", "grep"] {
            assert_eq!(lab.resolve(program, "main", "", None, Some("main")).unwrap(), "none", "{program}");
        }
        for program in ["bash", "kubectl", "talosctl", "flux", "helm"] {
            assert_eq!(lab.resolve(program, "main", "", None, None).unwrap(), ".talos/main", "{program}");
        }
    }

    #[test]
    fn a_script_is_of_a_cluster_if_it_names_one_of_its_programs() {
        let lab = Lab::of(&["main"]);
        for of in ["kubectl get nodes", "x=$(/usr/bin/talosctl version)", "echo \"${KUBECONFIG:-x}\"", "export TALOSCONFIG-=x", "a|helm ls;"] {
            assert_eq!(lab.resolve("bash", "local", of, None, None).unwrap(), ".talos/main", "{of}");
        }
        for none in ["ls", "my-kubectl x", "kubectl_of x", "helm-charts/x", "MY_KUBECONFIG=1", "influx"] {
            assert_eq!(lab.resolve("bash", "local", none, None, None).unwrap(), "none", "{none}");
        }
        assert_eq!(lab.resolve("bash", "local", "kubectl", Some(OfCluster::Has(false)), None).unwrap(), "none");
        assert_eq!(lab.resolve("bash", "local", "", Some(OfCluster::Has(true)), None).unwrap(), ".talos/main");
        assert!(Lab::of(&[]).resolve("bash", "local", "kubectl", None, None).unwrap_err().contains("cluster = false"));
    }

    #[test]
    fn symlinks_and_empty_folders_are_refused() {
        let lab = Lab::of(&["main"]);
        std::os::unix::fs::symlink("main", lab.0.path().join(".talos/side")).unwrap();
        assert!(lab.resolve("kubectl", "side", "", None, None).unwrap_err().contains("symlink"));
        assert!(lab.resolve("kubectl", "local", "", None, None).unwrap_err().contains("main, side"));
        let linked = Lab::of(&[]);
        std::os::unix::fs::symlink(lab.0.path().join(".talos"), linked.0.path().join(".talos")).unwrap();
        assert!(linked.resolve("kubectl", "main", "", None, None).unwrap_err().contains("symlink"));
        fs::remove_file(lab.0.path().join(".talos/main/kubeconfig")).unwrap();
        assert!(lab.resolve("kubectl", "main", "", None, None).unwrap_err().contains("neither"));
    }
}
