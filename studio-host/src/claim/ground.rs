//! Whether a folder can hold claims: its file system by name, and in any case by trying it with two processes.

use super::ClaimError;
use super::disk::{Disk, OsDisk};
use super::lock;
use super::process::nonce;
use super::spawn::{self, Entry};
use super::store::pause;
use super::talk::{Cue, Order, Talk};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;
use studio_core::limits::{CLAIM_POLL_MS, CLAIM_SECONDS_MAX};

/// Looks at a lock that was let go before it counts as held for ever.
const FREE_LOOKS_MAX: u32 = 50;
/// File systems whose links or locks end at this machine, or end with it: their number, their name.
const REFUSED: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x794c_7630, "overlay"),
    (0x6175_6673, "aufs"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x564c, "NCP"),
    (0x0bd0_0bd0, "Lustre"),
    (0x786f_4256, "a folder shared by VirtualBox"),
];

/// Refuses a folder on a file system that is known not to hold claims.
pub(super) fn refuse(dir: &Path) -> Result<(), ClaimError> {
    let failed = |source| ClaimError::Disk { act: "ask for the file system of", path: dir.into(), source };
    let kind = File::open(dir).and_then(|dir| Ok(rustix::fs::fstatfs(dir)?)).map_err(failed)?.f_type;
    // The number is one of 32 bits, whatever the field's width and sign.
    match name(kind as u64 & 0xffff_ffff) {
        Some(name) => Err(ClaimError::Ground(dir.into(), name)),
        None => Ok(()),
    }
}

/// Tries link and lock in a folder, as another process sees them.
pub(super) fn try_out(dir: &Path, entry: &Entry) -> Result<(), ClaimError> {
    let wrong = |error: io::Error| ClaimError::Mechanics(dir.into(), error.to_string());
    let nonce = nonce().map_err(wrong)?;
    let (draft, linked) = (dir.join(format!("probe.{nonce}.tmp")), dir.join(format!("probe.{nonce}")));
    let linked_once = try_link(&draft, &linked, dir).map_err(wrong);
    let seen = linked_once.and_then(|file| try_lock(file, &linked, entry).map_err(|error| ClaimError::Helper(dir.into(), error.to_string())));
    for path in [&draft, &linked] {
        // What is left over is a file that nobody reads.
        let _swept = OsDisk.remove(path);
    }
    match seen? {
        (Some(true), Some(false)) => Ok(()),
        (None, _) | (_, None) => Err(ClaimError::Helper(dir.into(), "it ended without an answer".into())),
        (held, free) => {
            Err(wrong(io::Error::other(format!("another process sees its lock as held {held:?}, then {free:?}, not as true, then false"))))
        }
    }
}

/// Says to whoever tries out a folder what the lock looks like from here, once and as often as asked.
pub(super) fn answer(path: &Path, caller: &mut Talk) -> io::Result<()> {
    let file = File::open(path)?;
    caller.say(&lock::held(&file)?)?;
    while let Some(Cue::Go) = caller.hear()? {
        caller.say(&lock::held(&file)?)?;
    }
    Ok(())
}

fn name(kind: u64) -> Option<&'static str> {
    REFUSED.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

/// Makes a locked file with two names, and makes sure that neither can be taken again.
fn try_link(draft: &Path, linked: &Path, dir: &Path) -> io::Result<File> {
    let file = OsDisk.create(draft)?;
    if !lock::take(&file)? {
        return Err(io::Error::other("a new file is locked already"));
    }
    OsDisk.sync(&file)?;
    OsDisk.link(draft, linked)?;
    match OsDisk.link(draft, linked) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
        Ok(()) => return Err(io::Error::other("one name could be linked twice")),
    }
    OsDisk.sync_folder(dir)?;
    Ok(file)
}

/// Has another process look at the lock, held and let go; returns what it saw, as far as it said anything.
fn try_lock(file: File, linked: &Path, entry: &Entry) -> io::Result<(Option<bool>, Option<bool>)> {
    let (mut child, mut talk) = spawn::entry(entry)?;
    talk.limit(Duration::from_secs(CLAIM_SECONDS_MAX))?;
    let seen = (|| {
        talk.say(&Order::Probe(linked.into()))?;
        let held: Option<bool> = talk.hear()?;
        drop(file);
        // A process that another thread is just starting has a copy of it for a moment.
        let mut free = Some(true);
        for _ in 0..FREE_LOOKS_MAX {
            talk.say(&Cue::Go)?;
            free = talk.hear()?;
            if free != Some(true) {
                break;
            }
            pause(Duration::from_millis(CLAIM_POLL_MS))?;
        }
        Ok::<_, io::Error>((held, free))
    })();
    drop(talk);
    if seen.is_err() {
        // It may hang, and nobody waits for it.
        let _gone = child.kill();
    }
    child.wait()?;
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_refused_by_name() {
        for (kind, expected) in [(0x6969, "NFS"), (0x0102_1994, "tmpfs"), (0x794c_7630, "overlay"), (0x6573_5546, "FUSE"), (0xff53_4d42, "CIFS")] {
            assert_eq!(name(kind), Some(expected));
        }
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1] {
            assert_eq!(name(local), None); // ext4, XFS, btrfs, ZFS
        }
    }

    #[test]
    fn a_helper_that_dies_says_nothing_about_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let said = try_out(dir.path(), &Entry { program: "/bin/false".into(), args: Vec::new() }).unwrap_err().to_string();
        assert!(said.contains("could not be tried out") && said.contains("try again") && !said.contains("local disk"), "{said}");
    }

    #[test]
    fn memory_is_no_ground() {
        let shm = Path::new("/dev/shm");
        match refuse(shm) {
            Err(ClaimError::Ground(_, "tmpfs")) => {}
            other => eprintln!("skipped: /dev/shm is no tmpfs here: {other:?}"),
        }
        assert!(matches!(refuse(Path::new("/nowhere/at/all")), Err(ClaimError::Disk { .. })));
    }
}
