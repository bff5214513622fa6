//! Exit codes, fixed for scripts that call reshoot.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All done, or nothing to do.
    Done,
    /// Something unexpected, such as a full disk.
    Unexpected,
    /// The command line is wrong.
    Usage,
    /// The manifest or a reference is invalid, or is not what the signed plan was made from.
    Invalid,
    /// The key or the balance.
    Account,
    /// Finished, but some takes failed, are unsure or lost.
    Incomplete,
    /// Stopped at a cap or at `--until` with takes left.
    Capped,
    /// Another run holds the lock.
    Locked,
    /// The run log or a file is damaged.
    Damaged,
    /// Interrupted by SIGINT.
    Interrupted,
    /// Interrupted by SIGTERM.
    Terminated,
}

impl Exit {
    /// Gives the number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Account => 4,
            Self::Incomplete => 5,
            Self::Capped => 6,
            Self::Locked => 7,
            Self::Damaged => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl Exit {
    /// Says what the code means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Unexpected => "something unexpected, such as a full disk",
            Self::Usage => "the command line is wrong",
            Self::Invalid => "the manifest or a reference is invalid, or not as it was signed",
            Self::Account => "the key or the balance",
            Self::Incomplete => "finished, but some takes failed, are unsure or lost",
            Self::Capped => "stopped at a cap or at --until with takes left",
            Self::Locked => "another run holds the lock",
            Self::Damaged => "the run log or a file is damaged",
            Self::Interrupted => "interrupted by SIGINT",
            Self::Terminated => "interrupted by SIGTERM",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table of exit codes, for `--help` and the manual page.
pub const TABLE: &str = "\
Exit codes:
    0  done, or nothing to do
    1  something unexpected, such as a full disk
    2  the command line is wrong
    3  the manifest or a reference is invalid, or not as it was signed
    4  the key or the balance
    5  finished, but some takes failed, are unsure or lost
    6  stopped at a cap or at --until with takes left
    7  another run holds the lock
    8  the run log or a file is damaged
  130  interrupted by SIGINT
  143  interrupted by SIGTERM";
