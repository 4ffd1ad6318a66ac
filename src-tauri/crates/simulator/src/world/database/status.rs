//! The states RDS shows: Aurora User Guide, "Viewing DB cluster status" and "Viewing DB instance status".

/// State of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterStatus {
    /// Well and modifiable.
    Available,
    /// A failover to a reader is being performed.
    FailingOver,
    /// A setting is being changed, or its role in a global database.
    Modifying,
    /// It becomes the primary of its global database.
    Promoting,
}

impl ClusterStatus {
    /// RDS's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::FailingOver => "failing-over",
            Self::Modifying => "modifying",
            Self::Promoting => "promoting",
        }
    }
}

/// State of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceStatus {
    /// Serving.
    Available,
    /// Being made: not yet reachable.
    Creating,
    /// Restarting: not reachable.
    Rebooting,
    /// A setting is being changed.
    Modifying,
    /// Going: not reachable any more.
    Deleting,
}

impl InstanceStatus {
    /// RDS's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Creating => "creating",
            Self::Rebooting => "rebooting",
            Self::Modifying => "modifying",
            Self::Deleting => "deleting",
        }
    }

    /// Takes connections.
    #[must_use]
    pub const fn serves(self) -> bool {
        match self {
            Self::Available | Self::Modifying => true,
            Self::Creating | Self::Rebooting | Self::Deleting => false,
        }
    }
}

/// Why RDS refuses a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `InvalidDBClusterStateFault`
    ClusterState(String),
    /// `InvalidDBInstanceState`
    InstanceState(String),
    /// `DBInstanceNotFound`
    NoInstance(String),
    /// `DBInstanceAlreadyExists`
    InstanceExists(String),
    /// `InstanceQuotaExceeded`
    Quota(String),
    /// `InvalidParameterValue`
    Value(String),
    /// `InvalidParameterCombination`
    Combination(String),
    /// `InvalidGlobalClusterStateFault`
    GlobalState(String),
    /// `DBClusterNotFoundFault`
    NoCluster(String),
}
