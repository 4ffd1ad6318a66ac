//! Changes that wait: what a modification will change, and what still waits for a restart.
//!
//! Members: API reference, ClusterPendingModifiedValues, PendingModifiedValues, DBParameterGroupStatus.

use aws_sdk_rds::types::{ClusterPendingModifiedValues, DbInstance, PendingModifiedValues};
use model::NONE;

/// What waits at an instance. A parameter group that waits for a restart takes effect with a failover.
pub(super) fn of_instance(instance: &DbInstance) -> String {
    let mut words = Vec::new();
    if let Some(values) = &instance.pending_modified_values {
        words = modified(values);
    }
    let groups = instance.db_parameter_groups.iter().flatten();
    let waiting = groups.filter(|g| g.parameter_apply_status.as_deref() == Some("pending-reboot"));
    words.extend(waiting.map(|group| {
        let name = group.db_parameter_group_name.as_deref();
        format!("parameters {} (restart)", name.unwrap_or_default())
    }));
    joined(words)
}

fn modified(values: &PendingModifiedValues) -> Vec<String> {
    let to = |what: &str, value: &Option<String>| {
        let value = value.as_deref()?;
        Some(format!("{what} {value}"))
    };
    let named = [
        to("class", &values.db_instance_class),
        to("engine version", &values.engine_version),
        to("name", &values.db_instance_identifier),
        to("subnet group", &values.db_subnet_group_name),
        to("certificate", &values.ca_certificate_identifier),
        values.port.map(|port| format!("port {port}")),
        values
            .master_user_password
            .as_ref()
            .map(|_| "master password".to_owned()),
    ];
    let words: Vec<String> = named.into_iter().flatten().collect();
    let nothing = PendingModifiedValues::builder().build();
    if words.is_empty() && *values != nothing {
        return vec!["other settings".to_owned()];
    }
    words
}

/// What waits at a cluster.
pub(super) fn of_cluster(values: Option<&ClusterPendingModifiedValues>) -> String {
    let Some(values) = values else {
        return NONE.to_owned();
    };
    let to = |what: &str, value: &Option<String>| {
        let value = value.as_deref()?;
        Some(format!("{what} {value}"))
    };
    let named = [
        to("engine version", &values.engine_version),
        to("name", &values.db_cluster_identifier),
        values
            .master_user_password
            .as_ref()
            .map(|_| "master password".to_owned()),
    ];
    let words: Vec<String> = named.into_iter().flatten().collect();
    let nothing = ClusterPendingModifiedValues::builder().build();
    if words.is_empty() && *values != nothing {
        return "other settings".to_owned();
    }
    joined(words)
}

fn joined(words: Vec<String>) -> String {
    if words.is_empty() {
        NONE.to_owned()
    } else {
        words.join(", ")
    }
}
