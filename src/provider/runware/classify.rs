//! What the API's error codes mean.
//!
//! The codes are hundreds and change, so they are matched by pattern, without case and without
//! punctuation. The codes are those of runware.ai/docs/platform/errors and of the vendor's own
//! clients.

use crate::domain::class::Class;

/// What an error means: the first line of the table that fits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Runware's own account at the model's maker is in trouble; it reads like the user's.
    UpstreamAccount,
    /// Key, rights or balance.
    Account,
    /// The id was used before.
    Conflict,
    /// Busy or briefly broken.
    Transient,
    /// A safety check.
    Safety,
    /// The request is wrong.
    Request,
    /// A reference could not be read.
    Reference,
    /// The model's maker refused or failed; its words tell which, as far as anything does.
    Maker(Class),
    /// It was accepted and no image came of it.
    Upstream,
    /// The task is not known, which is not to say that it never was.
    NotKnown,
    /// Nothing that is understood.
    Unknown,
}

impl Verdict {
    /// Gives the class of an error that answers a request.
    pub(super) const fn class(self) -> Class {
        match self {
            Self::UpstreamAccount | Self::Transient => Class::Transient,
            Self::Account => Class::Account,
            Self::Safety => Class::Safety,
            Self::Request => Class::Request,
            Self::Reference => Class::Reference,
            Self::Maker(class) => class,
            Self::Upstream => Class::Upstream,
            Self::Conflict | Self::NotKnown | Self::Unknown => Class::Unknown,
        }
    }

    /// Gives the class of an error that ended a task after it was accepted.
    pub(super) const fn class_after_acceptance(self) -> Class {
        match self {
            Self::UpstreamAccount | Self::Transient => Class::Upstream,
            other => other.class(),
        }
    }
}

/// Reads a code; `http` is the status of the reply it came in, `words` what it says to people.
///
/// For an error that ended a task after its acceptance the status says nothing: give 200.
pub(super) fn verdict(code: &str, http: u16, words: &str) -> Verdict {
    let code: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let code = code.as_str();
    if is_upstream_account(code) {
        Verdict::UpstreamAccount
    } else if is_account(code) || matches!(http, 401..=403) {
        Verdict::Account
    } else if code == "conflicttaskuuid" {
        Verdict::Conflict
    } else if contains_any(code, TRANSIENT) || matches!(http, 408 | 429 | 500..=599) {
        Verdict::Transient
    } else if SAFETY.contains(&code) {
        Verdict::Safety
    } else if starts_with_any(code, REQUEST_PREFIXES) || REQUEST.contains(&code) {
        Verdict::Request
    } else if REFERENCE.contains(&code) {
        Verdict::Reference
    } else if MAKER.contains(&code) {
        Verdict::Maker(if reads_like_moderation(words) {
            Class::Safety
        } else {
            Class::Upstream
        })
    } else if code.contains("timeout") || UPSTREAM.contains(&code) {
        Verdict::Upstream
    } else if NOT_KNOWN.contains(&code) || code.starts_with("media") {
        Verdict::NotKnown
    } else {
        Verdict::Unknown
    }
}

const UPSTREAM_PREFIXES: &[&str] = &["provider", "thirdparty"];
const UPSTREAM_ACCOUNT: &[&str] = &[
    "credits",
    "apikey",
    "auth",
    "credential",
    "quota",
    "balance",
    "unauthorized",
    "forbidden",
    "permission",
];
const ACCOUNT: &[&str] = &[
    "apikey",
    "credits",
    "quota",
    "balance",
    "authentication",
    "credentials",
];
const ACCOUNT_EXACT: &[&str] = &[
    "unauthorized",
    "forbidden",
    "permissiondenied",
    "insufficientpermissions",
    "paymentrequired",
];
const ACCOUNT_PREFIXES: &[&str] = &["auth", "token"];
const ACCOUNT_OWNERS: &[&str] = &["account", "organization", "workspace"];
const ACCOUNT_STATES: &[&str] = &["suspended", "disabled"];
const TRANSIENT: &[&str] = &[
    "ratelimit",
    "noavailableserver",
    "modelunavailable",
    "modelnotready",
    "serviceunavailable",
    "internalservererror",
];
const SAFETY: &[&str] = &[
    "contentpolicyviolation",
    "providercontentpolicyviolation",
    "sensitivecontentdetected",
    "unsafecontentdetected",
    "nsfwcontentdetected",
    "promptblocked",
    "imageblocked",
    "moderationfailed",
];
const REQUEST: &[&str] = &["incompatibleparameters", "unknownmodel", "modeldisabled"];
const REQUEST_PREFIXES: &[&str] = &[
    "invalid",
    "missing",
    "duplicate",
    "unsupported",
    "max",
    "value",
    "array",
];
const REFERENCE: &[&str] = &["failedtotransferimage", "downloadfailed"];
const MAKER: &[&str] = &["providerbadrequest", "providererror"];
const UPSTREAM: &[&str] = &["inferenceerror", "processingfailed", "taskfailed"];
const NOT_KNOWN: &[&str] = &["tasknotfound", "taskfailedornotfound", "taskexpired"];
const MODERATION_WORDS: &[&str] = &["rejected", "refused", "policy", "sensitive", "risk"];

fn is_upstream_account(code: &str) -> bool {
    starts_with_any(code, UPSTREAM_PREFIXES) && contains_any(code, UPSTREAM_ACCOUNT)
}

fn is_account(code: &str) -> bool {
    contains_any(code, ACCOUNT)
        || ACCOUNT_EXACT.contains(&code)
        || starts_with_any(code, ACCOUNT_PREFIXES)
        || (starts_with_any(code, ACCOUNT_OWNERS) && contains_any(code, ACCOUNT_STATES))
}

fn reads_like_moderation(words: &str) -> bool {
    contains_any(&words.to_ascii_lowercase(), MODERATION_WORDS)
}

fn contains_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

fn starts_with_any(text: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(Verdict, &[&str])] = &[
        (
            Verdict::UpstreamAccount,
            &[
                "providerInsufficientCredits",
                "thirdPartyCreditsExhausted",
                "providerAuthenticationFailed",
                "providerInvalidApiKey",
                "providerQuotaExceeded",
            ],
        ),
        (
            Verdict::Account,
            &[
                "invalidApiKey",
                "missingApiKey",
                "insufficientCredits",
                "quotaExceeded",
                "lowBalance",
                "failedAuthentication",
                "badCredentials",
                "unauthorized",
                "forbidden",
                "permissionDenied",
                "insufficientPermissions",
                "authExpired",
                "tokenExpired",
                "paymentRequired",
                "accountSuspended",
                "organizationDisabled",
                "workspaceSuspended",
            ],
        ),
        (Verdict::Conflict, &["conflictTaskUUID"]),
        (
            Verdict::Transient,
            &[
                "providerRateLimitExceeded",
                "rateLimitExceeded",
                "noAvailableServer",
                "modelUnavailable",
                "modelNotReady",
                "serviceUnavailable",
                "internalServerError",
            ],
        ),
        (
            Verdict::Safety,
            &[
                "contentPolicyViolation",
                "providerContentPolicyViolation",
                "sensitiveContentDetected",
                "unsafeContentDetected",
                "nsfwContentDetected",
                "promptBlocked",
                "imageBlocked",
                "moderationFailed",
            ],
        ),
        (
            Verdict::Request,
            &[
                "unsupportedParameter",
                "unsupportedDimensions",
                "invalidWidth",
                "invalidPositivePrompt",
                "invalidReferenceImages",
                "invalidTaskUUID",
                "missingModel",
                "duplicateTask",
                "maxResultsExceeded",
                "valueTooLarge",
                "arrayTooLong",
                "incompatibleParameters",
                "unknownModel",
                "modelDisabled",
            ],
        ),
        (
            Verdict::Reference,
            &["failedToTransferImage", "downloadFailed"],
        ),
        (
            Verdict::Upstream,
            &[
                "timeoutProvider",
                "taskTimeout",
                "inferenceError",
                "processingFailed",
                "taskFailed",
            ],
        ),
        (
            Verdict::NotKnown,
            &[
                "taskNotFound",
                "taskFailedOrNotFound",
                "taskExpired",
                "mediaNotFound",
            ],
        ),
        (Verdict::Unknown, &["", "somethingNew", "notFound"]),
    ];

    #[test]
    fn every_line_of_the_table() {
        for &(expected, codes) in TABLE {
            for code in codes {
                assert_eq!(verdict(code, 400, ""), expected, "{code}");
                assert_eq!(verdict(&code.to_uppercase(), 400, ""), expected, "{code}");
            }
        }
    }

    #[test]
    fn a_maker_may_hide_moderation() {
        let refused = verdict("providerBadRequest", 400, "The prompt was Rejected");
        assert_eq!(refused, Verdict::Maker(Class::Safety));
        let failed = verdict("providerError", 400, "upstream hiccup");
        assert_eq!(failed, Verdict::Maker(Class::Upstream));
    }

    #[test]
    fn the_status_speaks_where_the_code_does_not() {
        for http in [401, 402, 403] {
            assert_eq!(verdict("", http, ""), Verdict::Account);
        }
        for http in [408, 429, 500, 502, 503, 504] {
            assert_eq!(verdict("timeoutProvider", http, ""), Verdict::Transient);
        }
        assert_eq!(
            verdict("providerInsufficientCredits", 402, ""),
            Verdict::UpstreamAccount
        );
        assert_eq!(verdict("conflictTaskUUID", 429, ""), Verdict::Conflict);
        assert_eq!(verdict("", 404, ""), Verdict::Unknown);
    }

    #[test]
    fn after_acceptance_nothing_is_merely_busy() {
        assert_eq!(Verdict::Transient.class_after_acceptance(), Class::Upstream);
        assert_eq!(
            Verdict::UpstreamAccount.class_after_acceptance(),
            Class::Upstream
        );
        assert_eq!(Verdict::Safety.class_after_acceptance(), Class::Safety);
        assert_eq!(Verdict::Unknown.class_after_acceptance(), Class::Unknown);
    }
}
