//! Where a purchase's request comes from.

use crate::domain::id::Variant;
use crate::expand::wanted::Wanted;

/// Works out what a purchase asks for, from the same manifest the plan was made from.
///
/// Pure: it is called again for every send, so that a plan need not hold every prompt.
pub trait Orders: Send + Sync + 'static {
    /// Gives what is wanted of a shot, by its place in the manifest's list, and a variant.
    fn wanted(&self, shot_index: usize, variant: Variant) -> Option<Wanted>;
}
