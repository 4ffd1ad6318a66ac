//! Instance classes and engines: what a class can carry, and the words of an engine.
//!
//! Cores and memory: Aurora User Guide, "Hardware specifications for DB instance classes for Aurora". Connections: the
//! same guide, "Maximum connections to an Aurora MySQL DB instance" and, for PostgreSQL, `max_connections`.

/// A DB instance class.
#[derive(Debug, Clone, PartialEq)]
pub struct DbClass {
    name: String,
    /// Virtual cores.
    pub vcpus: f64,
    /// Memory, GiB.
    pub memory: f64,
}

impl DbClass {
    /// The class of a name such as `db.r6g.2xlarge`; `None` for one Aurora does not offer here.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let (Some("db"), Some(family), Some(size), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let vcpus = match size {
            "medium" | "large" => 2.0,
            "xlarge" => 4.0,
            other => {
                let n: u32 = other.strip_suffix("xlarge")?.parse().ok()?;
                f64::from([2, 4, 8, 12, 16, 24].into_iter().find(|have| *have == n)? * 4)
            }
        };
        let memory = match (family, size) {
            ("t3" | "t4g", "medium") => 4.0,
            ("t3" | "t4g", "large") => 8.0,
            ("r5" | "r6g" | "r6i" | "r7g" | "r7i" | "r8g", size) if size != "medium" => vcpus * 8.0,
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            vcpus,
            memory,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The default of `max_connections`.
    #[must_use]
    pub fn max_connections(&self, engine: Engine) -> f64 {
        match engine {
            Engine::Postgres => (self.memory * 1_073_741_824.0 / 9_531_392.0)
                .min(5000.0)
                .floor(),
            Engine::MySql => {
                let bytes = self.memory * 1_073_741_824.0;
                let small = (bytes / 805_306_368.0).log2() * 45.0;
                let large = (bytes / 8_187_281_408.0).log2() * 1000.0;
                small.max(large).floor()
            }
        }
    }
}

/// The engine of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Aurora MySQL.
    MySql,
    /// Aurora PostgreSQL.
    Postgres,
}

impl Engine {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MySql => "aurora-mysql",
            Self::Postgres => "aurora-postgresql",
        }
    }

    /// The version that runs.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::MySql => "8.0.mysql_aurora.3.08.2",
            Self::Postgres => "16.6",
        }
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::MySql => 3306,
            Self::Postgres => 5432,
        }
    }

    /// Its parameter group.
    #[must_use]
    pub const fn parameter_group(self) -> &'static str {
        match self {
            Self::MySql => "default.aurora-mysql8.0",
            Self::Postgres => "default.aurora-postgresql16",
        }
    }

    /// Its licence model in the API.
    #[must_use]
    pub const fn license(self) -> &'static str {
        match self {
            Self::MySql => "general-public-license",
            Self::Postgres => "postgresql-license",
        }
    }

    /// The scheme of its URLs.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::Postgres => "postgresql",
        }
    }

    /// What a client is told that writes to a reader: MySQL server error 1290, PostgreSQL SQLSTATE 25006.
    #[must_use]
    pub const fn read_only_error(self) -> &'static str {
        match self {
            Self::MySql => {
                "Error 1290 (HY000): The MySQL server is running with the --read-only option so it cannot execute this statement"
            }
            Self::Postgres => {
                "ERROR: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_the_cores_memory_and_connections_of_the_guide() {
        let class = DbClass::parse("db.r6g.2xlarge").unwrap();
        assert_eq!((class.vcpus, class.memory), (8.0, 64.0));
        assert_eq!(class.max_connections(Engine::Postgres), 5000.0);
        assert_eq!(class.max_connections(Engine::MySql), 3069.0);
        let small = DbClass::parse("db.r6g.large").unwrap();
        assert_eq!(small.max_connections(Engine::Postgres), 1802.0);
        assert!(
            DbClass::parse("db.r6g.medium").is_none() && DbClass::parse("db.q9.large").is_none()
        );
        assert!(
            DbClass::parse("r6g.large").is_none() && DbClass::parse("db.r6g.3xlarge").is_none()
        );
    }
}
