//! Finding the task of a start whose answer is not the last word: it was lost, or the process died.

use super::{APPEAR_LOOKS, POLL, RedriveCourse, Seen, cancel};
use crate::course::{Answer, Decision, Moment};
use crate::redrive::ending;
use crate::redrive::known::{Mark, Piece};
use crate::redrive::task::{Part, Recognised, Sought, TaskKey, recognise};
use model::Timestamp;

/// A start without an answer shows in the list within this many platform seconds, or was not made.
const APPEAR_SECONDS: i64 = 60;
/// The same for a start SQS accepted: the list may lag, but it must come.
const LISTED_SECONDS: i64 = 180;
/// A start whose process died was sent at most this many platform seconds after it was written down.
const SENT_SECONDS: i64 = 300;
/// Answers and lists are dated to the second, by clocks that agree to a few.
const SKEW_SECONDS: i64 = 10;

impl RedriveCourse {
    /// A start is written down and no task of ours is known: find it, wait for it, or end.
    pub(super) fn seek(&self, part: Part, moment: &Moment<'_>, seen: &Seen) -> Decision {
        let piece = self.known.piece(part);
        if let Some((_, Answer::Refused { failure })) = &piece.answer {
            return Decision::End(ending::refused(self, part, failure));
        }
        if self.known.stopping.is_some()
            && piece.cancels == 0
            && let Some(handle) = piece.handle()
        {
            return cancel(part, handle, 0);
        }
        if piece.task.is_some() {
            return self.unlisted(part, moment);
        }
        match self.recognised(part, piece, moment.now, seen) {
            Recognised::Ours(task) => Self::note(&Mark::Recognised {
                part,
                task: task.key(),
            }),
            Recognised::Ambiguous(several) => Decision::End(ending::ambiguous(self, part, several)),
            Recognised::None if self.waited(piece, moment.now) => {
                Decision::End(ending::never_appeared(self, part))
            }
            Recognised::None => Decision::Wait(POLL),
        }
    }

    fn recognised<'s>(
        &self,
        part: Part,
        piece: &Piece,
        now: Timestamp,
        seen: &'s Seen,
    ) -> Recognised<'s> {
        let until = match &piece.answer {
            Some((at, _)) => at.plus_seconds(SKEW_SECONDS),
            None => piece.intent.unwrap_or(now).plus_seconds(SENT_SECONDS),
        };
        let other = self.known.piece(match part {
            Part::Full => Part::Canary,
            Part::Canary => Part::Full,
        });
        let taken: Vec<TaskKey> = other.task.iter().cloned().collect();
        let sought = Sought {
            rate: self.brief.rate(part),
            destination: self.brief.destination_arn.as_deref(),
            before: &piece.before,
            taken: &taken,
            handle: piece.handle(),
            until,
        };
        recognise(&seen.tasks, &sought)
    }

    /// Long enough, in platform time and in looks, for a task to show in the list.
    fn waited(&self, piece: &Piece, now: Timestamp) -> bool {
        let (since, patience) = match &piece.answer {
            Some((at, Answer::Accepted { .. })) => (*at, LISTED_SECONDS),
            Some((at, _)) => (*at, APPEAR_SECONDS),
            None => (piece.intent.unwrap_or(now), APPEAR_SECONDS),
        };
        self.elapsed(since, now) >= patience as f64 && self.looks >= APPEAR_LOOKS
    }

    /// Our task was listed once and is no longer: SQS keeps ten, so that takes a while.
    fn unlisted(&self, part: Part, moment: &Moment<'_>) -> Decision {
        let since = self.known.piece(part).answer.as_ref().map(|(at, _)| *at);
        let since = since
            .or(self.known.piece(part).intent)
            .unwrap_or(moment.now);
        let patient = self.elapsed(since, moment.now) < LISTED_SECONDS as f64;
        if patient || self.looks < APPEAR_LOOKS {
            return Decision::Wait(POLL);
        }
        Decision::End(ending::lost(self, part))
    }
}
