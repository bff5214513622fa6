//! What replies look like: the two lists, and refusals with their fields.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::switches::{ErrorShape, RetryAfter, Switches};

const DOCUMENTATION: &str = "https://runware.ai/docs/platform/errors";

/// Says no to one task, or to the whole request.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    fields: Map<String, Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        let mut fields = Map::new();
        fields.insert("code".to_owned(), Value::String(code.into()));
        fields.insert("message".to_owned(), Value::String(message.into()));
        fields.insert("documentation".to_owned(), json!(DOCUMENTATION));
        Self { status, fields }
    }

    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// Names the parameter it is about, or several.
    pub(super) fn about(self, parameter: impl Into<Value>) -> Self {
        self.with("parameter", parameter)
    }

    pub(super) fn between(self, min: u64, max: u64) -> Self {
        self.with("min", min).with("max", max)
    }

    pub(super) fn allowing(self, values: &[&str]) -> Self {
        self.with("allowedValues", json!(values))
    }

    /// Ties it to the task it is about, with what is known of that.
    pub(super) fn of(mut self, task: &Map<String, Value>) -> Self {
        for field in ["taskUUID", "taskType"] {
            if let Some(Value::String(text)) = task.get(field)
                && !self.fields.contains_key(field)
            {
                self.fields.insert(field.to_owned(), json!(text));
            }
        }
        self
    }

    pub(super) fn code(&self) -> &str {
        self.fields
            .get("code")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    pub(super) fn to_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

/// Collects the answers to one request.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) data: Vec<Value>,
    pub(super) errors: Vec<Refusal>,
    /// Replaces the status that follows from the lists.
    pub(super) status: Option<u16>,
    /// `data` is sent as its one object instead of an array.
    pub(super) lone_object: bool,
}

impl Reply {
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self {
            errors: vec![refusal],
            ..Self::default()
        }
    }

    fn status(&self) -> u16 {
        let first = self.errors.first().map_or(200, |refusal| refusal.status);
        let of_lists = if self.data.is_empty() { first } else { 200 };
        self.status.unwrap_or(of_lists)
    }

    fn body(mut self, shape: ErrorShape) -> Value {
        let errors: Vec<Value> = self.errors.iter().map(Refusal::to_json).collect();
        let no_data = self.data.is_empty();
        let data = match self.data.pop() {
            Some(only) if self.lone_object && self.data.is_empty() => only,
            last => Value::Array(self.data.into_iter().chain(last).collect()),
        };
        match (errors.first(), shape) {
            (None, _) => json!({ "data": data }),
            (Some(first), ErrorShape::SingleError) if no_data => json!({ "error": first }),
            (Some(_), ErrorShape::ErrorsOnly) if no_data => json!({ "errors": errors }),
            (Some(_), _) => json!({ "data": data, "errors": errors }),
        }
    }

    pub(super) fn into_response(self, switches: &Switches) -> Response {
        let status = self.status();
        let failed = self.data.is_empty() && !self.errors.is_empty();
        let mut response = match switches.error_shape {
            ErrorShape::Html if failed => page(status),
            ErrorShape::Empty if failed => empty(status),
            shape => json_bytes(status, self.body(shape).to_string().into_bytes()),
        };
        if matches!(status, 429 | 503) {
            add_retry_after(&mut response, switches.retry_after);
        }
        response
    }
}

fn add_retry_after(response: &mut Response, retry_after: RetryAfter) {
    let text = match retry_after {
        RetryAfter::None => return,
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(seconds) => http_date(seconds),
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
}

/// Gives the moment some seconds ahead as HTTP writes dates.
fn http_date(seconds_ahead: u64) -> String {
    let ahead = jiff::SignedDuration::from_secs(i64::try_from(seconds_ahead).unwrap_or(0));
    let moment = jiff::Timestamp::now()
        .checked_add(ahead)
        .unwrap_or(jiff::Timestamp::MAX);
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Gives a reply without a body.
pub(super) fn empty(status: u16) -> Response {
    with_status(status, Response::new(Body::empty()))
}

/// Gives the kind of page a proxy puts before an API.
pub(super) fn page(status: u16) -> Response {
    let text = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1>\
         </center>\r\n<hr><center>rehearsal proxy</center>\r\n</body>\r\n</html>\r\n"
    );
    typed(status, "text/html", text.into())
}

pub(super) fn json_bytes(status: u16, bytes: Vec<u8>) -> Response {
    typed(status, "application/json", bytes.into())
}

pub(super) fn typed(status: u16, mime: &'static str, body: Body) -> Response {
    let mut response = with_status(status, Response::new(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    response
}

fn with_status(status: u16, mut response: Response) -> Response {
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Refusal, Reply};
    use crate::rehearsal::switches::ErrorShape;

    fn refusal() -> Refusal {
        Refusal::new(402, "insufficientCredits", "no").about("balance")
    }

    #[test]
    fn data_outweighs_errors_in_the_status() {
        assert_eq!(Reply::refused(refusal()).status(), 402);
        let mixed = Reply {
            data: vec![json!({})],
            errors: vec![refusal()],
            ..Reply::default()
        };
        assert_eq!(mixed.status(), 200);
        assert_eq!(Reply::default().status(), 200);
    }

    #[test]
    fn shapes_keep_data() {
        let mixed = Reply {
            data: vec![json!(1)],
            errors: vec![refusal()],
            ..Reply::default()
        };
        let body = mixed.body(ErrorShape::SingleError);
        assert_eq!(body["data"], json!([1]));
        let lone = Reply::refused(refusal()).body(ErrorShape::SingleError);
        assert_eq!(lone["error"]["code"], "insufficientCredits");
        let lone = Reply {
            data: vec![json!(1)],
            lone_object: true,
            ..Reply::default()
        };
        assert_eq!(lone.body(ErrorShape::default()), json!({ "data": 1 }));
    }
}
