//! The list of approvers, and whether a signature is one of theirs.

use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};
use std::collections::BTreeMap;
use studio_core::approval::{Approvers, NAMESPACE, NotApproved};
use studio_core::limits::{LIST_MAX, PROSE_BYTES_MAX};
use studio_core::name::Approver;

/// Longest list of approvers that is read, in bytes; a line of it is far shorter than a tenth of this.
const LIST_BYTES_MAX: usize = PROSE_BYTES_MAX;
/// Longest armored signature that is read, in bytes; one of ours has about 300.
const SIGNATURE_BYTES_MAX: usize = 4096;

/// People whose ssh signatures count, each with one ed25519 key.
#[derive(Clone, Debug, Default)]
pub struct SshApprovers {
    keys: BTreeMap<Approver, KeyData>,
}

impl SshApprovers {
    /// Reads a list in the form of ssh's `allowed_signers`: `name ssh-ed25519 AAAA… [comment]` a
    /// line; empty lines and lines that start with `#` say nothing. Options and patterns of names,
    /// which that file may also hold, are refused, so that a line means what it shows.
    ///
    /// # Errors
    /// A line that is not of this form, a name or a key that stands twice, a list over the limit.
    pub fn parse(allowed: &str) -> Result<SshApprovers, ApproversError> {
        if allowed.len() > LIST_BYTES_MAX {
            return Err(ApproversError::Long(allowed.len()));
        }
        let mut keys = BTreeMap::new();
        for (at, line) in allowed.lines().enumerate() {
            let (at, line) = (at + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, key) = entry(at, line)?;
            if keys.keys().any(|other: &Approver| other.as_str().eq_ignore_ascii_case(name.as_str())) {
                return Err(ApproversError::Twice { line: at, what: "the name", name });
            }
            if keys.values().any(|other| *other == key) {
                return Err(ApproversError::Twice { line: at, what: "the key of", name });
            }
            keys.insert(name, key);
            if keys.len() > LIST_MAX {
                return Err(ApproversError::Many(at));
            }
        }
        Ok(SshApprovers { keys })
    }

    /// Returns the names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Approver> {
        self.keys.keys()
    }
}

impl Approvers for SshApprovers {
    fn verify(&self, text: &str, signature: &str) -> Result<Approver, NotApproved> {
        let refuse = |why: String| Err(NotApproved(why));
        if signature.len() > SIGNATURE_BYTES_MAX {
            return refuse(format!("the signature has {} bytes; at most {SIGNATURE_BYTES_MAX} are read", signature.len()));
        }
        let signed = match SshSig::from_pem(signature.trim()) {
            Ok(signed) => signed,
            Err(error) => return refuse(format!("it carries no ssh signature ({error}); sign it with: studio approve")),
        };
        if signed.version() != SshSig::VERSION || !signed.reserved().is_empty() {
            return refuse(format!("its signature has version {} or fields that version {} does not have", signed.version(), SshSig::VERSION));
        }
        if signed.namespace() != NAMESPACE {
            return refuse(format!("its signature was made for {:?}, not for {NAMESPACE:?}", signed.namespace()));
        }
        if !matches!(signed.hash_alg(), HashAlg::Sha256 | HashAlg::Sha512) || signed.algorithm() != Algorithm::Ed25519 {
            return refuse(format!("its signature is {} over {}; ed25519 over sha512 or sha256 is read", signed.algorithm(), signed.hash_alg()));
        }
        let Some((name, key)) = self.keys.iter().find(|(_, key)| *key == signed.public_key()) else {
            return refuse("the key that signed it is not on the list of approvers".into());
        };
        match PublicKey::from(key.clone()).verify(NAMESPACE, text.as_bytes(), &signed) {
            Ok(()) => Ok(name.clone()),
            Err(error) => refuse(format!("the signature is not over what it says ({error})")),
        }
    }
}

/// Reads one line of the list.
fn entry(at: usize, line: &str) -> Result<(Approver, KeyData), ApproversError> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(kind), Some(key)) = (words.next(), words.next(), words.next()) else {
        return Err(ApproversError::Form { line: at });
    };
    let name = match Approver::try_from(name) {
        Ok(approver) if !name.contains(['*', '?', '!', ',', '"']) => approver,
        Ok(_) | Err(_) => return Err(ApproversError::Name { line: at }),
    };
    if kind != "ssh-ed25519" {
        return Err(ApproversError::Kind { line: at });
    }
    let key = PublicKey::from_openssh(&format!("{kind} {key}")).map_err(|error| ApproversError::Key { line: at, error })?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(ApproversError::Kind { line: at });
    }
    Ok((name, key.key_data().clone()))
}

/// Why a list of approvers cannot be read. Nobody is believed until it can.
#[derive(Debug, thiserror::Error)]
pub enum ApproversError {
    /// Over the limit.
    #[error("the list of approvers has {0} bytes; at most {LIST_BYTES_MAX} are read")]
    Long(usize),
    /// Over the limit.
    #[error("approvers:{0}: there are more than {LIST_MAX} approvers; remove some")]
    Many(usize),
    /// A line of another form.
    #[error("approvers:{line}: this is no approver; write: name ssh-ed25519 AAAA…")]
    Form {
        /// The line, from 1.
        line: usize,
    },
    /// A name we do not accept.
    #[error("approvers:{line}: the name is not 1 to 80 printable characters without * ? ! , and quotes")]
    Name {
        /// The line, from 1.
        line: usize,
    },
    /// Another kind of key, or an option before it.
    #[error("approvers:{line}: after the name comes ssh-ed25519; other kinds of keys and options are not read yet")]
    Kind {
        /// The line, from 1.
        line: usize,
    },
    /// A key that cannot be read.
    #[error("approvers:{line}: the key cannot be read ({error}); copy the line of the .pub file again")]
    Key {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: ssh_key::Error,
    },
    /// A name or a key that stands twice.
    #[error("approvers:{line}: {what} {name} already stands above; remove one of them")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// Which of the two.
        what: &'static str,
        /// The approver.
        name: Approver,
    },
}

#[cfg(test)]
mod tests;
