//! The account, as far as a person wants to know of it before buying.

use crate::domain::money::Micros;
use crate::provider::runware::json::Fields;

/// What the API tells of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The organization it belongs to.
    pub organization: Option<String>,
    /// What is left to spend; nothing is left of a balance below zero.
    pub balance: Option<Micros>,
    /// What of it was given free, where that is told apart.
    pub free: Option<Micros>,
    /// The currency, where it is named.
    pub currency: Option<String>,
}

impl Account {
    /// Reads the entry; `balance` is a number or an object, both per the vendor's docs.
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        let text = |from: &Fields<'_>, name| from.text(name).map(std::borrow::Cow::into_owned);
        let inner = fields.raw("balance").and_then(Fields::read);
        let inner = inner.unwrap_or_default();
        Self {
            organization: text(fields, "organizationName"),
            balance: fields.money("balance").or_else(|| inner.money("amount")),
            free: inner.money("freeBalance"),
            currency: text(&inner, "currency"),
        }
    }
}
