//! What the room tells, over histories made up record by record.

mod crashes;
mod fixture;
mod formats;
mod live;
mod plans;
mod texts;
