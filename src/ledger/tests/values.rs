//! What the numbers of variants stood for.

use crate::domain::id::{TaskId, Variant};
use crate::ledger::fold::Ledger;
use crate::ledger::record::Record;
use crate::ledger::tests::fixture::deal;

#[test]
fn a_number_stands_for_the_values_it_was_bought_with_last() {
    let mut ledger = Ledger::default();
    for (take, look) in [(1, "dusk"), (2, "dawn"), (3, "dusk")] {
        let mut intent = deal(take, 1).intent("run", 0);
        intent.variant = Variant(2);
        intent.task = TaskId::parse(&format!("00000000-0000-4000-8000-00000000000{take}"))
            .expect("a task id");
        intent.made.values = vec![("look".to_owned(), look.to_owned())];
        let foreseen = ledger.foresee(&Record::Intent(Box::new(intent)));
        assert_eq!(foreseen, Ok(()));
    }
    let (_, numbers) = ledger.varied().next().expect("a shot that varies");
    let looks: Vec<_> = numbers[&Variant(2)]
        .iter()
        .map(|values| values[0].1.as_str())
        .collect();
    assert_eq!(looks, ["dawn", "dusk"]);
}
