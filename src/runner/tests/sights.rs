//! What was seen to happen: a simulation that never gets into trouble proves nothing.

/// Something worth seeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Sight {
    Life,
    Crash,
    PowerCut,
    Drain,
    Left,
    LogFailed,
    LogTorn,
    ClockJump,
    Taken,
    Conflict,
    Resend,
    LateRequest,
    Refused,
    TurnedAway,
    Failed,
    Unsure,
    Lost,
    Saved,
    FoundAgain,
    FileGone,
    FileInTheWay,
    Rebuy,
    RetryRefused,
    CapReached,
    AccountStop,
    Partial,
    Edited,
    UploadForgotten,
    LogGone,
    Retaken,
    Adopted,
    Rewritten,
    Searched,
}

impl Sight {
    const COUNT: usize = Self::Searched as usize + 1;

    const ALL: [Self; Self::COUNT] = [
        Self::Life,
        Self::Crash,
        Self::PowerCut,
        Self::Drain,
        Self::Left,
        Self::LogFailed,
        Self::LogTorn,
        Self::ClockJump,
        Self::Taken,
        Self::Conflict,
        Self::Resend,
        Self::LateRequest,
        Self::Refused,
        Self::TurnedAway,
        Self::Failed,
        Self::Unsure,
        Self::Lost,
        Self::Saved,
        Self::FoundAgain,
        Self::FileGone,
        Self::FileInTheWay,
        Self::Rebuy,
        Self::RetryRefused,
        Self::CapReached,
        Self::AccountStop,
        Self::Partial,
        Self::Edited,
        Self::UploadForgotten,
        Self::LogGone,
        Self::Retaken,
        Self::Adopted,
        Self::Rewritten,
        Self::Searched,
    ];
}

/// How often each was seen.
#[derive(Clone, Debug)]
pub(super) struct Sights([u64; Sight::COUNT]);

impl Default for Sights {
    fn default() -> Self {
        Self([0; Sight::COUNT])
    }
}

impl Sights {
    pub(super) fn count(&mut self, sight: Sight) {
        self.0[sight as usize] += 1;
    }

    pub(super) fn of(&self, sight: Sight) -> u64 {
        self.0[sight as usize]
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Gives what was never seen.
    pub(super) fn missing(&self) -> Vec<Sight> {
        let all = Sight::ALL.into_iter();
        all.filter(|sight| self.of(*sight) == 0).collect()
    }
}

impl std::fmt::Display for Sights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (sight, count) in Sight::ALL.iter().zip(self.0) {
            write!(f, " {sight:?} {count}")?;
        }
        Ok(())
    }
}
