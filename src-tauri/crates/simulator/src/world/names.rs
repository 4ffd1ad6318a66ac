//! Names, all made from the seed: nothing in the world can be recognised by what it is called.

use crate::world::dice::Dice;

const BRANDS: &[&str] = &[
    "alderway",
    "bluecrest",
    "cinderfield",
    "dovetree",
    "eastmoor",
    "fernhall",
    "greyhaven",
    "harrowgate",
    "ironbridge",
    "juniperlane",
    "kestrelpoint",
    "larkspur",
    "millbrook",
    "northgale",
    "oakhurst",
    "pinecrest",
    "quillstone",
    "ravenswood",
    "saltmarsh",
    "thornbury",
    "umberfield",
    "valewood",
    "westerly",
    "yarrowdale",
];
const SUBJECTS: &[&str] = &[
    "orders",
    "quotes",
    "positions",
    "ledger",
    "pricing",
    "margin",
    "risk",
    "portfolio",
    "accounts",
    "sessions",
    "identity",
    "payments",
    "funding",
    "statements",
    "charts",
    "news",
    "alerts",
    "instruments",
    "reference",
    "execution",
    "routing",
    "allocations",
    "reconcile",
    "settlement",
    "fees",
    "tax",
    "audit",
    "reports",
    "watchlists",
    "search",
    "preferences",
    "messages",
    "compliance",
    "surveillance",
    "limits",
    "hedging",
    "custody",
    "dividends",
    "corporate-actions",
    "collateral",
    "fx",
    "treasury",
    "onboarding",
    "valuation",
    "benchmarks",
    "calendar",
];
const TEAMS: &[&str] = &[
    "trading",
    "markets",
    "clients",
    "post-trade",
    "core",
    "money",
    "front-office",
    "back-office",
    "dealing",
    "exchange",
    "platform-apps",
    "retail",
    "institutional",
    "clearing",
];
const API_ENDINGS: &[&str] = &["-api", "-service", "-web", "-http", ""];
const STREAM_ENDINGS: &[&str] = &["-stream", "-push", "-feed", "-live"];
const WORKER_ENDINGS: &[&str] = &["-worker", "-processor", "-consumer", "-handler", "-runner"];
const INNER_ENDINGS: &[&str] = &["-engine", "-svc", "-calc", "-grpc", "-core"];
const STORE_ENDINGS: &[&str] = &["-book", "-store", "-index", "-shard"];
const QUEUE_ENDINGS: &[&str] = &["-queue", "-inbox", "-events", "-jobs", "-in"];
const DEAD_ENDINGS: &[&str] = &["-dlq", "-dead", "-failed", "-undelivered"];

/// The naming habits of one platform.
#[derive(Debug)]
pub struct Names {
    /// One word, lower case: the company.
    pub brand: String,
    /// The public domain, under the reserved `.example`.
    pub domain: String,
    /// Namespaces the services live in.
    pub teams: Vec<String>,
    subjects: Vec<&'static str>,
    api: &'static str,
    stream: &'static str,
    worker: &'static str,
    inner: &'static str,
    store: &'static str,
    queue: &'static str,
    dead: &'static str,
}

impl Names {
    /// Decides the habits.
    pub fn new(dice: &mut Dice) -> Self {
        let brand = dice.choose(BRANDS).to_owned();
        Self {
            domain: format!("{brand}.example"),
            brand,
            teams: dice.draw(TEAMS, 4).into_iter().map(Into::into).collect(),
            subjects: dice.draw(SUBJECTS, SUBJECTS.len()),
            api: dice.choose(API_ENDINGS),
            stream: dice.choose(STREAM_ENDINGS),
            worker: dice.choose(WORKER_ENDINGS),
            inner: dice.choose(INNER_ENDINGS),
            store: dice.choose(STORE_ENDINGS),
            queue: dice.choose(QUEUE_ENDINGS),
            dead: dice.choose(DEAD_ENDINGS),
        }
    }

    /// A subject nobody has yet.
    pub fn subject(&mut self) -> &'static str {
        self.subjects.pop().unwrap_or("spare")
    }

    /// A subject nobody has yet, behind the company's name.
    pub fn branded(&mut self) -> String {
        let subject = self.subject();
        format!("{}-{subject}", self.brand)
    }

    /// The company with a capital.
    #[must_use]
    pub fn title(&self) -> String {
        let mut letters = self.brand.chars();
        letters
            .next()
            .map(|c| c.to_uppercase().chain(letters).collect())
            .unwrap_or_default()
    }

    /// One of these words, the same one every time.
    #[must_use]
    pub fn pick<'a>(&self, words: &[&'a str]) -> &'a str {
        let sum: usize = self.domain.bytes().map(usize::from).sum();
        words.get(sum % words.len().max(1)).copied().unwrap_or("")
    }

    /// Name of a service answering HTTP.
    #[must_use]
    pub fn api(&self, subject: &str) -> String {
        format!("{subject}{}", self.api)
    }

    /// Name of a service holding WebSocket connections.
    #[must_use]
    pub fn stream(&self, subject: &str) -> String {
        format!("{subject}{}", self.stream)
    }

    /// Name of a queue consumer.
    #[must_use]
    pub fn worker(&self, subject: &str) -> String {
        format!("{subject}{}", self.worker)
    }

    /// Name of an inner service.
    #[must_use]
    pub fn inner(&self, subject: &str) -> String {
        format!("{subject}{}", self.inner)
    }

    /// Name of a stateful set.
    #[must_use]
    pub fn store(&self, subject: &str) -> String {
        format!("{subject}{}", self.store)
    }

    /// Name of a queue and of its dead-letter queue.
    #[must_use]
    pub fn queue_pair(&self, subject: &str, fifo: bool) -> (String, String) {
        let end = if fifo { ".fifo" } else { "" };
        (
            format!("{subject}{}{end}", self.queue),
            format!("{subject}{}{}{end}", self.queue, self.dead),
        )
    }
}
