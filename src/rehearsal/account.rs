//! `accountManagement`: what is left of the play money and where it went.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::app::App;
use super::envelope::Refusal;
use super::id::Id;
use super::money::Usd;
use super::switches::BalanceShape;

const LONGEST_USAGE_DAYS: i32 = 30;
const OPERATIONS: [&str; 3] = ["getDetails", "getUsageActivity", "getUsageErrors"];

/// Answers one element.
pub(super) fn answer(app: &App, id: Id, task: &Map<String, Value>) -> Result<Value, Refusal> {
    let refuse = |code| {
        let message = format!("operation has to be one of {}", OPERATIONS.join(", "));
        Refusal::new(400, code, message)
            .about("operation")
            .allowing(&OPERATIONS)
    };
    let operation = task
        .get("operation")
        .ok_or_else(|| refuse("missingOperation"))?;
    let mut fields = match operation.as_str() {
        Some("getDetails") => details(app),
        Some("getUsageActivity") => activity(app, task)?,
        Some("getUsageErrors") => errors(app, task)?,
        _ => return Err(refuse("invalidOperation")),
    };
    fields.insert("taskType".to_owned(), json!("accountManagement"));
    fields.insert("taskUUID".to_owned(), json!(id.to_string()));
    fields.insert("operation".to_owned(), operation.clone());
    Ok(Value::Object(fields))
}

fn details(app: &App) -> Map<String, Value> {
    let memory = app.memory();
    let amount = app.balance(&memory).to_json();
    let balance = match app.switches().balance {
        BalanceShape::Object => json!({ "amount": amount, "freeBalance": 0, "currency": "USD" }),
        BalanceShape::Number => amount,
    };
    let organization = Id::derived(&[b"organization", memory.salt.as_bytes()]);
    let spent = memory.bill.total.to_json();
    object([
        ("organizationName", json!("Rehearsal")),
        ("organizationUUID", json!(organization.to_string())),
        ("team", json!([])),
        (
            "apiKeys",
            json!([{ "name": "rehearsal", "apiKey": "****" }]),
        ),
        (
            "usage",
            json!({ "total": { "credits": spent, "requests": memory.bill.tasks_billed } }),
        ),
        ("balance", balance),
    ])
}

fn activity(app: &App, task: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let (from, to) = period(task)?;
    let memory = app.memory();
    let (mut tasks, mut images, mut spent) = (0_u64, 0_u64, Usd::ZERO);
    for known in memory
        .known()
        .filter(|known| (from..to).contains(&known.at.millis()))
    {
        tasks += u64::from(known.images_billed > 0);
        images += u64::from(known.images_billed);
        spent = spent.plus(known.bill);
    }
    let usage = json!({ "requests": tasks, "images": images, "cost": spent.to_json() });
    Ok(object([("usage", usage)]))
}

fn errors(app: &App, task: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let (from, to) = period(task)?;
    let memory = app.memory();
    let failed = |known: &&super::memory::Task| known.failed;
    let within = |known: &&super::memory::Task| (from..to).contains(&known.at.millis());
    let failed = memory.known().filter(within).filter(failed).count();
    Ok(object([("errors", json!({ "failedTasks": failed }))]))
}

/// Reads the asked days as a span of milliseconds, its end excluded.
fn period(task: &Map<String, Value>) -> Result<(u64, u64), Refusal> {
    let start = day(task, "startDate")?;
    let end = day(task, "endDate")?;
    let days = (end - start).get_days();
    if !(0..=LONGEST_USAGE_DAYS).contains(&days) {
        let message = format!("endDate has to be 0 to {LONGEST_USAGE_DAYS} days after startDate");
        return Err(Refusal::new(400, "invalidEndDate", message).about("endDate"));
    }
    let after = end.tomorrow().unwrap_or(end);
    Ok((millis(start), millis(after)))
}

fn day(task: &Map<String, Value>, key: &str) -> Result<Date, Refusal> {
    let code = |verb| match key {
        "startDate" => format!("{verb}StartDate"),
        _ => format!("{verb}EndDate"),
    };
    let Some(text) = task.get(key) else {
        return Err(Refusal::new(400, code("missing"), format!("{key} is required")).about(key));
    };
    let date = text
        .as_str()
        .and_then(|text| text.get(..10))
        .and_then(|text| text.parse().ok());
    date.ok_or_else(|| {
        let message = format!("{key} has to be a date such as 2026-11-24");
        Refusal::new(400, code("invalid"), message).about(key)
    })
}

fn millis(date: Date) -> u64 {
    let zoned = date.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let millis = zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond());
    u64::try_from(millis).unwrap_or(0)
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
