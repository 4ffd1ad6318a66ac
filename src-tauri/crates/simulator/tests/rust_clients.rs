//! The unmodified AWS SDK crates, over the wire: every protocol as these crates really speak it.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_smithy_types::DateTime;
use aws_types::SdkConfig;
use aws_types::region::Region;
use simulator::{ClockMode, Millis, Options, SIMULATED_ACCOUNT, Simulation};

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn start(dir: &std::path::Path, scenario: &str, faults: &[&str]) -> Simulation {
    let options = Options {
        scenario: scenario.into(),
        dir: dir.into(),
        pods: 120,
        clock: ClockMode::Explicit,
        start: Millis::parse_iso("2026-03-04T15:30:00Z"),
        faults: faults.iter().map(|f| (*f).to_owned()).collect(),
        ..Options::default()
    };
    Simulation::start(options)
        .await
        .expect("the simulation starts")
}

fn config(simulation: &Simulation, region: &str) -> SdkConfig {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    SdkConfig::builder()
        .region(Region::new(region.to_owned()))
        .endpoint_url(&simulation.aws_url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
        .build()
}

#[tokio::test(flavor = "multi_thread")]
async fn global_services_speak_rest_xml() -> Outcome {
    let dir = tempfile::tempdir()?;
    let simulation = start(dir.path(), "calm", &[]).await;
    let config = config(&simulation, "us-east-1");
    let identity = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await?;
    assert_eq!(identity.account(), Some(SIMULATED_ACCOUNT));

    let route53 = aws_sdk_route53::Client::new(&config);
    let zones = route53.list_hosted_zones().send().await?;
    let zone = zones
        .hosted_zones()
        .first()
        .expect("a zone")
        .id()
        .to_owned();
    let mut pages = route53
        .list_resource_record_sets()
        .hosted_zone_id(&zone)
        .max_items(7)
        .send()
        .await?;
    let mut names = Vec::new();
    loop {
        names.extend(pages.resource_record_sets().iter().map(|r| {
            (
                r.name().to_owned(),
                r.r#type().clone(),
                r.set_identifier().map(str::to_owned),
            )
        }));
        if !pages.is_truncated() {
            break;
        }
        pages = route53
            .list_resource_record_sets()
            .hosted_zone_id(&zone)
            .max_items(7)
            .set_start_record_name(pages.next_record_name().map(str::to_owned))
            .set_start_record_type(pages.next_record_type().cloned())
            .set_start_record_identifier(pages.next_record_identifier().map(str::to_owned))
            .send()
            .await?;
    }
    assert_eq!(
        names.len() as i64,
        zones.hosted_zones()[0]
            .resource_record_set_count()
            .unwrap_or_default()
    );
    let checks = route53.list_health_checks().send().await?;
    let id = checks.health_checks().first().expect("a check").id();
    let status = route53
        .get_health_check_status()
        .health_check_id(id)
        .send()
        .await?;
    assert_eq!(status.health_check_observations().len(), 16);

    let cloudfront = aws_sdk_cloudfront::Client::new(&config);
    let list = cloudfront.list_distributions().send().await?;
    let all = list.distribution_list().expect("a list").items();
    assert_eq!(all.len(), 2);
    for distribution in all {
        let got = cloudfront
            .get_distribution_config()
            .id(distribution.id())
            .send()
            .await?;
        assert!(got.e_tag().is_some());
        assert!(
            !got.distribution_config()
                .expect("a configuration")
                .origins()
                .expect("origins")
                .items()
                .is_empty()
        );
        cloudfront
            .list_invalidations()
            .distribution_id(distribution.id())
            .send()
            .await?;
    }
    simulation.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn regional_services_speak_query_and_rest_json() -> Outcome {
    let dir = tempfile::tempdir()?;
    let simulation = start(dir.path(), "calm", &[]).await;
    let config = config(&simulation, "eu-west-1");
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&config);
    assert_eq!(
        elb.describe_load_balancers()
            .send()
            .await?
            .load_balancers()
            .len(),
        3
    );
    for group in elb.describe_target_groups().send().await?.target_groups() {
        let arn = group.target_group_arn().expect("an ARN");
        let health = elb
            .describe_target_health()
            .target_group_arn(arn)
            .send()
            .await?;
        assert!(
            health
                .target_health_descriptions()
                .iter()
                .all(|t| t.target().is_some_and(|t| t.availability_zone().is_some()))
        );
        assert!(!health.target_health_descriptions().is_empty());
    }
    let rds = aws_sdk_rds::Client::new(&config);
    let clusters = rds.describe_db_clusters().send().await?;
    assert!(clusters.db_clusters().iter().any(|c| {
        c.db_cluster_members()
            .iter()
            .any(|m| m.is_cluster_writer() == Some(true))
    }));
    assert_eq!(
        rds.describe_db_instances()
            .send()
            .await?
            .db_instances()
            .len(),
        5
    );
    let global = rds.describe_global_clusters().send().await?;
    assert_eq!(
        global.global_clusters()[0].global_cluster_members().len(),
        2
    );
    let missing = rds
        .describe_db_clusters()
        .db_cluster_identifier("none")
        .send()
        .await
        .expect_err("no such cluster");
    assert!(missing.into_service_error().is_db_cluster_not_found_fault());

    let eks = aws_sdk_eks::Client::new(&config);
    let names = eks.list_clusters().send().await?;
    let name = names.clusters().first().expect("a cluster");
    assert_eq!(
        eks.describe_cluster()
            .name(name)
            .send()
            .await?
            .cluster()
            .and_then(|c| c.version()),
        Some("1.33")
    );
    for group in eks
        .list_nodegroups()
        .cluster_name(name)
        .send()
        .await?
        .nodegroups()
    {
        let got = eks
            .describe_nodegroup()
            .cluster_name(name)
            .nodegroup_name(group)
            .send()
            .await?;
        assert!(
            got.nodegroup()
                .and_then(|g| g.scaling_config())
                .and_then(|s| s.max_size())
                .is_some_and(|n| n > 0)
        );
    }
    let lambda = aws_sdk_lambda::Client::new(&config);
    assert_eq!(lambda.list_functions().send().await?.functions().len(), 3);
    assert_eq!(
        lambda
            .list_event_source_mappings()
            .send()
            .await?
            .event_source_mappings()
            .len(),
        2
    );
    simulation.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudwatch_speaks_cbor() -> Outcome {
    let dir = tempfile::tempdir()?;
    let simulation = start(dir.path(), "dlq-fills", &[]).await;
    simulation.advance(90).await;
    let config = config(&simulation, "us-east-1");
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&config);
    let alarms = cloudwatch.describe_alarms().max_records(10).send().await?;
    assert_eq!(alarms.metric_alarms().len(), 10);
    assert!(
        alarms.metric_alarms()[0]
            .state_updated_timestamp()
            .is_some()
            && alarms.next_token().is_some()
    );
    let metrics = cloudwatch
        .list_metrics()
        .namespace("AWS/SQS")
        .metric_name("NumberOfMessagesSent")
        .send()
        .await?;
    let one = metrics.metrics().first().expect("a metric").clone();
    let stat = MetricStat::builder()
        .metric(
            Metric::builder()
                .namespace("AWS/SQS")
                .metric_name("NumberOfMessagesSent")
                .set_dimensions(Some(one.dimensions().to_vec()))
                .build(),
        )
        .period(60)
        .stat("Sum")
        .build();
    let none = stat.clone();
    let now = DateTime::from_millis(simulation.now().0);
    let data = cloudwatch
        .get_metric_data()
        .metric_data_queries(
            MetricDataQuery::builder()
                .id("sent")
                .metric_stat(stat)
                .build(),
        )
        .metric_data_queries(
            MetricDataQuery::builder()
                .id("none")
                .metric_stat(
                    MetricStat::builder()
                        .metric(
                            Metric::builder()
                                .namespace("AWS/SQS")
                                .metric_name("X")
                                .dimensions(Dimension::builder().name("a").value("b").build())
                                .build(),
                        )
                        .period(60)
                        .stat(none.stat().unwrap_or("Sum"))
                        .build(),
                )
                .build(),
        )
        .start_time(DateTime::from_secs(now.secs() - 3600))
        .end_time(now)
        .scan_by(ScanBy::TimestampAscending)
        .send()
        .await?;
    let sent = &data.metric_data_results()[0];
    assert!(
        sent.values().len() >= 57 && sent.values().iter().all(|v| *v > 0.0),
        "{:?}",
        sent.values()
    );
    assert!(
        sent.timestamps()
            .windows(2)
            .all(|w| w[1].secs() - w[0].secs() == 60)
    );
    assert!(data.metric_data_results()[1].values().is_empty());
    simulation.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sqs_speaks_json_and_redrives() -> Outcome {
    let dir = tempfile::tempdir()?;
    let simulation = start(dir.path(), "dlq-fills", &[]).await;
    simulation.advance(11 * 60).await;
    let sqs = aws_sdk_sqs::Client::new(&config(&simulation, "us-east-1"));
    let urls = sqs.list_queues().send().await?;
    let mut dead = None;
    for url in urls.queue_urls() {
        let sources = sqs
            .list_dead_letter_source_queues()
            .queue_url(url)
            .send()
            .await?;
        let attributes = sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names("All".into())
            .send()
            .await?;
        let depth: u64 = attributes
            .attributes()
            .and_then(|a| a.get(&"ApproximateNumberOfMessages".into()))
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let arn = attributes
            .attributes()
            .and_then(|a| a.get(&"QueueArn".into()))
            .cloned();
        if !sources.queue_urls().is_empty() && depth > 0 {
            dead = arn;
        }
    }
    let dead = dead.expect("a filled dead-letter queue");
    let started = sqs
        .start_message_move_task()
        .source_arn(&dead)
        .max_number_of_messages_per_second(100)
        .send()
        .await?;
    let second = sqs
        .start_message_move_task()
        .source_arn(&dead)
        .send()
        .await
        .expect_err("one task per queue");
    assert_eq!(
        second.into_service_error().meta().code(),
        Some("InvalidParameterValue")
    );
    simulation.advance(2).await;
    let tasks = sqs
        .list_message_move_tasks()
        .source_arn(&dead)
        .send()
        .await?;
    assert_eq!(
        (
            tasks.results()[0].status(),
            tasks.results()[0].task_handle()
        ),
        (Some("RUNNING"), started.task_handle())
    );
    simulation.advance(120).await;
    let tasks = sqs
        .list_message_move_tasks()
        .source_arn(&dead)
        .send()
        .await?;
    let done = &tasks.results()[0];
    assert_eq!(done.status(), Some("COMPLETED"));
    assert_eq!(
        Some(done.approximate_number_of_messages_moved()),
        done.approximate_number_of_messages_to_move()
    );
    let none = sqs
        .get_queue_attributes()
        .queue_url("http://x/1/none")
        .send()
        .await
        .expect_err("no such queue");
    assert!(none.into_service_error().is_queue_does_not_exist());
    simulation.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_strike_where_they_are_set() -> Outcome {
    let dir = tempfile::tempdir()?;
    let simulation = start(
        dir.path(),
        "calm",
        &[
            "denied:sqs:us-east-1",
            "throttled:rds",
            "malformed:elb",
            "silent:eks",
            "reset:monitoring",
        ],
    )
    .await;
    let config = config(&simulation, "us-east-1");
    let denied = aws_sdk_sqs::Client::new(&config)
        .list_queues()
        .send()
        .await
        .expect_err("denied");
    assert!(
        denied
            .into_service_error()
            .meta()
            .code()
            .is_some_and(|c| c.starts_with("AccessDenied"))
    );
    aws_sdk_sqs::Client::new(&self::config(&simulation, "eu-west-1"))
        .list_queues()
        .send()
        .await?;
    let throttled = aws_sdk_rds::Client::new(&config)
        .describe_db_clusters()
        .send()
        .await
        .expect_err("throttled");
    assert_eq!(
        throttled.into_service_error().meta().code(),
        Some("Throttling")
    );
    aws_sdk_elasticloadbalancingv2::Client::new(&config)
        .describe_load_balancers()
        .send()
        .await
        .expect_err("malformed");
    aws_sdk_cloudwatch::Client::new(&config)
        .describe_alarms()
        .send()
        .await
        .expect_err("reset");
    let eks = aws_sdk_eks::Client::new(&config);
    assert!(
        tokio::time::timeout(Duration::from_millis(400), eks.list_clusters().send())
            .await
            .is_err(),
        "silent"
    );
    simulation.shutdown().await;
    Ok(())
}
