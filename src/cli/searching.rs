//! Before the first run of a new log: what an earlier log of the show told of is searched for.

use crate::cli::exit::Exit;
use crate::cli::planning;
use crate::cli::show::{Show, Stopped};
use crate::cli::streams::Streams;
use crate::domain::class::{Class, Trouble};
use crate::domain::id::{RunId, ShowId};
use crate::journal::Journal;
use crate::ledger::fold::Ledger;
use crate::provider::Provider;
use crate::report::style::count;
use crate::runner::outcome::RunEnd;
use crate::runner::search::{self, Found, Ground};

/// What a search is made for and with.
pub struct Case<'a> {
    /// The show.
    pub show: &'static Show,
    /// Its id.
    pub id: &'a ShowId,
    /// The run that begins.
    pub run: &'a RunId,
    /// Its log.
    pub journal: &'a Journal,
    /// Where to tell.
    pub streams: &'a Streams,
}

/// What came of a search.
pub enum Searched {
    /// Nothing was found.
    Nothing,
    /// So much was found and written down that the plan has to be made anew.
    TakenOver,
    /// The provider cannot be asked: nothing may be bought.
    NotAsked(RunEnd),
}

impl Case<'_> {
    /// Searches, and writes down what is found: in the log, and in the numbers of variants.
    ///
    /// # Errors
    /// Ends with [`Exit::Unexpected`] where the log does not take it.
    pub async fn search<P: Provider>(
        &self,
        provider: &P,
        ledger: &mut Ledger,
    ) -> Result<Searched, Stopped> {
        let (show, streams) = (self.show, self.streams);
        let ground = Ground {
            show: self.id,
            ledger,
            shots: show.expansion.shots().len(),
            wanted: &|index| show.expansion.wanted(index).unwrap_or_default(),
            poll_batch: usize::try_from(show.manifest.run.poll_batch).unwrap_or(1),
            retries: show.manifest.run.retries,
            going_on: &|| {
                streams.say(
                    "searching: the provider knows takes of this show that its run log does not \
                     tell of; it is asked about every shot, free of charge\n",
                );
            },
        };
        let found = match search::search(provider, &ground).await {
            Ok(found) => found,
            Err(trouble) => return Ok(Searched::NotAsked(end(trouble))),
        };
        if found.is_empty() {
            return Ok(Searched::Nothing);
        }
        self.renumber(&found, ledger);
        let taken = search::take_over(self.journal, ledger, &found, &show, self.run).await;
        let taken = taken.map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Unexpected
        })?;
        streams.say(&format!(
            "found: {} bought before; they count, and are fetched free of charge\n",
            count(taken as u64, "task")
        ));
        Ok(Searched::TakenOver)
    }

    /// Gives variants the numbers that they were bought under.
    fn renumber(&self, found: &[Found], ledger: &Ledger) {
        let mut numbers = planning::numbers(self.show, ledger);
        for found in found {
            numbers.add(&found.shot, found.number());
        }
        self.show.expansion.learn(numbers);
    }
}

fn end(trouble: Trouble) -> RunEnd {
    if trouble.class == Class::Account {
        RunEnd::Account(trouble)
    } else {
        RunEnd::Unreachable(trouble)
    }
}
