//! The most tasks in flight: halved when the provider is overloaded, raised while it is not.

/// The most windows without trouble that are waited for before the limit is raised past the number
/// at which the provider turned tasks away.
const MOST_PATIENCE: usize = 4;

/// The most tasks in flight, between one and what was asked for.
///
/// It begins at what was asked for. Below the number of tasks that the provider was seen to hold
/// when it last turned one away, every task it takes or finishes raises the limit by one; past that number a
/// whole window of tasks has to be taken first, and more windows each time the provider turns
/// tasks away at the same number again. So a fixed bound on the other side costs little: it is run
/// into ever more rarely, and what halving gave up is back within one round trip.
#[derive(Debug)]
pub(super) struct Limit {
    most: usize,
    now: usize,
    lowest: usize,
    /// The most tasks that the provider held, as far as is known, since it last turned one away.
    ceiling: usize,
    /// Tasks taken since the limit last moved past the ceiling.
    clean: usize,
    /// Windows to wait before the limit moves past the ceiling.
    patience: usize,
    /// How far it moves then: doubled each time that goes well.
    step: usize,
}

impl Limit {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            now: most,
            lowest: most,
            ceiling: most,
            clean: 0,
            patience: 1,
            step: 1,
        }
    }

    pub(super) const fn now(&self) -> usize {
        self.now
    }

    pub(super) const fn most(&self) -> usize {
        self.most
    }

    pub(super) const fn lowest(&self) -> usize {
        self.lowest
    }

    /// Notes how many tasks the provider holds.
    pub(super) fn held(&mut self, held: usize) {
        if held > self.ceiling {
            self.ceiling = held;
            self.patience = 1;
        }
    }

    /// Raises the limit because a task was taken that was sent under it.
    ///
    /// `in_flight` says how far the limit is made use of: one that is not proves nothing.
    pub(super) fn taken(&mut self, in_flight: usize) {
        if self.now >= self.most || in_flight.saturating_mul(2) < self.now {
            return;
        }
        if self.now < self.ceiling {
            self.finished();
            return;
        }
        self.clean += 1;
        if self.clean >= self.now.saturating_mul(self.patience) {
            self.held(self.now);
            self.now = self.now.saturating_add(self.step).min(self.most);
            self.step = self.step.saturating_mul(2);
            self.clean = 0;
        }
    }

    /// Gives back a part of what halving took, because a task was finished.
    pub(super) fn finished(&mut self) {
        if self.now < self.ceiling.min(self.most) {
            self.now += 1;
        }
    }

    /// Halves the limit because a task was turned away while that many others were in flight.
    pub(super) fn turned_away(&mut self, others: usize) {
        let same = others >= self.ceiling;
        self.ceiling = others.max(1);
        self.patience = if same {
            self.patience.saturating_mul(2).min(MOST_PATIENCE)
        } else {
            1
        };
        self.halve();
    }

    /// Notes that another task of the same round trip was turned away: so many did not fit.
    pub(super) fn turned_away_too(&mut self, others: usize) {
        self.ceiling = self.ceiling.min(others.max(1));
    }

    /// Halves the limit because the provider is slow, which tells of no number it can hold.
    pub(super) fn slow(&mut self) {
        self.halve();
        self.ceiling = self.now;
        self.patience = 1;
    }

    fn halve(&mut self) {
        self.now = (self.now / 2).max(1);
        self.lowest = self.lowest.min(self.now);
        self.clean = 0;
        self.step = 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Sign {
        Taken { in_flight: usize, held: usize },
        TurnedAway { held: usize },
        Slow,
    }

    fn signs() -> impl Strategy<Value = Vec<Sign>> {
        let sign = prop_oneof![
            6 => (0..200_usize, 0..200_usize)
                .prop_map(|(in_flight, held)| Sign::Taken { in_flight, held }),
            1 => (0..200_usize).prop_map(|held| Sign::TurnedAway { held }),
            1 => Just(Sign::Slow),
        ];
        proptest::collection::vec(sign, 0..400)
    }

    proptest! {
        #[test]
        fn it_stays_between_one_and_what_was_asked_for(most in 0..130_usize, signs in signs()) {
            let mut limit = Limit::new(most);
            for sign in signs {
                let before = limit.now();
                match sign {
                    Sign::Taken { in_flight, held } => {
                        limit.held(held);
                        limit.taken(in_flight);
                        prop_assert!(limit.now() >= before);
                    }
                    Sign::TurnedAway { held } => {
                        limit.turned_away(held);
                        prop_assert_eq!(limit.now(), (before / 2).max(1));
                    }
                    Sign::Slow => {
                        limit.slow();
                        prop_assert_eq!(limit.now(), (before / 2).max(1));
                    }
                }
                prop_assert!((1..=most.max(1)).contains(&limit.now()));
                prop_assert!(limit.lowest() <= limit.now());
            }
        }

        #[test]
        fn it_comes_back_to_what_was_asked_for(most in 1..130_usize, signs in signs()) {
            let mut limit = Limit::new(most);
            for sign in signs {
                match sign {
                    Sign::Taken { in_flight, .. } => limit.taken(in_flight),
                    Sign::TurnedAway { held } => limit.turned_away(held),
                    Sign::Slow => limit.slow(),
                }
            }
            // The longest way: a first step after four windows, then ever larger ones.
            for _ in 0..130 * (MOST_PATIENCE + 8) * 8 {
                limit.held(limit.now());
                limit.taken(limit.now());
            }
            prop_assert_eq!(limit.now(), most);
        }
    }

    #[test]
    fn what_halving_gave_up_is_back_within_a_round_trip() {
        let mut limit = Limit::new(64);
        limit.turned_away(32);
        assert_eq!((limit.now(), limit.lowest()), (32, 32));
        limit.turned_away(32);
        assert_eq!(limit.now(), 16);
        for _ in 0..16 {
            limit.taken(limit.now());
        }
        assert_eq!(limit.now(), 32);
    }

    #[test]
    fn a_bound_is_run_into_ever_more_rarely() {
        let mut limit = Limit::new(64);
        let mut waits = Vec::new();
        let mut taken = 0;
        limit.turned_away(8);
        while waits.len() < 7 {
            if limit.now() > 8 && taken > 0 {
                limit.turned_away(8);
                waits.push(taken / 8);
                taken = 0;
            } else {
                limit.taken(limit.now());
                taken += 1;
            }
        }
        assert!(waits[1..].is_sorted(), "{waits:?}");
        assert!(waits.last() == Some(&4), "{waits:?}");
    }

    #[test]
    fn a_slow_provider_is_not_pressed_at_once_again() {
        let mut limit = Limit::new(64);
        limit.slow();
        for _ in 0..31 {
            limit.taken(32);
        }
        assert_eq!(limit.now(), 32);
        limit.taken(32);
        assert_eq!(limit.now(), 33);
    }
}
