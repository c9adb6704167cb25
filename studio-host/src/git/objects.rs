//! New objects on their way to the disk: synced before they get a name that anybody reads.

use super::edits::Object;
use gix::objs::Write;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Writes loose objects to each of `stores`, by way of the folder `incoming`, and syncs them and their names.
/// Git and a power cut see an object whole or not at all. Both stores share its bytes where they can:
/// nobody writes into an object.
pub(super) fn write(incoming: &Path, stores: &[PathBuf], objects: &[Object]) -> io::Result<()> {
    clear(incoming)?;
    fs::create_dir(incoming)?;
    let loose = gix::odb::loose::Store::at(incoming, gix::hash::Kind::Sha1);
    let mut files = Vec::new();
    for object in objects {
        loose.write_buf_with_known_id(object.kind, &object.data, object.id).map_err(io::Error::other)?;
        let path = loose.object_path(&object.id);
        let name = path.strip_prefix(incoming).map_err(io::Error::other)?.to_path_buf();
        files.push((path, name));
    }
    sync(files.iter().map(|(path, _)| path))?;
    let mut folders = BTreeSet::from_iter(stores.iter().cloned());
    for store in stores {
        for (path, name) in &files {
            let to = store.join(name);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
                folders.insert(folder.into());
            }
            place(path, &to)?;
        }
    }
    sync(&folders)?;
    clear(incoming)
}

/// Syncs files and folders. One after the other: the first carries most of the others along, and threads cost more.
pub(super) fn sync(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> io::Result<()> {
    paths.into_iter().try_for_each(|path| File::open(path)?.sync_all())
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Gives the object at `path` a second name, or copies it to another file system.
fn place(path: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(path, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => copy(path, to),
    }
}

fn copy(path: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(to);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(path)?, &mut file)?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(to).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::objs::Kind;

    #[test]
    fn an_object_gets_into_each_store_once_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let stores = [dir.path().join("one"), dir.path().join("two")];
        stores.iter().for_each(|store| fs::create_dir(store).unwrap());
        let objects = [Object::new(Kind::Blob, b"a".to_vec()).unwrap(), Object::new(Kind::Blob, vec![b'b'; 100_000]).unwrap()];
        let incoming = dir.path().join("incoming");
        // What a crash left in the middle.
        fs::create_dir_all(incoming.join("00/left")).unwrap();
        for _ in 0..2 {
            write(&incoming, &stores, &objects).unwrap();
        }
        for store in &stores {
            let store = gix::odb::loose::Store::at(store.clone(), gix::hash::Kind::Sha1);
            for object in &objects {
                let mut bytes = Vec::new();
                let seen = store.try_find(&object.id, &mut bytes).unwrap().unwrap();
                assert_eq!((seen.kind, seen.data), (object.kind, object.data.as_slice()));
            }
        }
        assert!(!incoming.exists());
    }

    #[test]
    fn a_copy_is_as_good_as_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "bytes").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"bytes");
    }
}
