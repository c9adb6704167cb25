//! What failures are called: a table of phrases with examples, and how sure each makes us.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a failure is, as far as its words tell. It is told to people and personas; no cause lets a step run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A host, a name or a service could not be reached.
    Network,
    /// It took too long.
    Timeout,
    /// What it works on is not there.
    NotFound,
    /// Credentials, rights or trust are missing.
    Permission,
    /// Somebody else holds or changed what it works on.
    Conflict,
    /// The command, or a file it reads, is wrong.
    InvalidInput,
    /// No room, no memory, or a quota or rate is used up.
    Quota,
    /// A program, a plugin or a kind of resource is not installed.
    DependencyMissing,
    /// What it would make is there already.
    AlreadyExists,
    /// It ended as a program that went well, and did not show what its step expects.
    Expectation,
    /// It was refused where it should have run, and did not begin.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A word beside the line that matters, or words for two causes.
    Low,
    /// Common words in the line that matters.
    Medium,
    /// Words of one program that mean one thing, or the Studio's own.
    High,
}

/// The phrases of one cause, in lower case.
struct Row {
    cause: Cause,
    /// Whole phrases of known programs, which mean nothing else.
    sure: &'static [&'static str],
    /// Common phrases.
    likely: &'static [&'static str],
    /// Lines that mean this cause and no other.
    #[cfg_attr(not(test), expect(dead_code, reason = "the examples are the table's tests"))]
    examples: &'static [&'static str],
}

/// The table. What an earlier row takes of a line, no later row sees.
const TABLE: &[Row] = &[
    Row {
        cause: Cause::DependencyMissing,
        sure: &["executable file not found in $path", "the server doesn't have a resource type", "no matches for kind"],
        likely: &["command not found", "no module named", "not installed", "cannot open shared object file", "exec format error", "plugin not found"],
        examples: &[
            "bash: line 1: jq: command not found",
            "exec: \"helm\": executable file not found in $PATH",
            "error: the server doesn't have a resource type \"helmreleases\"",
            "unable to recognize \"a.yaml\": no matches for kind \"Gateway\" in version \"gateway.networking.k8s.io/v1\"",
            "ModuleNotFoundError: No module named 'yaml'",
        ],
    },
    Row {
        cause: Cause::Quota,
        sure: &["no space left on device", "disk quota exceeded", "exceeded quota:", "(toomanyrequests)", "code = resourceexhausted"],
        likely: &[
            "cannot allocate memory",
            "out of memory",
            "too many open files",
            "too many requests",
            "toomanyrequests",
            "rate limit",
            "insufficient memory",
            "insufficient cpu",
            "out of disk space",
        ],
        examples: &[
            "write /var/lib/x: no space left on device",
            "Error from server (Forbidden): pods \"a\" is forbidden: exceeded quota: compute, requested: cpu=2",
            "fork: Cannot allocate memory",
            "toomanyrequests: You have reached your pull rate limit",
            "0/3 nodes are available: 3 Insufficient memory.",
        ],
    },
    Row {
        cause: Cause::AlreadyExists,
        sure: &["(alreadyexists)", "code = alreadyexists"],
        likely: &["already exists", "file exists", "name that is still in use", "cannot re-use a name"],
        examples: &[
            "Error from server (AlreadyExists): namespaces \"lab\" already exists",
            "fatal: a branch named 'main' already exists",
            "mkdir: cannot create directory 'a': File exists",
        ],
    },
    Row {
        cause: Cause::Conflict,
        sure: &["(conflict)", "error acquiring the state lock", "could not get lock", "code = aborted", "code = failedprecondition"],
        likely: &[
            "the object has been modified",
            "another operation (install/upgrade/rollback) is in progress",
            "resource busy",
            "device or resource busy",
            "device is busy",
            "resource temporarily unavailable",
            "is locked",
            "merge conflict",
            "conflict with \"",
            "address already in use",
        ],
        examples: &[
            "Error from server (Conflict): Operation cannot be fulfilled on nodes \"a\": the object has been modified",
            "Error: Error acquiring the state lock",
            "E: Could not get lock /var/lib/dpkg/lock-frontend",
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            "cannot destroy 'tank/a': dataset is busy: device is busy",
        ],
    },
    Row {
        cause: Cause::Permission,
        sure: &[
            "(forbidden)",
            "(unauthorized)",
            "permission denied (publickey",
            "host key verification failed",
            "code = permissiondenied",
            "code = unauthenticated",
            "x509: certificate",
        ],
        likely: &[
            "permission denied",
            "access denied",
            "accessdenied",
            "operation not permitted",
            "you must be logged in",
            "authentication failed",
            "authentication required",
            "unauthorized",
            "is forbidden",
            "401 unauthorized",
            "403 forbidden",
            "must be run as root",
            "no key could decrypt",
        ],
        examples: &[
            "Error from server (Forbidden): nodes is forbidden: User \"viewer\" cannot list resource \"nodes\"",
            "root@10.0.0.7: Permission denied (publickey,password).",
            "cp: cannot create regular file '/etc/a': Permission denied",
            "error: You must be logged in to the server (Unauthorized)",
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ],
    },
    Row {
        cause: Cause::Network,
        sure: &[
            "ssh: connect to host",
            "ssh: could not resolve hostname",
            "curl: (6)",
            "curl: (7)",
            "code = unavailable",
            "(serviceunavailable)",
            "dial tcp",
        ],
        likely: &[
            "connection refused",
            "connection reset",
            "connection timed out",
            "connection closed by",
            "no route to host",
            "network is unreachable",
            "host is unreachable",
            "could not resolve host",
            "name or service not known",
            "temporary failure in name resolution",
            "no such host",
            "i/o timeout",
            "tls handshake timeout",
            "broken pipe",
            "unexpected eof",
        ],
        examples: &[
            "The connection to the server 10.0.0.7:6443 was refused: connect: connection refused",
            "Unable to connect to the server: dial tcp 10.0.0.7:6443: i/o timeout",
            "ssh: connect to host pve port 22: No route to host",
            "curl: (6) Could not resolve host: example.org",
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing\"",
            "ping: pve: Name or service not known",
        ],
    },
    Row {
        cause: Cause::Timeout,
        sure: &["timed out waiting for the condition", "context deadline exceeded", "code = deadlineexceeded", "(timeout)", "curl: (28)"],
        likely: &["timed out", "timeout exceeded", "timeout expired", "deadline exceeded", "timeout reached"],
        examples: &[
            "error: timed out waiting for the condition on deployments/whoami",
            "Error: context deadline exceeded",
            "Lock wait timeout exceeded; try restarting transaction",
        ],
    },
    Row {
        cause: Cause::NotFound,
        sure: &["(notfound)", "code = notfound"],
        likely: &[
            "no such file or directory",
            "not found",
            "does not exist",
            "could not find",
            "couldn't find",
            "no such object",
            "no such container",
        ],
        examples: &[
            "Error from server (NotFound): deployments.apps \"whoami\" not found",
            "cat: a.yaml: No such file or directory",
            "cannot open 'tank/b': dataset does not exist",
            "Error: release: not found",
        ],
    },
    Row {
        cause: Cause::InvalidInput,
        sure: &[
            "(invalid)",
            "(badrequest)",
            "code = invalidargument",
            "error validating data",
            "error converting yaml to json",
            "error: unknown flag",
        ],
        likely: &[
            "unknown flag",
            "unknown command",
            "unknown shorthand flag",
            "unrecognized option",
            "unrecognized arguments",
            "invalid option",
            "invalid argument",
            "invalid value",
            "is invalid",
            "syntax error",
            "parse error",
            "error parsing",
            "validation error",
            "yaml: line",
            "did not find expected",
            "is required",
            "required flag",
        ],
        examples: &[
            "error: unknown flag: --replica",
            "The Deployment \"a\" is invalid: spec.template.spec.containers[0].image: Required value",
            "error: error validating \"a.yaml\": error validating data: unknown field \"spec.replica\"",
            "bash: line 3: syntax error near unexpected token `fi'",
            "error converting YAML to JSON: yaml: line 4: did not find expected key",
        ],
    },
];

impl Cause {
    /// Says whether it lies outside of what the step did: another runbook would not mend it.
    pub fn is_external(self) -> bool {
        match self {
            Cause::Network | Cause::Permission | Cause::Conflict | Cause::Quota | Cause::DependencyMissing => true,
            Cause::Timeout | Cause::NotFound | Cause::InvalidInput | Cause::AlreadyExists | Cause::Expectation | Cause::Refused | Cause::Unknown => {
                false
            }
        }
    }

    /// Returns its name, as journal and command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Network => "network",
            Cause::Timeout => "timeout",
            Cause::NotFound => "not-found",
            Cause::Permission => "permission",
            Cause::Conflict => "conflict",
            Cause::InvalidInput => "invalid-input",
            Cause::Quota => "quota",
            Cause::DependencyMissing => "dependency-missing",
            Cause::AlreadyExists => "already-exists",
            Cause::Expectation => "expectation",
            Cause::Refused => "refused",
            Cause::Unknown => "unknown",
        }
    }
}

impl Confidence {
    /// Returns its name, as journal and command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// Returns what `line` says failed: by words that mean one thing, or by common ones; two causes are no sure one.
pub(super) fn cause(line: &str) -> Option<(Cause, Confidence)> {
    let line = line.to_lowercase();
    if let Some(row) = TABLE.iter().find(|row| row.sure.iter().any(|phrase| line.contains(phrase))) {
        return Some((row.cause, Confidence::High));
    }
    let (mut rest, mut found) = (line, Vec::new());
    for row in TABLE {
        for phrase in row.likely.iter().filter(|phrase| rest.contains(**phrase)).copied().collect::<Vec<_>>() {
            rest = rest.replace(phrase, " ");
            found.push(row.cause);
        }
    }
    let first = *found.first()?;
    let sure = if found.iter().all(|other| *other == first) { Confidence::Medium } else { Confidence::Low };
    Some((first, sure))
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_knows_its_examples() {
        for row in TABLE {
            assert!(row.examples.len() >= 3, "{}", row.cause);
            for example in row.examples {
                let (found, sure) = cause(example).unwrap_or_else(|| panic!("{example}: nothing"));
                assert_eq!((found, sure >= Confidence::Medium), (row.cause, true), "{example}: {found} {}", sure.name());
            }
        }
    }

    #[test]
    fn every_phrase_is_in_lower_case_and_stands_in_one_row() {
        let phrases: Vec<&str> = TABLE.iter().flat_map(|row| row.sure.iter().chain(row.likely)).copied().collect();
        for phrase in &phrases {
            assert_eq!(*phrase, phrase.to_lowercase());
            assert_eq!(phrases.iter().filter(|other| other == &phrase).count(), 1, "{phrase}");
        }
    }

    #[test]
    fn what_says_nothing_is_unknown_and_names_are_no_words() {
        for line in [
            "",
            "Error: exit status 1",
            "make: *** [Makefile:12: up] Error 2",
            "talosctl: something went wrong",
            "panic: runtime error: index out of range",
            "failed to read /srv/permission-denied/timeout.yaml",
            "Error: could not complete the task",
        ] {
            assert_eq!(cause(line), None, "{line}");
        }
    }

    #[test]
    fn words_for_two_causes_are_no_sure_one() {
        let line = "fetch failed: permission denied, or the release does not exist";
        assert_eq!(cause(line), Some((Cause::Permission, Confidence::Low)));
    }

    #[test]
    fn names_are_those_of_the_journal() {
        for row in TABLE {
            assert_eq!(serde_json::to_value(row.cause).unwrap(), row.cause.name());
        }
    }
}
