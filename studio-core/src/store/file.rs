//! The built-in store: one folder a run, locked by its one writer.

use crate::approval::Signed;
use crate::journal::{JournalError, Log};
use crate::limits::{INBOX_MAX, JOURNAL_BYTES_MAX, NOTICE_BYTES_MAX, OUTPUT_BYTES_MAX, RUNS_MAX};
use crate::name::{Digest, RunId};
use crate::store::{Disk, Notice, NoticeId, Store, StoreError};
use async_trait::async_trait;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const JOURNAL: &str = "journal.jsonl";
const INBOX: &str = "inbox";
const BLOBS: &str = "blobs";

/// A run's folder and those above it, up to the repository's root.
const FOLDERS_ABOVE: usize = 5;

/// Tries to take a run's lock, and the pause between them.
const LOCK_TRIES_MAX: u32 = 5;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// A run's folder, open for writing. While it lives, nobody else writes the run.
pub struct FileStore<D: Disk> {
    disk: D,
    dir: PathBuf,
    file: Arc<D::File>,
    /// Folders with names that are not on disk yet; the next sync covers them.
    folders: Vec<PathBuf>,
    /// Folders whose names are on disk after that.
    settling: Vec<PathBuf>,
}

impl<D: Disk> FileStore<D> {
    /// Makes the folder of a new run below `runs`, which is made as needed below `root`; the folder
    /// of all runs gets a `.gitignore` of its own. The run exists after its first sync.
    ///
    /// # Errors
    /// The disk, or a run of that name.
    pub async fn create(disk: D, root: &Path, runs: &Path, run: &RunId) -> Result<FileStore<D>, StoreError> {
        let (mut folders, mut settling) = (Vec::new(), Vec::new());
        let mut dir = root.to_path_buf();
        for part in runs.components() {
            let above = dir.clone();
            dir.push(part);
            if disk.create_dir(&dir).map_err(failed("create", &dir))? || !disk.is_settled(&dir) {
                folders.push(above);
                settling.push(dir.clone());
            }
        }
        if settling.contains(&dir) {
            let ignore = dir.join(".gitignore");
            if let Err(error) = disk.create(&ignore).and_then(|file| disk.write(&file, b"*\n"))
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                return Err(failed("create", &ignore)(error));
            }
        }
        folders.push(dir.clone());
        dir.push(run.as_str());
        if !disk.create_dir(&dir).map_err(failed("create", &dir))? {
            return Err(StoreError::Taken(dir));
        }
        let path = dir.join(JOURNAL);
        let file = disk.create(&path).map_err(failed("create", &path))?;
        take_lock(&disk, &file, &path).await?;
        folders.push(dir.clone());
        Ok(FileStore { disk, dir, file: Arc::new(file), folders, settling })
    }

    /// Opens the folder of a run: takes its lock, reads its journal, and cuts a torn end.
    ///
    /// # Errors
    /// The disk, another runtime, or a journal that is damaged, which is left as it is.
    pub async fn open(disk: D, dir: &Path) -> Result<(FileStore<D>, Log), JournalError> {
        let path = dir.join(JOURNAL);
        let file = disk.open(&path).map_err(failed("open", &path))?;
        take_lock(&disk, &file, &path).await?;
        let log = read_log(&disk, dir)?;
        let file = Arc::new(file);
        if log.torn > 0 {
            tracing::warn!(run = %log.run, bytes = log.torn, "a torn end is cut: nobody acted on it");
            disk.truncate(&file, log.bytes).map_err(failed("cut", &path))?;
        }
        // What is whole may still be unsynced by the life that wrote it; nothing is done about it before it is.
        // Nor is it known that the names which lead to it are on disk: whoever made them may have died before.
        let above = dir.ancestors().take(FOLDERS_ABOVE).map(Path::to_path_buf).collect();
        disk.sync(&file, above).await.map_err(failed("sync", &path))?;
        Ok((FileStore { disk, dir: dir.into(), file, folders: Vec::new(), settling: Vec::new() }, log))
    }

    /// Returns the run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[async_trait]
impl<D: Disk> Store for FileStore<D> {
    async fn append(&mut self, lines: &str) -> Result<(), StoreError> {
        self.disk.write(&self.file, lines.as_bytes()).map_err(failed("write", &self.dir.join(JOURNAL)))
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        let folders = std::mem::take(&mut self.folders);
        self.disk.sync(&self.file, folders).await.map_err(failed("sync", &self.dir.join(JOURNAL)))?;
        self.settling.drain(..).for_each(|folder| self.disk.settle(&folder));
        Ok(())
    }

    async fn keep(&mut self, blob: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let (folder, path) = (self.dir.join(BLOBS), blob_path(&self.dir, blob));
        self.disk.create_dir(&folder).map_err(failed("create", &folder))?;
        put(&self.disk, &folder, blob.as_str(), bytes).await.map_err(failed("keep", &path))
    }

    fn blob(&self, blob: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = blob_path(&self.dir, blob);
        match self.disk.read(&path, OUTPUT_BYTES_MAX as u64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NoBlob(blob.clone())),
            read => read.map_err(failed("read", &path)),
        }
    }

    fn notices(&mut self) -> Result<Vec<Notice>, StoreError> {
        read_notices(&self.disk, &self.dir)
    }

    fn discard(&mut self, notice: &NoticeId) -> Result<(), StoreError> {
        let path = self.dir.join(INBOX).join(&notice.0);
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", &path)),
        }
    }
}

/// Reads the journal in a run's folder without its lock: what is whole now.
///
/// # Errors
/// The disk, or a journal that is damaged.
pub fn read_log<D: Disk>(disk: &D, dir: &Path) -> Result<Log, JournalError> {
    let path = dir.join(JOURNAL);
    let log = Log::read(&disk.read(&path, JOURNAL_BYTES_MAX).map_err(failed("read", &path))?)?;
    match dir.file_name().and_then(|name| name.to_str()) {
        Some(name) if name != log.run.as_str() => Err(JournalError::Damaged { line: 1, why: format!("it belongs to run {}", log.run) }),
        Some(_) | None => Ok(log),
    }
}

/// Returns what lies in a run's inbox, unverified; without the run's lock.
///
/// # Errors
/// The disk.
pub fn read_notices<D: Disk>(disk: &D, dir: &Path) -> Result<Vec<Notice>, StoreError> {
    let inbox = dir.join(INBOX);
    let mut names = match disk.list(&inbox) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(failed("list", &inbox))?,
    };
    names.retain(|name| name.strip_suffix(".json").is_some_and(|hash| Digest::try_from(hash).is_ok()));
    names.sort();
    names.truncate(INBOX_MAX);
    let notice = |name: String| {
        let read = disk.read(&inbox.join(&name), NOTICE_BYTES_MAX).map_err(|error| error.to_string());
        let signed = read.and_then(|bytes| serde_json::from_slice::<Signed>(&bytes).map_err(|error| error.to_string()));
        Notice { id: NoticeId(name), signed }
    };
    Ok(names.into_iter().map(notice).collect())
}

/// Says whether somebody holds a run's lock now.
///
/// # Errors
/// The disk.
pub fn is_held<D: Disk>(disk: &D, dir: &Path) -> Result<bool, StoreError> {
    let path = dir.join(JOURNAL);
    let file = disk.open(&path).map_err(failed("open", &path))?;
    Ok(!disk.lock(&file).map_err(failed("lock", &path))?)
}

/// Returns the ids of the runs below a folder of runs, oldest first; none if the folder is not there.
///
/// # Errors
/// The disk.
pub fn list_runs<D: Disk>(disk: &D, runs: &Path) -> Result<Vec<RunId>, StoreError> {
    let names = match disk.list(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(failed("list", runs))?,
    };
    let mut runs: Vec<RunId> = names.into_iter().take(RUNS_MAX).filter_map(|name| RunId::try_from(name).ok()).collect();
    runs.sort();
    Ok(runs)
}

/// Puts a signed statement into a run's inbox, whole or not at all. Whether it is believed is
/// decided where it is read.
///
/// # Errors
/// The disk.
pub async fn send_notice<D: Disk>(disk: &D, dir: &Path, signed: &Signed) -> Result<NoticeId, StoreError> {
    let inbox = dir.join(INBOX);
    let text = serde_json::to_string(signed).map_err(|error| failed("write", &inbox)(error.into()))?;
    disk.create_dir(&inbox).map_err(failed("create", &inbox))?;
    let name = format!("{}.json", Digest::blake3(text.as_bytes()));
    put(disk, &inbox, &name, text.as_bytes()).await.map_err(failed("write", &inbox.join(&name)))?;
    Ok(NoticeId(name))
}

/// Returns where a run keeps a blob.
pub fn blob_path(dir: &Path, blob: &Digest) -> PathBuf {
    dir.join(BLOBS).join(blob.as_str())
}

/// Takes a run's lock. A reader that asks whether the run is held takes it for a moment; only a writer
/// keeps it.
async fn take_lock<D: Disk>(disk: &D, file: &D::File, path: &Path) -> Result<(), StoreError> {
    for _ in 0..LOCK_TRIES_MAX {
        if disk.lock(file).map_err(failed("lock", path))? {
            return Ok(());
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Err(StoreError::Held(path.into()))
}

/// Writes a file whole: a name nobody reads, synced, then renamed, then its folder and the one above synced.
async fn put<D: Disk>(disk: &D, folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temp = folder.join(format!("{name}.part"));
    disk.remove(&temp).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let file = Arc::new(disk.create(&temp)?);
    disk.write(&file, bytes)?;
    disk.sync(&file, Vec::new()).await?;
    disk.rename(&temp, &folder.join(name))?;
    let above = folder.ancestors().take(2).map(Path::to_path_buf).collect();
    disk.sync(&file, above).await
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_path_buf();
    move |source| StoreError::Disk { act, path, source }
}
