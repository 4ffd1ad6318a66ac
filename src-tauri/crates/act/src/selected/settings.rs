//! Settings of a selected redrive.

use super::edit::Edit;
use super::filter::Filter;
use crate::action::PlanError;
use crate::redrive::Settings as Whole;
use crate::shelf::Shelf;
use std::collections::BTreeMap;

/// Messages per second when nothing is asked.
pub(crate) const DEFAULT_RATE: i64 = 50;
/// The fastest that can be asked for. A FIFO queue takes 3,000 messages a second in batches (SQS
/// Developer Guide, "Amazon SQS message quotas").
pub(crate) const MAX_RATE: i64 = 3_000;
/// Lanes when nothing is asked.
pub(crate) const DEFAULT_LANES: i64 = 4;
/// The most lanes.
pub(crate) const MAX_LANES: i64 = 32;
/// Messages the canary sends before the rest follows.
pub(crate) const DEFAULT_CANARY: i64 = 20;
const MAX_CANARY: i64 = 500;
const MAX_LIMIT: i64 = 1_000_000;
/// Seconds a message can be hidden (ReceiveMessage, "VisibilityTimeout").
const HIDE: std::ops::RangeInclusive<i64> = 10..=43_200;
/// What a filter may be long.
pub(crate) const LONGEST: usize = 4_000;
const KNOWN: &str =
    "where, limit, rate, concurrency, canary, destination, visibility, edit, shape and from";

/// Where the messages are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The queue itself.
    Queue,
    /// What a run sent out of it, to be put back; empty: its last run.
    Ledger(String),
    /// An export of it, to be put back; empty: its last one.
    Export(String),
}

/// What was asked for, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) filter: Filter,
    /// The filter as written.
    pub(crate) filter_text: String,
    pub(crate) limit: Option<i64>,
    pub(crate) rate: i64,
    pub(crate) lanes: i64,
    pub(crate) canary: Option<i64>,
    /// As a native redrive reads it.
    pub(crate) destination: String,
    pub(crate) visibility: Option<i64>,
    pub(crate) edit: Option<Edit>,
    pub(crate) edit_text: String,
    pub(crate) free_shape: bool,
    pub(crate) from: From,
}

fn bad(name: &'static str, value: &str, why: impl Into<String>) -> PlanError {
    PlanError::BadSetting {
        name,
        value: value.chars().take(200).collect(),
        why: why.into(),
    }
}

impl Settings {
    pub(crate) fn parse(asked: &BTreeMap<String, String>) -> Result<Self, PlanError> {
        let known = [
            "where",
            "limit",
            "rate",
            "concurrency",
            "canary",
            "destination",
            "visibility",
            "edit",
            "shape",
            "from",
        ];
        if let Some(name) = asked.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(PlanError::NoSuchSetting {
                verb: "redrive-selected",
                name: name.clone(),
                known: KNOWN,
            });
        }
        let text = |name: &str, default: &str| {
            asked
                .get(name)
                .map_or_else(|| default.to_owned(), |v| v.trim().to_owned())
        };
        let filter_text = text("where", "all");
        let free_shape = shape(&text("shape", "keep"))?;
        let edit_text = text("edit", "");
        Ok(Self {
            filter: filter(&filter_text)?,
            limit: number("limit", &text("limit", "all"), 1, MAX_LIMIT, Some("all"))?,
            rate: whole("rate", &text("rate", &DEFAULT_RATE.to_string()), MAX_RATE)?,
            lanes: whole(
                "concurrency",
                &text("concurrency", &DEFAULT_LANES.to_string()),
                MAX_LANES,
            )?,
            canary: number(
                "canary",
                &text("canary", &DEFAULT_CANARY.to_string()),
                1,
                MAX_CANARY,
                Some("off"),
            )?,
            destination: text("destination", "source"),
            visibility: number(
                "visibility",
                &text("visibility", "auto"),
                *HIDE.start(),
                *HIDE.end(),
                Some("auto"),
            )?,
            edit: edit(&edit_text, free_shape)?,
            from: from(&text("from", "queue"))?,
            filter_text,
            edit_text,
            free_shape,
        })
    }

    /// With what "the last one" is on the shelf.
    pub(crate) fn resolved(mut self, shelf: &Shelf) -> Self {
        if let (From::Ledger(run), Some(last)) = (&mut self.from, shelf.ledgers.last())
            && run.is_empty()
        {
            run.clone_from(&last.run);
        }
        if let (From::Export(path), Some(last)) = (&mut self.from, &shelf.export)
            && path.is_empty()
        {
            *path = last.path.display().to_string();
        }
        self
    }

    /// The destination as a native redrive's settings.
    pub(crate) fn whole(&self) -> Result<Whole, PlanError> {
        let asked = [("destination".to_owned(), self.destination.clone())];
        Whole::parse(&asked.into_iter().collect())
    }

    /// The native redrive that goes as fast, as far as SQS's own goes.
    pub(crate) fn paced(&self) -> Result<Whole, PlanError> {
        let mut whole = self.whole()?;
        whole.rate =
            i32::try_from(self.rate).map_or(whole.rate, |rate| rate.min(crate::redrive::MAX_RATE));
        whole.canary = self.canary;
        Ok(whole)
    }

    /// With defaults filled in, as a `qd` line needs them.
    pub(crate) fn filled(&self, destination: &str) -> BTreeMap<String, String> {
        let or = |n: Option<i64>, word: &str| n.map_or_else(|| word.to_owned(), |n| n.to_string());
        let from = match &self.from {
            From::Queue => "queue".to_owned(),
            From::Ledger(run) => format!("ledger:{run}"),
            From::Export(path) => format!("export:{path}"),
        };
        let mut all = vec![
            ("where", self.filter_text.clone()),
            ("limit", or(self.limit, "all")),
            ("rate", self.rate.to_string()),
            ("concurrency", self.lanes.to_string()),
            ("canary", or(self.canary, "off")),
            ("destination", destination.to_owned()),
            ("visibility", or(self.visibility, "auto")),
            ("from", from),
        ];
        if self.edit.is_some() {
            let shape = if self.free_shape { "free" } else { "keep" };
            all.extend([
                ("edit", self.edit_text.clone()),
                ("shape", shape.to_owned()),
            ]);
        }
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        all.into_iter().map(owned).collect()
    }
}

fn filter(text: &str) -> Result<Filter, PlanError> {
    if text.len() > LONGEST {
        return Err(bad(
            "where",
            text,
            format!("it is longer than {LONGEST} characters"),
        ));
    }
    Filter::parse(text).map_err(|misread| bad("where", text, misread.to_string()))
}

fn edit(text: &str, free: bool) -> Result<Option<Edit>, PlanError> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > LONGEST {
        return Err(bad(
            "edit",
            text,
            format!("it is longer than {LONGEST} characters"),
        ));
    }
    let edit = Edit::parse(text, free).map_err(|misread| bad("edit", text, misread.to_string()))?;
    Ok(Some(edit))
}

fn shape(text: &str) -> Result<bool, PlanError> {
    match text {
        "keep" => Ok(false),
        "free" => Ok(true),
        _ => Err(bad(
            "shape",
            text,
            "give keep, or free when the body may become of another shape",
        )),
    }
}

fn from(text: &str) -> Result<From, PlanError> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("queue", "") => Ok(From::Queue),
        ("ledger", run) if run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            Ok(From::Ledger(run.to_owned()))
        }
        ("export", path) => Ok(From::Export(path.to_owned())),
        _ => Err(bad("from", text, "give queue, ledger:RUN or export:FILE")),
    }
}

fn number(
    name: &'static str,
    text: &str,
    least: i64,
    most: i64,
    or: Option<&str>,
) -> Result<Option<i64>, PlanError> {
    if or == Some(text) {
        return Ok(None);
    }
    let number: Option<i64> = text.parse().ok();
    let number = number.filter(|n| (least..=most).contains(n));
    let or = or.map_or_else(String::new, |word| format!(", or {word}"));
    number
        .map(Some)
        .ok_or_else(|| bad(name, text, format!("give a number, {least} to {most}{or}")))
}

fn whole(name: &'static str, text: &str, most: i64) -> Result<i64, PlanError> {
    Ok(number(name, text, 1, most, None)?.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Settings, PlanError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::parse(&pairs.iter().map(owned).collect())
    }

    #[test]
    fn what_is_given_comes_back_and_defaults_are_filled_in() {
        let settings = parse(&[
            ("where", "$.a = 1"),
            ("rate", "200"),
            ("edit", "set $.a = 2"),
        ]);
        let settings = settings.expect("settings");
        let filled = settings.filled("orders");
        assert_eq!(
            parse(
                &filled
                    .iter()
                    .map(|(n, v)| (n.as_str(), v.as_str()))
                    .collect::<Vec<_>>()
            ),
            Ok(Settings {
                destination: "orders".to_owned(),
                ..settings
            })
        );
        assert_eq!(
            (filled["limit"].as_str(), filled["canary"].as_str()),
            ("all", "20")
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_what_would_do() {
        for (name, value, words) in [
            ("where", "", "say all"),
            ("where", "$.a =", "at character 6"),
            ("limit", "0", "1 to"),
            ("rate", "fast", "1 to 3000"),
            ("concurrency", "99", "1 to 32"),
            ("edit", "drop $.a", "at character 1"),
            ("shape", "round", "keep"),
            ("from", "ledger:../x", "ledger:RUN"),
            ("visibility", "5", "10 to 43200"),
        ] {
            let error = parse(&[(name, value)]).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(words), "{error}");
        }
        let error = parse(&[("speed", "5")]).expect_err("unknown").to_string();
        assert!(error.contains("where, limit"), "{error}");
    }
}
