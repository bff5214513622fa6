//! Where the prices of a plan come from.

use std::collections::BTreeMap;

use crate::domain::money::Micros;
use crate::expand::request::AskedSize;
use crate::expand::wanted::Wanted;
use crate::ledger::fold::Ledger;
use crate::plan::build::price;

/// The prices that a plan reckons with, one for each model and size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<(&'static str, String), Price>);

/// What one image is reckoned at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// The model's name for people.
    pub model: &'static str,
    /// The amount.
    pub amount: Micros,
    /// Where it comes from.
    pub basis: Basis,
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// It was billed for this model and size before, and nothing dearer was.
    Billed,
    /// It is listed for this model.
    Listed,
    /// It is read into a list that does not say it for this size.
    Assumed,
}

impl Basis {
    /// Gives the word for people and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Billed => "billed before",
            Self::Listed => "listed",
            Self::Assumed => "assumed",
        }
    }
}

impl Prices {
    /// Notes the price of what one shot and variant asks for, and gives it.
    pub fn add(&mut self, ledger: &Ledger, wanted: &Wanted) -> Price {
        let model = wanted.request.model;
        let size = size(wanted.request.size);
        if let Some(known) = self.0.get(&(model.id, size.clone())) {
            return *known;
        }
        let amount = price(ledger, wanted);
        let basis = if ledger.dearest(model.id, &size) == Some(amount) {
            Basis::Billed
        } else if model.price_is_assumed {
            Basis::Assumed
        } else {
            Basis::Listed
        };
        let price = Price {
            model: model.name,
            amount,
            basis,
        };
        self.0.insert((model.id, size), price);
        price
    }

    /// Gives each model's id and size with its price, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str, Price)> {
        let prices = self.0.iter();
        prices.map(|((model, size), price)| (*model, size.as_str(), *price))
    }
}

/// Spells a size as the ledger remembers prices by.
#[must_use]
pub fn size(size: AskedSize) -> String {
    match size {
        AskedSize::Exact(width, height) => format!("{width}x{height}"),
        AskedSize::LikeReference(tier) => tier.word().to_owned(),
    }
}
