//! The operator's own folder: endpoints and keys, the approver's key, who approves. Never in the repository.

use crate::exit::{Exit, Failure};
use serde::Deserialize;
use ssh_key::rand_core::{OsRng, RngCore};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use studio_core::approval::{Approvers, NAMESPACE, NoApprovers, Signed, Statement};
use studio_core::name::{Approver, Digest};
use studio_core::redact::Secret;
use studio_gate::{Hours, SshApprovers};
use studio_personas::model::openai::Endpoint;

/// The operator's folder. Nothing in it is read before it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    dir: PathBuf,
}

/// `studio.toml` of the operator's folder.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The model to use where the command line names none.
    pub(crate) model: Option<String>,
    /// Model servers by name.
    #[serde(default)]
    pub(crate) models: BTreeMap<String, ModelSettings>,
    /// What is settled for single repositories, by their ids.
    #[serde(default)]
    pub(crate) repos: BTreeMap<String, RepoSettings>,
    /// Folders with programs beside the system's, for steps.
    #[serde(default)]
    pub(crate) bin_dirs: Vec<PathBuf>,
    /// When changes are made.
    #[serde(default)]
    pub(crate) changes: Hours,
}

/// What is settled for one repository.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepoSettings {
    /// The branch that counts as the truth.
    pub(crate) base: Option<String>,
}

/// One model server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelSettings {
    base_url: String,
    model: String,
    key: Option<String>,
    key_env: Option<String>,
    key_file: Option<PathBuf>,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
    #[serde(default = "patience")]
    timeout_seconds: u32,
}

impl Operator {
    /// The folder at `dir`, else below `$XDG_CONFIG_HOME` or `$HOME/.config`.
    ///
    /// # Errors
    /// Neither is set.
    pub(crate) fn at(dir: Option<&Path>) -> Result<Operator, Failure> {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let config = || std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home);
        let dir = dir.map(Path::to_path_buf).or_else(|| config().map(|config| config.join("studio")));
        let dir = dir.ok_or_else(|| Failure::new(Exit::NeedsSetting, "neither HOME nor XDG_CONFIG_HOME is set: say --operator DIR"))?;
        Ok(Operator { dir: std::path::absolute(dir)? })
    }

    /// Returns the folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the settings; the defaults if there is no `studio.toml`.
    ///
    /// # Errors
    /// The file is wrong, with its line.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let path = self.dir.join("studio.toml");
        let Some(text) = self.read("studio.toml")? else { return Ok(Settings::default()) };
        toml_edit::de::from_str(&text).map_err(|error| {
            // The parser quotes the line it stumbles over, and a key may stand in it.
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let named = ["unknown field", "missing field", "duplicate"].iter().any(|start| error.message().starts_with(start));
            let what = if named { error.message() } else { "it is not of the form that docs/files.md gives" };
            Failure::new(Exit::BadInput, format!("{}:{line}: {what}", path.display()))
        })
    }

    /// Returns the endpoint called `name`.
    ///
    /// # Errors
    /// There is none, or its key cannot be read.
    pub(crate) fn endpoint(&self, name: &str) -> Result<Endpoint, Failure> {
        let path = self.dir.join("studio.toml");
        let mut settings = self.settings()?;
        let known = settings.models.keys().cloned().collect::<Vec<_>>().join(", ");
        let Some(model) = settings.models.remove(name) else {
            let known = if known.is_empty() { "it names none".to_string() } else { format!("it names {known}") };
            let mend = format!("add\n\n  [models.{name}]\n  base_url = \"http://127.0.0.1:8080/v1\"\n  model = \"the server's name for it\"\n");
            return Err(Failure::new(Exit::NeedsSetting, format!("{} has no model {name} ({known}); {mend}", path.display())));
        };
        let ModelSettings { base_url, model, key, key_env, key_file, temperature, max_tokens, timeout_seconds } = model;
        let key = match (key, key_env, key_file) {
            (None, None, None) => None,
            (Some(key), None, None) => Some(key),
            (None, Some(var), None) => {
                let key = std::env::var(&var);
                Some(key.map_err(|_| {
                    Failure::new(Exit::NeedsSetting, format!("{}: models.{name}.key_env names {var}, which is not set", path.display()))
                })?)
            }
            (None, None, Some(file)) => {
                let read = fs::read_to_string(&file);
                Some(
                    read.map_err(|error| {
                        Failure::new(Exit::NeedsSetting, format!("{}: models.{name}.key_file {}: {error}", path.display(), file.display()))
                    })?
                    .trim()
                    .to_string(),
                )
            }
            (_, _, _) => {
                return Err(Failure::new(
                    Exit::BadInput,
                    format!("{}: models.{name} has more than one of key, key_env, key_file: keep one", path.display()),
                ));
            }
        };
        Ok(Endpoint { name: name.into(), base_url, key: key.map(Secret::new), model, temperature, max_tokens, timeout_seconds })
    }

    /// Returns whose word counts: the list `approvers`; nobody if there is none.
    ///
    /// # Errors
    /// The list is wrong, with its line.
    pub(crate) fn approvers(&self) -> Result<Box<dyn Approvers>, Failure> {
        let Some(text) = self.read("approvers")? else { return Ok(Box::new(NoApprovers)) };
        let approvers =
            SshApprovers::parse(&text).map_err(|error| Failure::new(Exit::BadInput, format!("{}: {error}", self.dir.join("approvers").display())))?;
        Ok(Box::new(approvers))
    }

    /// Makes the approver's key and lists it, where there is none yet. Returns what was made.
    ///
    /// # Errors
    /// The disk, or a name that is none.
    pub(crate) fn make_approver(&self, name: &str) -> Result<Vec<PathBuf>, Failure> {
        let name = Approver::try_from(name).map_err(|error| Failure::new(Exit::Usage, error))?;
        let mut made = Vec::new();
        let path = self.dir.join("approver.key");
        if !path.exists() {
            let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(odd_key)?;
            key.set_comment(name.as_str());
            self.write("approver.key", &key.to_openssh(LineEnding::LF).map_err(odd_key)?)?;
            made.push(path);
        }
        let path = self.dir.join("approvers");
        if !path.exists() {
            let public = self.key()?.public_key().to_openssh().map_err(odd_key)?;
            self.write("approvers", &format!("# who may approve: name, then an ssh public key\n{name} {public}\n"))?;
            made.push(path);
        }
        Ok(made)
    }

    /// Signs any text with the approver's key; returns whose word it is, and the signature.
    ///
    /// # Errors
    /// There is no key, or it is not in the list.
    pub(crate) fn sign_text(&self, text: &str) -> Result<(Approver, String), Failure> {
        let key = self.key()?;
        let signature =
            key.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes()).and_then(|signature| signature.to_pem(LineEnding::LF)).map_err(odd_key)?;
        let by = self.approvers()?.verify(text, &signature);
        let unlisted = |error| Failure::new(Exit::Refused, format!("{error}; list the key in {}", self.dir.join("approvers").display()));
        Ok((by.map_err(unlisted)?, signature))
    }

    /// Returns the lines of a file that the operator keeps about one repository; none if there is no file.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn repo_lines(&self, repo: &str, name: &str) -> Result<Vec<String>, Failure> {
        let text = self.read(&format!("repos/{repo}/{name}"))?.unwrap_or_default();
        Ok(text.lines().map(String::from).collect())
    }

    /// Adds a line to a file that the operator keeps about one repository.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn add_repo_line(&self, repo: &str, name: &str, line: &str) -> Result<(), Failure> {
        let path = self.dir.join("repos").join(repo).join(name);
        let add = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.dir))?;
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            writeln!(file, "{line}")?;
            file.sync_all()
        };
        add().map_err(|error: std::io::Error| Failure::new(Exit::Error, format!("failed to write {}: {error}", path.display())))
    }

    /// Puts `lines` in the place of a file that the operator keeps about one repository: all of them, or the disk says no.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn set_repo_lines(&self, repo: &str, name: &str, lines: &[String]) -> Result<(), Failure> {
        let dir = self.dir.join("repos").join(repo);
        let set = || {
            fs::create_dir_all(&dir)?;
            let mut file = tempfile::NamedTempFile::new_in(&dir)?; // of mode 600
            lines.iter().try_for_each(|line| writeln!(file, "{line}"))?;
            file.as_file().sync_all()?;
            file.persist(dir.join(name))?;
            // The folder itself may be new as well.
            [&dir, &self.dir.join("repos"), &self.dir].into_iter().try_for_each(|folder| fs::File::open(folder)?.sync_all())
        };
        set().map_err(|error: std::io::Error| Failure::new(Exit::Error, format!("failed to write {}: {error}", dir.join(name).display())))
    }

    /// Records which branch counts as the truth of a repository, where nothing is recorded yet; every
    /// other byte of `studio.toml` stays. Returns whether it was new.
    ///
    /// # Errors
    /// The file is wrong, or the disk.
    pub(crate) fn settle_base(&self, repo: &str, base: &str) -> Result<bool, Failure> {
        if self.settings()?.repos.contains_key(repo) {
            return Ok(false);
        }
        self.edit_settings(|settings| settings["repos"].or_insert(toml_edit::table())[repo]["base"] = toml_edit::value(base))?;
        Ok(true)
    }

    /// Takes the record of a repository's base back.
    ///
    /// # Errors
    /// The file is wrong, or the disk.
    pub(crate) fn forget_base(&self, repo: &str) -> Result<(), Failure> {
        if !self.settings()?.repos.contains_key(repo) {
            return Ok(());
        }
        self.edit_settings(|settings| {
            settings.get_mut("repos").and_then(toml_edit::Item::as_table_mut).map(|repos| repos.remove(repo));
        })
    }

    fn edit_settings(&self, edit: impl FnOnce(&mut toml_edit::DocumentMut)) -> Result<(), Failure> {
        let path = self.dir.join("studio.toml");
        let text = self.read("studio.toml")?.unwrap_or_default();
        // People keep such files elsewhere, and link to them: the file changes, and the link stays.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::Error, format!("failed to write {}: {error}", path.display()));
        let mut settings: toml_edit::DocumentMut =
            text.parse().map_err(|_| Failure::new(Exit::BadInput, format!("{} is no TOML", path.display())))?;
        edit(&mut settings);
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(&self.dir)).map_err(|error| bad(&error))?;
        if let Ok(seen) = fs::metadata(&path) {
            file.as_file().set_permissions(seen.permissions()).map_err(|error| bad(&error))?;
        }
        file.write_all(settings.to_string().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|error| bad(&error))?;
        file.persist(&path).map(drop).map_err(|error| bad(&error))
    }

    /// Signs a statement with the approver's key, as the name that key has in the list.
    ///
    /// # Errors
    /// There is no key, or it is not in the list.
    pub(crate) fn sign(&self, statement: impl FnOnce(Approver) -> Statement) -> Result<Signed, Failure> {
        let key = self.key()?;
        let approvers = self.approvers()?;
        let sign = |text: &str| {
            key.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes()).and_then(|signature| signature.to_pem(LineEnding::LF)).map_err(odd_key)
        };
        let probe = "whose key is this?";
        let by = approvers
            .verify(probe, &sign(probe)?)
            .map_err(|error| Failure::new(Exit::Refused, format!("{error}; list the key in {}", self.dir.join("approvers").display())))?;
        let statement = statement(by);
        let signature = sign(&statement.text())?;
        Ok(Signed { v: 1, statement, signature })
    }

    /// Returns the id of this install, made when it is first asked for.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn install(&self) -> Result<String, Failure> {
        if let Some(id) = self.read("install")? {
            return Ok(id.trim().to_string());
        }
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        let id = Digest::blake3(&bytes).as_str()[..16].to_string();
        self.write("install", &format!("{id}\n"))?;
        Ok(id)
    }

    fn key(&self) -> Result<PrivateKey, Failure> {
        let path = self.dir.join("approver.key");
        let Some(text) = self.read("approver.key")? else {
            return Err(Failure::new(Exit::NeedsSetting, format!("there is no approver's key at {}: make one with `studio init`", path.display())));
        };
        let mode = fs::metadata(&path)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Failure::new(Exit::Refused, format!("{} can be read by others (mode {:o}): chmod 600 it", path.display(), mode & 0o777)));
        }
        PrivateKey::from_openssh(&text)
            .map_err(|error| Failure::new(Exit::BadInput, format!("{} is no ssh private key without a passphrase: {error}", path.display())))
    }

    /// Reads a file of the operator's. What others could have written is not believed.
    fn read(&self, name: &str) -> Result<Option<String>, Failure> {
        let path = self.dir.join(name);
        for place in path.ancestors().take_while(|place| place.starts_with(&self.dir)) {
            let seen = match fs::metadata(place) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                seen => seen.map_err(|error| Failure::new(Exit::BadInput, format!("failed to look at {}: {error}", place.display())))?,
            };
            if place == path && !seen.is_file() {
                return Err(Failure::new(Exit::BadInput, format!("{} is no file", path.display())));
            }
            let mine = seen.uid() == 0 || fs::metadata("/proc/self").is_ok_and(|me| me.uid() == seen.uid());
            if seen.mode() & 0o022 != 0 || !mine {
                let why = format!("{} belongs to somebody else or can be written by others (mode {:o})", place.display(), seen.mode() & 0o777);
                return Err(Failure::new(Exit::Refused, format!("{why}, so it is not believed: chown it, chmod go-w it")));
            }
        }
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(Exit::BadInput, format!("failed to read {}: {error}", path.display()))),
        }
    }

    /// Writes a new file of the operator's, for nobody else.
    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.dir.join(name);
        let write = || {
            fs::create_dir_all(&self.dir)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error: std::io::Error| Failure::new(Exit::Error, format!("failed to write {}: {error}", path.display())))
    }
}

fn odd_key(error: ssh_key::Error) -> Failure {
    Failure::new(Exit::Error, format!("the approver's key cannot be used: {error}"))
}

fn patience() -> u32 {
    300
}
