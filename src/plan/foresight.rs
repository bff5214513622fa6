//! Foresight: which purchase would pass a cap if everything before it costs its price.

use std::collections::HashMap;

use crate::domain::id::ShotId;
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{Account, Accounts, Caps, OverCap};
use crate::plan::build::Purchase;

/// Money planned so far, held against the caps.
#[derive(Clone, Debug)]
pub struct Foresight {
    accounts: Accounts,
    caps: Caps,
    all: Micros,
    sequences: HashMap<String, Micros>,
    shots: HashMap<ShotId, Micros>,
    /// The cap that stops the run; nothing after it is bought.
    stopped: Option<OverCap>,
}

impl Foresight {
    /// Begins with what the log says is spent and reserved.
    #[must_use]
    pub fn new(ledger: &Ledger, caps: Caps) -> Self {
        let mut accounts = ledger.accounts.clone();
        if !ledger.was_cut_off() {
            // The next run begins an account of its own.
            accounts.run = Account::default();
        }
        Self {
            accounts,
            caps,
            all: Micros::ZERO,
            sequences: HashMap::new(),
            shots: HashMap::new(),
            stopped: None,
        }
    }

    /// Adds the price of a purchase to what is planned and names the cap it would pass.
    pub fn add(&mut self, shot: &ShotId, sequence: Option<&str>, price: Micros) -> Option<OverCap> {
        if let Some(stopped) = &self.stopped {
            let stopped = stopped.clone();
            return Some(OverCap { price, ..stopped });
        }
        let in_shot = self.shots.get(shot).copied().unwrap_or_default();
        let in_sequence = sequence
            .and_then(|name| self.sequences.get(name))
            .copied()
            .unwrap_or_default();
        let left = self.left(in_shot, in_sequence);
        if let Err(over) = self.accounts.allow(&left, shot, sequence, price) {
            // What is planned before it is not to look like a smaller cap.
            let limit = self.caps.of(over.cap).unwrap_or(over.limit);
            let over = OverCap { limit, ..over };
            if over.cap.stops_all() {
                self.stopped = Some(over.clone());
            }
            return Some(over);
        }
        self.all = self.all.plus(price);
        // A list may be long: what no cap asks for is not remembered.
        if self.caps.shot.is_some() {
            self.shots.insert(shot.clone(), in_shot.plus(price));
        }
        if let Some(sequence) = sequence.filter(|_| self.caps.sequence.is_some()) {
            self.sequences
                .insert(sequence.to_owned(), in_sequence.plus(price));
        }
        None
    }

    fn left(&self, in_shot: Micros, in_sequence: Micros) -> Caps {
        let caps = &self.caps;
        let less = |cap: Option<Micros>, planned: Micros| cap.map(|cap| cap.minus(planned));
        let mut plan = caps.plan;
        if let Some(signed) = &mut plan {
            signed.most = signed.most.minus(self.all);
        }
        Caps {
            run: less(caps.run, self.all),
            show: less(caps.show, self.all),
            sequence: less(caps.sequence, in_sequence),
            shot: less(caps.shot, in_shot),
            plan,
        }
    }

    /// Foresees a list of purchases anew, as after some of them were taken out.
    pub fn again(mut self, purchases: &mut [Purchase]) {
        for purchase in purchases {
            let sequence = purchase.sequence.as_deref();
            purchase.over = self
                .add(&purchase.shot, sequence, purchase.price)
                .map(Box::new);
        }
    }
}
