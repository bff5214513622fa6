//! How the bill check is spelled where it only counts.

use serde::Serialize;

use crate::ledger::bills::{Bills, Tally};

/// Where charges, files and prices do not meet; `report` names the takes.
#[derive(Serialize)]
pub(super) struct BillCheckJson {
    clean: bool,
    paid_without_file: TallyJson,
    file_without_charge: TallyJson,
    cost_assumed: TallyJson,
    price_unlike_listed: TallyJson,
    listed_usd_micros: u64,
    reserved_by_unsure: TallyJson,
    reserved_by_failed: TallyJson,
}

#[derive(Serialize)]
struct TallyJson {
    takes: u64,
    usd_micros: u64,
}

impl From<&Tally> for TallyJson {
    fn from(tally: &Tally) -> Self {
        Self {
            takes: tally.takes,
            usd_micros: tally.money.get(),
        }
    }
}

impl From<&Bills> for BillCheckJson {
    fn from(bills: &Bills) -> Self {
        Self {
            clean: bills.is_clean(),
            paid_without_file: (&bills.paid_without_file).into(),
            file_without_charge: (&bills.file_without_charge).into(),
            cost_assumed: (&bills.cost_assumed).into(),
            price_unlike_listed: (&bills.unlike_listed).into(),
            listed_usd_micros: bills.listed.get(),
            reserved_by_unsure: (&bills.unsure).into(),
            reserved_by_failed: (&bills.failed).into(),
        }
    }
}
