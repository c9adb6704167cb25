//! Everything a step is handed: its sealed tree, program, environment, values and places.

use super::Place;
use super::cluster::{Clues, cluster};
use super::log::{Note, make_out, note};
use super::values::values;
use super::verify::{Judged, Refusal};
use crate::claim::Task;
use crate::git::Workshop;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use studio_core::event::Basis;
use studio_core::name::Digest;
use studio_core::redact::Secret;
use studio_core::step::Op;
use studio_core::warrant::Warrant;
use studio_gate::sha256;

/// Makes a step's folder, programs, values and places ready, and notes what must be known at its end.
///
/// # Errors
/// Something it needs is not there. Nothing ran.
pub(super) fn setting(site: &Place, workshop: &Workshop, warrant: &Warrant, judged: &Judged) -> Result<Task, Refusal> {
    let (root, op) = (site.repo.root(), &warrant.op);
    let programs = site.programs();
    let program = programs.find(warrant.step.argv.program())?;
    let bytes = judged.script.as_ref().map(|script| script.bytes.as_slice());
    let signed = matches!(warrant.basis, Basis::Approved(_));
    let clues = Clues { step: &warrant.step, script: bytes, side: judged.side.cluster.as_ref(), ticket: warrant.cluster.as_ref(), signed };
    let (cluster, values) = (cluster(root, clues)?, values(root, &judged.side.env)?);
    let places = judged.side.places(root)?;
    let checkout = workshop.checkout(&op.run, &judged.commit)?;
    for path in places.iter().chain(cluster.as_ref().map(|cluster| &cluster.folder)) {
        workshop.bind(&checkout, path, &root.join(path.as_str()))?;
    }
    let folder = checkout.root().to_path_buf();
    if let Some(script) = &judged.script {
        same_script(&folder.join(script.path.as_str()), &script.bytes)
            .ok_or_else(|| Refusal::OtherFile(script.path.clone(), judged.commit.clone()))?;
    }
    let (home, out) = (make_home(site, op)?, make_out(root, op)?);
    let mut env = BTreeMap::from([
        ("PATH".into(), programs.path()),
        ("HOME".into(), home.as_path().into()),
        ("TMPDIR".into(), home.as_path().into()),
        ("LANG".into(), "C.UTF-8".into()),
        // The copy lies in a git folder, and may look like one: git finds none, so that no setting of either counts.
        ("GIT_DIR".into(), home.join("no-repository").into()),
        ("STUDIO_OUT".into(), out.into()),
        ("STUDIO_RUN".into(), op.run.as_str().into()),
        ("STUDIO_STEP".into(), op.step.to_string().into()),
    ]);
    env.extend(cluster.iter().flat_map(|cluster| &cluster.env).map(|(name, file)| (name.to_string(), folder.join(file).into())));
    env.extend(values.iter().map(|(name, value)| (name.to_string(), value.expose().into())));
    let bound = !places.is_empty() || cluster.is_some();
    if bound || !values.is_empty() {
        note(root, op, &Note { values: digest(site, values.values()), bound })?;
    }
    let args = warrant.step.argv.args().map(Into::into).collect();
    Ok(Task { program, args, folder, env })
}

/// Returns the digest of values, of which nobody learns them without this store of claims.
pub(super) fn digest<'a>(site: &Place, values: impl Iterator<Item = &'a Secret>) -> Digest {
    let lines = values.map(|value| format!("{}\0", value.expose())).collect::<String>();
    sha256(format!("{}\0{lines}", site.claims.id()).as_bytes())
}

/// Returns the private folder of an op.
pub(super) fn home(site: &Place, op: &Op) -> PathBuf {
    site.claims.dir().join("homes").join(op.to_string())
}

/// Makes that folder, empty: what is there is from a try that never began.
fn make_home(site: &Place, op: &Op) -> Result<PathBuf, Refusal> {
    let home = home(site, op);
    let made = fs::remove_dir_all(&home)
        .or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| DirBuilder::new().mode(0o700).recursive(true).create(&home));
    made.map_err(|error| Refusal::Disk("make", home.clone(), error))?;
    Ok(home)
}

fn same_script(file: &Path, bytes: &[u8]) -> Option<()> {
    let regular = fs::symlink_metadata(file).is_ok_and(|seen| seen.is_file());
    let seen = fs::read(file).ok().filter(|_| regular)?;
    (sha256(&seen) == sha256(bytes)).then_some(())
}
