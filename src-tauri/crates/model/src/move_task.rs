//! Why a message move task failed, in words, and what to do about it.
//!
//! Reasons: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html>.

/// A failed task's reason as people can act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveFailure {
    /// Why, a clause with SQS's own word in brackets.
    pub why: String,
    /// What to do, a sentence.
    pub next: &'static str,
    /// It fails again unless a destination is named.
    pub wants_destination: bool,
}

/// Reads `FailureReason` of ListMessageMoveTasks. A reason that is not documented is told as SQS gives
/// it.
#[must_use]
pub fn move_failure(reason: &str) -> MoveFailure {
    let (why, next, wants_destination) = match reason {
        "CouldNotDetermineMessageSource" => (
            "some messages were not put here by SQS, so it does not know where they came from",
            "Name a destination: then all messages go to that queue.",
            true,
        ),
        "AWS.SimpleQueueService.NonExistentQueue" => (
            "a queue the messages should go to is gone",
            "Make the queue again, or name another destination.",
            false,
        ),
        "AccessDenied" => (
            "who started it may not receive and delete here, or not send there",
            "Have sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes granted here, sqs:SendMessage at the destination, and their KMS keys.",
            false,
        ),
        "" => {
            return MoveFailure {
                why: "SQS gives no reason".to_owned(),
                next: "Put the reason right and plan again.",
                wants_destination: false,
            };
        }
        other => {
            return MoveFailure {
                why: format!("SQS says {other}"),
                next: "Put the reason right and plan again.",
                wants_destination: false,
            };
        }
    };
    MoveFailure {
        why: format!("{why} ({reason})"),
        next,
        wants_destination,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_is_told_in_words_and_keeps_its_own() {
        for reason in [
            "CouldNotDetermineMessageSource",
            "AWS.SimpleQueueService.NonExistentQueue",
            "AccessDenied",
        ] {
            let told = move_failure(reason);
            assert!(told.why.ends_with(&format!("({reason})")), "{}", told.why);
            assert!(told.next.ends_with('.'), "{}", told.next);
            assert_ne!(told.next, move_failure("").next);
        }
        assert_eq!(move_failure("Oops").why, "SQS says Oops");
        assert!(move_failure("CouldNotDetermineMessageSource").wants_destination);
        assert!(!move_failure("AccessDenied").wants_destination);
    }
}
