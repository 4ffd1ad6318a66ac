//! The checks of an edit and of what messages take: against those a peek has just seen, because a plan
//! asks nobody.

use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Severity};
use crate::redrive::subject::Subject;
use crate::selected::destination;
use crate::selected::edit::Edit;
use crate::selected::message::Message;
use crate::selected::settings::Settings;
use crate::shelf::{PEEK_SECONDS, Shelf};
use crate::words::{count, span, thousands};
use model::Fact;

/// Messages whose differences are told.
const TOLD: usize = 5;

/// Messages of the last peek that the filter selects.
fn selected<'s>(settings: &'s Settings, shelf: &'s Shelf) -> impl Iterator<Item = &'s Message> {
    let messages = shelf.peek.iter().flat_map(|peek| &peek.messages);
    messages.filter(|message| settings.filter.selects(message))
}

/// What the edit changes in the messages of the last peek, a sentence each.
pub(in crate::selected) fn sample(settings: &Settings, shelf: &Shelf) -> Vec<String> {
    let Some(edit) = &settings.edit else {
        return Vec::new();
    };
    let told = selected(settings, shelf).take(TOLD).map(|message| {
        let id: String = message.id.chars().take(8).collect();
        match edit.apply(&message.body) {
            Err(unfit) => format!("Message {id} is not sent: {unfit}"),
            Ok(after) => {
                let none = || "nothing".to_owned();
                let one = |d: crate::selected::edit::Difference| {
                    format!(
                        "{} {} → {}",
                        d.path,
                        d.before.unwrap_or_else(none),
                        d.after.unwrap_or_else(none)
                    )
                };
                let all: Vec<String> = Edit::differences(&message.body, &after)
                    .into_iter()
                    .map(one)
                    .collect();
                format!("Message {id}: {}.", all.join(", "))
            }
        }
    });
    told.collect()
}

pub(super) fn findings(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Vec<Finding> {
    let edit = settings.edit.as_ref();
    let mut all: Vec<Finding> = edit
        .map(|edit| checked(subject, settings, edit, shelf))
        .into_iter()
        .collect();
    all.push(limit(subject, settings, shelf));
    all
}

fn checked(subject: &Subject<'_>, settings: &Settings, edit: &Edit, shelf: &Shelf) -> Finding {
    let age = shelf
        .peek
        .as_ref()
        .map(|peek| subject.snapshot.taken_at.seconds_since(peek.at));
    let fresh = age.is_some_and(|age| age <= PEEK_SECONDS);
    let all: Vec<&Message> = selected(settings, shelf).collect();
    let unfit: Vec<String> = all
        .iter()
        .filter_map(|m| edit.apply(&m.body).err())
        .map(|e| e.to_string())
        .collect();
    let fail = match (fresh, all.is_empty(), unfit.first()) {
        (false, _, _) => "No peek of the last 10 min shows the messages this edit is to change.".to_owned(),
        (true, true, _) => "The last peek shows no message that the filter selects: what the edit does is not known.".to_owned(),
        (true, false, Some(why)) => format!("The edit does not fit {} of {} that were looked at: {why}", thousands(unfit.len() as i64), thousands(all.len() as i64)),
        (true, false, None) => String::new(),
    };
    let value = age.map_or_else(
        || "no peek".to_owned(),
        |age| {
            format!(
                "{}, looked at {} ago",
                count(all.len() as i64, "message"),
                span(age)
            )
        },
    );
    finding(
        "selected.edit-checked",
        Severity::Block,
        Answer::given(fail.is_empty(), value.clone()),
        Words {
            pass: match settings.free_shape {
                false => format!(
                    "The edit fits all that were looked at and keeps their shape: {value}. Those it does not fit are not sent."
                ),
                true => format!(
                    "The edit can be made in all that were looked at: {value}. shape=free: what the bodies become is not checked."
                ),
            },
            fail,
            unknown: String::new(),
            threshold: "a peek of the last 10 min",
            next: "Look first, with the same edit: qd peek QUEUE --edit EDIT.",
        },
    )
}

/// The destination takes messages up to a size of its own (SetQueueAttributes, MaximumMessageSize):
/// less than SQS's where nobody raised it.
fn limit(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Finding {
    let size = |message: &Message| match &settings.edit {
        None => Some(message.bytes()),
        Some(edit) => {
            let after = edit.apply(&message.body).ok()?;
            Some(message.bytes() - message.body.len() + after.len())
        }
    };
    let fresh = shelf
        .peek
        .as_ref()
        .is_some_and(|peek| subject.snapshot.taken_at.seconds_since(peek.at) <= PEEK_SECONDS);
    let sizes: Vec<usize> = selected(settings, shelf)
        .filter(|_| fresh)
        .filter_map(size)
        .collect();
    let Some(largest) = sizes.iter().max() else {
        return not_checked(
            "selected.body-limit",
            "how large the messages are (no peek of the last 10 min shows one that is sent)",
            "SQS refuses one that is larger than the destination takes.",
        );
    };
    let largest = *largest as i64;
    let bytes = |n: i64| format!("{} bytes", thousands(n));
    let to = destination(subject, settings);
    let most = to.and_then(|queue| queue.facts.count(Fact::MaximumMessageSizeBytes));
    let answer = match to {
        Some(queue) => Answer::of(
            subject.origin(queue, Fact::MaximumMessageSizeBytes),
            most.map(|most| largest <= most),
            bytes(largest),
        ),
        None => Answer::unknown("no destination"),
    };
    let name = to.map_or("the destination", |queue| queue.name.as_str());
    let takes = most.map_or_else(String::new, bytes);
    finding(
        "selected.body-limit",
        Severity::Block,
        answer,
        Words {
            pass: format!(
                "The largest of {} looked at takes {} as it would be sent; {name} takes {takes}.",
                count(sizes.len() as i64, "message"),
                bytes(largest)
            ),
            fail: format!(
                "The largest of {} looked at takes {} as it would be sent; {name} takes {takes} only.",
                count(sizes.len() as i64, "message"),
                bytes(largest)
            ),
            unknown: format!("How large a message {name} takes is not known."),
            threshold: "what the destination takes",
            next: "Raise MaximumMessageSize of the destination, or leave the large ones out.",
        },
    )
}
