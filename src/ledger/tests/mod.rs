//! What records fold into, over made-up histories.

mod caps;
pub(super) mod fixture;
mod values;
