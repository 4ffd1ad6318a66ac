//! Sources that fail or fall silent.

use super::*;

/// A queue without its CloudWatch figures, of which a source of Lambda has said something.
fn told_by_lambda(s: &mut Stage) -> NodeId {
    s.lose(Service::CloudWatch);
    s.source(Service::CloudWatch).source.part = "queue-metrics".to_owned();
    let queue = s.thing(Kind::Queue, "orders", &[]);
    s.figures(&queue, &[(OwnerStack, "orders".into())], None);
    let teller = s.source(Service::Lambda).source.id.clone();
    s.held.last_mut().expect("the figures").0 = teller;
    queue
}

pub(super) const SOURCES: &[Row] = &[
    row(
        "source.outdated",
        Unknown,
        "orders: data 3 m 10 s old: Nobody answered.",
        |s| {
            s.lose(Service::Sqs);
            let queue = s.thing(Kind::Queue, "orders", &[]);
            s.held[0].1 = ago(190);
            queue
        },
        |s| {
            s.lose(Service::Sqs);
            s.source(Service::Sqs).outdated = false;
            s.thing(Kind::Queue, "orders", &[])
        },
    ),
    row(
        "source.figures-outdated",
        Unknown,
        "orders: CloudWatch figures 1 m old",
        |s| {
            s.lose(Service::CloudWatch);
            let queue = s.thing(Kind::Queue, "orders", &[]);
            s.figures(&queue, &[(OldestAgeSeconds, 3.into())], None);
            queue
        },
        |s| {
            let queue = s.thing(Kind::Queue, "orders", &[]);
            s.figures(&queue, &[(OldestAgeSeconds, 3.into())], None);
            queue
        },
    ),
    // What instances cost does not bear on how they are.
    row(
        "source.figures-outdated",
        Unknown,
        "orders-1: CloudWatch figures 1 m old",
        |s| {
            s.lose(Service::CloudWatch);
            let instance = s.thing(Kind::DbInstance, "orders-1", &[]);
            s.figures(&instance, &[(HourlyUsd, 1.16.into())], None);
            instance
        },
        |s| {
            s.lose(Service::CloudWatch);
            s.source(Service::CloudWatch).source.service = Service::Pricing;
            let instance = s.thing(Kind::DbInstance, "orders-1", &[]);
            s.figures(&instance, &[(HourlyUsd, 1.16.into())], None);
            instance
        },
    ),
    row(
        "source.figures-missing",
        Unknown,
        "its CloudWatch figures in us-east-1 are not known: Nobody answered.",
        |s| {
            s.lose(Service::CloudWatch);
            s.source(Service::CloudWatch).source.part = "queue-metrics".to_owned();
            s.thing(Kind::Queue, "orders", &[])
        },
        |s| {
            // The figures of balancers say nothing about a queue.
            s.lose(Service::CloudWatch);
            s.source(Service::CloudWatch).source.part = "balancer-metrics".to_owned();
            s.thing(Kind::Queue, "orders", &[])
        },
    ),
    // What does not bear on health is no figure in the place of those that do.
    row(
        "source.figures-missing",
        Unknown,
        "its CloudWatch figures in us-east-1 are not known",
        |s| {
            let queue = told_by_lambda(s);
            s.source(Service::Lambda).source.part = "tags".to_owned();
            queue
        },
        told_by_lambda,
    ),
    row(
        "source.partial",
        Unknown,
        "orders: its attributes are denied.",
        |s| {
            let queue = s.thing(Kind::Queue, "orders", &[]);
            let failure = SourceFailure {
                class: FailureClass::Denied,
                sentence: "its attributes are denied.".to_owned(),
                next_step: "Allow sqs:GetQueueAttributes.".to_owned(),
                code: None,
                request_id: None,
            };
            s.fail(&queue, failure);
            queue
        },
        NOTHING,
    ),
    row(
        "source.cluster-blind",
        Unknown,
        "prod: its all cannot be seen: Nobody answered.",
        |s| {
            s.lose(Service::Kubernetes);
            s.thing(Kind::Cluster, "prod", &[])
        },
        thing!(Cluster, "prod", Status = "ACTIVE"),
    ),
    row(
        "source.cluster-unwatched",
        Unknown,
        "spare: not watched, because no [[cluster]] of the stack file names it",
        thing!(Cluster, "spare", Status = "ACTIVE"),
        // Its kubeconfig does not open: it is watched in vain, which another rule says.
        |s| {
            s.lose(Service::Kubernetes);
            s.thing(Kind::Cluster, "prod", &[])
        },
    ),
    row(
        "declared.not-read",
        Unknown,
        "assets is not read: E1 names it, and S3 is not read yet.",
        |s| {
            s.add(Kind::Distribution, "E1", |d| {
                let host = Name::Host("assets.s3.amazonaws.com".into());
                d.tie_to(Relation::Origin, host, "origin domain");
            });
            crate::stage::id(Kind::Bucket, "assets")
        },
        NOTHING,
    ),
    row(
        "declared.missing",
        Warning,
        "orders names the queue orders-dlq, but SQS has none of that name in us-east-1.",
        |s| {
            s.add(Kind::Queue, "orders", |q| {
                let arn = "arn:aws:sqs:us-east-1:111122223333:orders-dlq";
                q.tie_to(
                    Relation::DeadLetters,
                    Name::Arn(arn.into()),
                    "redrive policy",
                );
            });
            crate::stage::id(Kind::Queue, "orders-dlq")
        },
        NOTHING,
    ),
];
