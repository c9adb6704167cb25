//! The words of queue files for what has become of a ticket and for kinds of work.

use std::fmt;

/// Declares an enum whose variants are words of a file; the first word of a variant is written.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$says:meta])* $variant:ident = $word:literal $(| $other:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$says])* $variant),+
        }

        impl $name {
            /// The words, as a file may spell them.
            pub const WORDS: &[&str] = &[$($word),+];

            /// Returns what `word` means; upper and lower case are the same.
            pub fn parse(word: &str) -> Option<$name> {
                match word.trim().to_ascii_lowercase().as_str() {
                    $($word $(| $other)* => Some($name::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$variant => $word),+ })
            }
        }
    };
}

words!(
    /// What a queue file says has become of a ticket.
    Status {
        /// Nothing yet.
        Pending = "pending",
        /// Somebody works on it.
        Running = "running",
        /// It failed and may be tried again.
        WaitingRetry = "waiting_retry",
        /// It waits for a look at its result.
        Review = "review",
        /// Something outside stands in its way.
        Blocked = "blocked",
        /// It is done.
        Success = "success" | "completed",
        /// It is given up.
        Failed = "failed",
        /// It waits for a human.
        Escalated = "escalated",
    }
);
words!(
    /// What a backlog calls a kind of work.
    Kind {
        /// A script is run.
        Run = "run",
        /// Files are edited.
        Edit = "edit",
        /// Code is mended.
        CodeFix = "code_fix",
        /// Something is designed.
        Design = "design",
        /// A patch is applied.
        ApplyPatch = "apply_patch",
    }
);
