//! The requests of a selected redrive, and command lines that do the same to one batch of ten.

use super::settings::{From, Settings};
use super::{destination, hidden_seconds};
use crate::arn;
use crate::plan::ApiCall;
use crate::redrive::past::{key_to_read, keys_to_send};
use crate::redrive::subject::Subject;
use crate::rights::Right;
use crate::words::shell;
use model::{Fact, Node};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn url(queue: &Node) -> &str {
    queue.facts.text(Fact::Url).unwrap_or("")
}

fn call(
    operation: &str,
    region: &str,
    step: &str,
    parameters: Vec<(&str, Value)>,
    cli: String,
) -> ApiCall {
    ApiCall {
        operation: operation.to_owned(),
        region: region.to_owned(),
        parameters: parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
        cli,
        step: step.to_owned(),
    }
}

/// Receive, send, delete, and letting go of what was only looked at: the parameters name filter and
/// edit too, so that the digest covers them.
pub(crate) fn calls(subject: &Subject<'_>, settings: &Settings) -> Vec<ApiCall> {
    let region = subject.dlq.scope.region.as_deref().unwrap_or("us-east-1");
    let queue = url(subject.dlq);
    let to = destination(subject, settings).map_or("", url);
    let fifo = to.ends_with(".fifo");
    let aws = |call: &str, queue: &str| {
        format!(
            "aws sqs {call} --region {} --queue-url {}",
            shell(region),
            shell(queue)
        )
    };
    let filled = settings.filled(to);
    let asked = |names: &[&'static str]| -> Vec<(&'static str, Value)> {
        names
            .iter()
            .filter_map(|name| Some((*name, json!(filled.get(*name)?))))
            .collect()
    };
    let jq = |program: &str| format!("\"$(jq -c {} selected.json)\"", shell(program));
    let send = call(
        "sqs:SendMessageBatch",
        region,
        "rest",
        [
            vec![("QueueUrl", json!(to))],
            asked(&["limit", "rate", "canary", "edit", "shape", "from"]),
        ]
        .concat(),
        format!(
            "{} --entries {}",
            aws("send-message-batch", to),
            jq(&entries(fifo, settings))
        ),
    );
    if settings.from != From::Queue {
        return vec![send];
    }
    let select = format!(
        "{{Messages: [.Messages[]? | select({})]}}",
        settings.filter.jq()
    );
    let receive = format!(
        "{} --max-number-of-messages 10 --wait-time-seconds 1 --visibility-timeout {} --message-attribute-names All --message-system-attribute-names All --output json | jq {} > selected.json",
        aws("receive-message", queue),
        hidden_seconds(subject, settings),
        shell(&select)
    );
    let delete = "[.Messages[] | {Id: .MessageId, ReceiptHandle}]";
    vec![
        call(
            "sqs:ReceiveMessage",
            region,
            "rest",
            [
                vec![("QueueUrl", json!(queue))],
                asked(&["where", "visibility"]),
            ]
            .concat(),
            receive,
        ),
        send,
        call(
            "sqs:DeleteMessageBatch",
            region,
            "rest",
            vec![("QueueUrl", json!(queue))],
            format!(
                "{} --entries {}",
                aws("delete-message-batch", queue),
                jq(delete)
            ),
        ),
    ]
}

/// What is kept of a message besides its body.
const KEPT: &str = " + (if .MessageAttributes then {MessageAttributes} else {} end) + (if .Attributes.MessageGroupId then {MessageGroupId: .Attributes.MessageGroupId} else {} end) + (if .Attributes.AWSTraceHeader then {MessageSystemAttributes: {AWSTraceHeader: {DataType: \"String\", StringValue: .Attributes.AWSTraceHeader}}} else {} end)";

/// The entries of a batch out of what was received.
fn entries(fifo: bool, settings: &Settings) -> String {
    let body = settings.edit.as_ref().map_or_else(
        || ".Body".to_owned(),
        |edit| format!("(.Body | fromjson | {} | tojson)", edit.jq()),
    );
    let mut each = format!("{{Id: .MessageId, MessageBody: {body}}}");
    each.push_str(KEPT);
    if fifo {
        each.push_str(" + {MessageDeduplicationId: (.Attributes.MessageDeduplicationId[:90] + \".\" + (.MessageId | gsub(\"-\"; \"\")))}");
    }
    format!("[.Messages[] | {each}]")
}

/// What the calls need.
pub(crate) fn rights(subject: &Subject<'_>, settings: &Settings) -> Vec<Right> {
    let own = arn::queue(subject.dlq);
    let right = |action: &str, resource: String| Right::Iam {
        action: action.to_owned(),
        resource,
    };
    let mut all = Vec::new();
    if settings.from == From::Queue {
        let actions = [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
        ];
        all.extend(actions.map(|action| right(action, own.clone())));
        all.extend(key_to_read(subject.dlq).map(|(action, key)| right(action, key)));
    }
    if let Some(queue) = destination(subject, settings) {
        all.push(right("sqs:SendMessage", arn::queue(queue)));
        let keys = keys_to_send(queue).into_iter();
        all.extend(keys.map(|(action, key)| right(action, key)));
    }
    all
}
