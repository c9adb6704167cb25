//! Every limit of the Studio, in one place. A wait, list or buffer without a line here is a bug.

use serde::{Deserialize, Serialize};

/// Longest text that rides inside an event; anything larger is a blob beside the journal.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Longest piece of prose (a brief, a reason, a ticket's body) that is accepted from anyone.
pub const PROSE_BYTES_MAX: usize = 16 * 1024;
/// Longest answer of a model that is read; a longer one is an error, never cut in silence.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest journal line that is read back.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest journal that is read back.
pub const JOURNAL_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Largest output of one stream of one step that is kept; more ends the step as failed.
pub const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Words of one command.
pub const ARGV_WORDS_MAX: usize = 64;
/// Bytes of one command, all words together.
pub const ARGV_BYTES_MAX: usize = 4096;
/// Bytes of a repository-relative path.
pub const PATH_BYTES_MAX: usize = 512;
/// Bytes of one expected pattern.
pub const PATTERN_BYTES_MAX: usize = 512;
/// Bytes that one compiled pattern may take: it bounds how long matching takes.
pub const PATTERN_SIZE_MAX: usize = 16 * 1024;
/// Patterns and pointers of one expectation.
pub const EXPECTATIONS_MAX: usize = 16;
/// Steps of one runbook.
pub const STEPS_MAX: usize = 50;
/// Edits of one change.
pub const EDITS_MAX: usize = 50;
/// Bytes of one edited file.
pub const EDIT_BYTES_MAX: usize = 128 * 1024;
/// Criteria of one plan, and of one ticket.
pub const CRITERIA_MAX: usize = 32;
/// Constraints, objections, notes: entries of any other list in a message.
pub const LIST_MAX: usize = 32;
/// Longest time one step may take, in seconds.
pub const STEP_SECONDS_MAX: u32 = 3600;
/// Time a step gets when it names none, in seconds.
pub const STEP_SECONDS_DEFAULT: u32 = 600;
/// Messages that may wait before one seat.
pub const MAILBOX_MAX: usize = 64;
/// Threads that sync files, and requests that may wait before them.
pub const SYNC_THREADS: usize = 16;
/// Requests that may wait before the sync threads.
pub const SYNC_QUEUE_MAX: usize = 1024;
/// Panics of one persona inside [`RESTART_WINDOW_SECONDS`] before its seat stays empty.
pub const RESTARTS_MAX: usize = 3;
/// The window in which panics are counted, in seconds.
pub const RESTART_WINDOW_SECONDS: u64 = 60;
/// Backoff before a seat is rebuilt, in milliseconds; doubles with each panic in the window.
pub const RESTART_BACKOFF_MS: u64 = 50;
/// Folders whose names a process remembers to have synced.
pub const SETTLED_MAX: usize = 256;
/// Notices read from an inbox at one look.
pub const INBOX_MAX: usize = 64;
/// Bytes of one notice in an inbox.
pub const NOTICE_BYTES_MAX: u64 = 64 * 1024;
/// Advisers of one crew.
pub const ADVISERS_MAX: usize = 8;
/// Bytes of what the Executor says before its file is begun anew.
pub const DIARY_BYTES_MAX: u64 = 1 << 20;
/// Seconds that the clock of whoever said something may be ahead.
pub const SKEW_SECONDS_MAX: i64 = 300;
/// Hours an approval is valid.
pub const APPROVAL_HOURS: i64 = 24;
/// Times one step may be tried (a new attempt is a new op).
pub const ATTEMPTS_MAX: u32 = 3;
/// Times a step is begun again because nobody saw how it ended, where the rules say that again is harmless.
pub const UNSEEN_TRIES_MAX: u32 = 2;
/// Reads that look whether one step happened, and are lost themselves, before nobody looks any more.
pub const PROBES_MAX: u32 = 2;
/// Bytes of the end of each stream of a failed step that are looked at for its cause.
pub const FAILURE_BYTES_MAX: usize = 16 * 1024;
/// Different lines that tell one failure from another.
pub const FAILURE_LINES_MAX: usize = 60;
/// Bytes of the end of a failed step's output that are kept with it.
pub const FAILURE_TAIL_BYTES_MAX: usize = 2000;
/// Different failures of one run that a persona is told: the last ones.
pub const FAILURES_TOLD_MAX: usize = 8;
/// Rounds that end with the same failure before the Planner is asked for another plan.
pub const SAME_FAILURE_PLANNER: u32 = 3;
/// Rounds that end with the same failure before a human is asked.
pub const SAME_FAILURE_HUMAN: u32 = 4;
/// Largest file of a user's repository that is read.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Scripts that one script may name, over any number of others, and that are judged with it.
pub const CLOSURE_FILES_MAX: usize = 64;
/// Folders from which the paths of one script's words are looked for.
pub const CLOSURE_FOLDERS_MAX: usize = 64;
/// Paths that the words of one script may mean, tried one by one.
pub const CLOSURE_LOOKS_MAX: usize = 1_000_000;
/// Commands inside commands of a script's line that are looked into.
pub const CLOSURE_DEPTH_MAX: usize = 8;
/// Bytes of one line of shell text that is judged as the commands it consists of.
pub const SHELL_LINE_BYTES_MAX: usize = 16 * 1024;
/// Commands of one such line.
pub const SHELL_LINE_COMMANDS_MAX: usize = 32;
/// Commands inside commands of a script that its judge looks into: parentheses, blocks, substitutions, wrappers.
pub const SHELL_DEPTH_MAX: usize = 12;
/// Substitutions of one script whose end cannot be told without parsing it.
pub const SHELL_LOOSE_MAX: usize = 64;
/// Values that the words of one command of a script may have, taken together.
pub const SHELL_VALUES_MAX: usize = 64;
/// Collections inside collections of a manifest.
pub const MANIFEST_DEPTH_MAX: usize = 64;
/// Values of one manifest file that are compared.
pub const MANIFEST_NODES_MAX: usize = 100_000;
/// Copies of a workload that an edit may ask for unasked.
pub const REPLICAS_MAX: u32 = 10;
/// Findings about one file of a change that are kept, the strictest.
pub const FILE_FINDINGS_MAX: usize = 200;
/// Files of a change that nobody is asked about because of their number.
pub const CHANGE_FILES_ASKED: usize = 300;
/// Lines of a change that nobody is asked about because of their number.
pub const CHANGE_LINES_ASKED: usize = 20_000;
/// Bytes of a patch that is judged.
pub const PATCH_BYTES_MAX: u64 = 64 << 20;
/// Programs of one script, over everything that it uses, whose files are part of what is approved.
pub const PROGRAMS_MAX: usize = 128;
/// Bytes of the largest program that is started.
pub const PROGRAM_BYTES_MAX: u64 = 1 << 30;
/// Commands of one script, over everything that it uses, that are judged.
pub const SHELL_COMMANDS_MAX: usize = 20_000;
/// Largest script that is judged.
pub const SCRIPT_BYTES_MAX: usize = 256 * 1024;
/// Files looked at below one folder of a user's repository.
pub const FILES_MAX: usize = 10_000;
/// Tickets read from one repository.
pub const TICKETS_MAX: usize = 5_000;
/// Tickets of the queue that a Planner is shown.
pub const QUEUE_SHOWN_MAX: usize = 40;
/// Names of files that a persona is shown.
pub const FILES_LISTED_MAX: usize = 300;
/// Files whose text a persona is shown.
pub const FILES_SHOWN_MAX: usize = 12;
/// Bytes of one file that a persona is shown; a larger one is only named.
pub const FILE_SHOWN_BYTES_MAX: usize = 8 * 1024;
/// Runs listed in one repository.
pub const RUNS_MAX: usize = 10_000;

/// Bytes of one message between the runtime and its Executor.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files of one checkout of a commit.
pub const CHECKOUT_FILES_MAX: usize = 50_000;
/// Bytes of one checkout of a commit.
pub const CHECKOUT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Branches of one name and day that are tried before giving up.
pub const BRANCHES_MAX: u32 = 100;
/// Files a step may leave as artifacts.
pub const ARTIFACTS_MAX: usize = 100;
/// Bytes of one artifact, where its script declares no other limit.
pub const ARTIFACT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a place of the checkout that are hashed to show what a script reads there.
pub const HASHED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Values of `config/env` that one script may be handed.
pub const ENV_VALUES_MAX: usize = 64;
/// Files of settings, prompts and personas that one repository may choose.
pub const CHOSEN_MAX: usize = 200;
/// Clusters of one repository.
pub const CLUSTERS_MAX: usize = 64;
/// Nodes of one repository.
pub const NODES_MAX: usize = 1_000;
/// Registered scripts of one repository.
pub const REGISTRATIONS_MAX: usize = 200;
/// Largest object of a git repository that is read; a user's file has its own, smaller limit.
pub const OBJECT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Commits that are walked for the identity of a repository.
pub const HISTORY_MAX: usize = 1_000_000;
/// Bytes of folders of one commit that are kept in memory once they were read.
pub const FOLDERS_KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Folders inside folders of a commit that are looked into.
pub const FOLDER_DEPTH_MAX: usize = 32;
/// Seconds to wait for the lock of a repository's workshop.
pub const LOCK_SECONDS_MAX: u64 = 60;
/// Links behind links that are followed inside a checkout.
pub const LINKS_MAX: usize = 40;
/// Changed files of the user's checkout that are named.
pub const DIRTY_MAX: usize = 20;
/// Paths of one list of the policy file.
pub const POLICY_PATHS_MAX: usize = 256;
/// Findings of one audit that are kept; the rest are counted.
pub const FINDINGS_MAX: usize = 1_000;
/// Bytes of the base that one audit reads.
pub const AUDIT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Scripts of one repository that an audit looks at as dangerous.
pub const DANGERS_MAX: usize = 200;
/// Scripts of one repository that are judged one by one to be shown.
pub const SCRIPTS_SHOWN_MAX: usize = 500;
/// Places that run one dangerous script and are named by an audit.
pub const CALLERS_MAX: usize = 8;

/// Lines of both sides of a file up to which a diff compares them; a longer one is shown as replaced.
pub const DIFF_LINES_MAX: usize = 10_000;
/// Times a file of the checkout that changes under our hands is read and written again.
pub const REPLACE_TRIES_MAX: u32 = 8;
/// Runs that a projection remembers to have counted.
pub const RUNS_COUNTED_MAX: usize = 500;
/// Different failures that one projection keeps apart.
pub const FAILURES_MAX: usize = 1_000;
/// Bytes of one prompt, answer or diff that the memory shows.
pub const MEMORY_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes that one search of the memory reads.
pub const SEARCH_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Time the Executor gets to say hello after it was started, in seconds.
pub const HELLO_SECONDS_MAX: u64 = 10;
/// Time the Executor gets to end after it was let go, in seconds.
pub const CLOSE_SECONDS_MAX: u64 = 10;
/// Bytes of one stream of a running step, most of which nobody keeps, before something is done about it.
pub const OUTPUT_WATCH_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Time between two looks at the output of a running step, in milliseconds.
pub const OUTPUT_WATCH_MS: u64 = 200;
/// Time what a step started beside itself gets to end after it, in milliseconds.
pub const REST_GRACE_MS: u64 = 500;
/// Shortest secret value that is searched for; a shorter one would blank ordinary words.
pub const SECRET_BYTES_MIN: usize = 6;
/// Shortest line of a longer secret value that is searched for by itself.
pub const SECRET_LINE_BYTES_MIN: usize = 12;
/// Bytes of all spellings of secret values for which the fastest search is built; more take one that needs less memory.
pub const SECRET_DFA_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a stream that wait at most because a secret may have begun in them.
pub const STREAM_HELD_BYTES_MAX: usize = 64 * 1024;
/// Time a step gets between being asked to end and being killed, in seconds.
pub const KILL_GRACE_SECONDS: u64 = 3;
/// Bytes of one record of a claim.
pub const CLAIM_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of one order to a shim: words and environment of a command, in any spelling.
pub const CLAIM_ORDER_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Time a shim gets from its start to its answer, in seconds.
pub const CLAIM_SECONDS_MAX: u64 = 30;
/// Times a shim is started for an op that none of them claimed.
pub const SHIM_STARTS_MAX: u32 = 3;
/// Time between two looks at a lock whose holders nobody knows, in milliseconds.
pub const CLAIM_POLL_MS: u64 = 20;
/// Time between two looks of a runtime at whether it was told to stop, in milliseconds.
pub const STOP_LOOK_MS: u64 = 250;
/// Files a command may have open, unless the machine allows fewer.
pub const OPEN_FILES_MAX: u64 = 4096;
/// Ops that may have the same effect for the same ticket.
pub const EFFECTS_MAX: usize = 1_000;
/// Runs of one repository that hold targets or paths at once.
pub const HOLDS_MAX: usize = 256;
/// Targets that one run holds.
pub const HOLD_TARGETS_MAX: usize = 64;
/// Paths that one run holds.
pub const HOLD_PATHS_MAX: usize = 256;
/// Bytes of the record of one hold: room for as many targets and paths as it may name.
pub const HOLD_BYTES_MAX: u64 = 160 * 1024;
/// Files left over in a store of claims that are swept at once.
pub const LEFTOVERS_MAX: usize = 1_000;
/// Age from which a file that nobody finished is left over, in seconds.
pub const LEFTOVER_SECONDS_MIN: i64 = 3600;

/// The limits of one run. They are part of its first event, so a replay knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLimits {
    /// Rounds of the loop: how often a change may be sent back before the run ends.
    pub rounds_max: u32,
    /// Objections of the Engineer to one plan before the run ends.
    pub objections_max: u32,
    /// Repair rounds for one answer that does not fit its form.
    pub repairs_max: u32,
    /// Calls to a model in the whole run.
    pub model_calls_max: u32,
    /// Tokens in and out in the whole run.
    pub tokens_max: u64,
    /// Longest time a persona may take for one message, in seconds.
    pub turn_seconds_max: u32,
    /// Longest time a model may take for one answer, in seconds.
    pub call_seconds_max: u32,
}

impl Default for RunLimits {
    fn default() -> Self {
        RunLimits {
            rounds_max: 4,
            objections_max: 3,
            repairs_max: 2,
            model_calls_max: 60,
            tokens_max: 2_000_000,
            turn_seconds_max: 1800,
            call_seconds_max: 600,
        }
    }
}
/// Bytes of one line that `studio judge` reads.
pub const JUDGED_LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
