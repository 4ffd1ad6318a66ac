//! What an instance class can carry: memory, virtual CPUs, and the connections that the engine allows
//! by default. The API does not say; the sizes of a family double (Aurora UserGuide,
//! Concepts.DBInstanceClass.Summary).

use model::{Fact, Facts};

/// Memory and virtual CPUs of a class, e.g. `db.r6g.2xlarge`; `None` for what is not in the guide's
/// table (serverless, new families).
fn size(class: &str) -> Option<(f64, u32)> {
    let (family, size) = class.strip_prefix("db.")?.split_once('.')?;
    let vcpus = match size {
        "small" | "medium" | "large" => 2,
        "xlarge" => 4,
        _ => 4 * size.strip_suffix("xlarge")?.parse::<u32>().ok()?,
    };
    let memory = match (family, size) {
        ("t3" | "t4g", "small") => 2.0,
        ("t3" | "t4g", "medium") => 4.0,
        ("t3" | "t4g", "large") => 8.0,
        ("r4", _) => 7.625 * f64::from(vcpus),
        ("x2g", _) => 16.0 * f64::from(vcpus),
        (family, _) if family.starts_with(['r']) => 8.0 * f64::from(vcpus),
        _ => return None,
    };
    Some((memory, vcpus))
}

/// The engine's default for `max_connections`. Aurora MySQL: the greater of `log2(memory /
/// 805306368) × 45` and `log2(memory / 8187281408) × 1000`, logarithms rounded as in the table of the
/// guide (AuroraMySQL.Managing.Performance); Aurora PostgreSQL: `memory / 9531392`, at most 5,000
/// (AuroraPostgreSQL.Managing). Of the class's memory, the operating system keeps some.
fn connections(engine: &str, gib: f64) -> Option<i64> {
    let bytes = |share: f64| gib * share * 1_073_741_824.0;
    let most = match engine {
        "aurora-mysql" | "aurora" => {
            let bytes = bytes(0.953);
            let small = (bytes / 805_306_368.0).log2().round() * 45.0;
            small.max((bytes / 8_187_281_408.0).log2().round() * 1000.0)
        }
        "aurora-postgresql" => (bytes(0.9) / 9_531_392.0).min(5000.0),
        _ => return None,
    };
    Some(most as i64)
}

/// Says what the class can carry.
pub(super) fn describe(facts: &mut Facts, class: Option<&str>, engine: Option<&str>) {
    let Some((memory, vcpus)) = class.and_then(size) else {
        return;
    };
    facts.set(Fact::ClassVcpus, vcpus);
    facts.set(Fact::ClassMemoryGib, memory);
    let most = engine.and_then(|engine| connections(engine, memory));
    facts.set_some(Fact::MaxConnectionsEstimate, most);
}

#[cfg(test)]
mod tests {
    use super::{connections, size};

    #[test]
    fn classes_are_as_large_as_the_guide_says() {
        assert_eq!(size("db.r6g.large"), Some((16.0, 2)));
        assert_eq!(size("db.r5.24xlarge"), Some((768.0, 96)));
        assert_eq!(size("db.x2g.2xlarge"), Some((128.0, 8)));
        assert_eq!(size("db.t4g.medium"), Some((4.0, 2)));
        assert_eq!(size("db.serverless"), None);
        assert_eq!(size("db.zork.huge"), None);
    }

    #[test]
    fn the_default_of_connections_is_the_guides() {
        for (gib, documented) in [
            (2.0, 45),
            (4.0, 90),
            (8.0, 135),
            (16.0, 1000),
            (32.0, 2000),
            (64.0, 3000),
            (768.0, 7000),
        ] {
            assert_eq!(connections("aurora-mysql", gib), Some(documented), "{gib}");
        }
        let most = connections("aurora-postgresql", 16.0).unwrap_or_default();
        assert!((1500..1750).contains(&most), "{most}");
        assert_eq!(connections("aurora-postgresql", 256.0), Some(5000));
        assert_eq!(connections("neptune", 16.0), None);
    }
}
