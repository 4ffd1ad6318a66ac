//! A minute of a series and what can be asked of it.

/// Histogram buckets, from [`BUCKET_FLOOR`] up, each [`BUCKET_RATIO`] times the one before.
pub(super) const BUCKETS: usize = 64;
pub(super) const BUCKET_FLOOR: f64 = 0.001;
const BUCKET_RATIO: f64 = 1.3;

/// One minute of a series.
#[derive(Debug, Clone, Default)]
pub struct Point {
    /// Samples.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    pub(super) histogram: Option<Box<[f32; BUCKETS]>>,
}

impl Point {
    pub(super) fn add(&mut self, n: f64, sum: f64, min: f64, max: f64) {
        if n <= 0.0 {
            return;
        }
        self.min = if self.count > 0.0 {
            self.min.min(min)
        } else {
            min
        };
        self.max = if self.count > 0.0 {
            self.max.max(max)
        } else {
            max
        };
        self.count += n;
        self.sum += sum;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.add(other.count, other.sum, other.min, other.max);
        if let Some(theirs) = &other.histogram {
            let ours = self
                .histogram
                .get_or_insert_with(|| Box::new([0.0; BUCKETS]));
            for (a, b) in ours.iter_mut().zip(theirs.iter()) {
                *a += b;
            }
        }
    }

    /// The value below which the share `q` (0..1) of the samples lies.
    fn quantile(&self, q: f64) -> f64 {
        let Some(buckets) = &self.histogram else {
            return self.min + (self.max - self.min) * q;
        };
        let total: f64 = buckets.iter().map(|b| f64::from(*b)).sum();
        let (mut seen, mut floor) = (0.0, BUCKET_FLOOR);
        for bucket in buckets.iter() {
            let n = f64::from(*bucket);
            if n > 0.0 && seen + n >= q * total {
                let within = ((q * total - seen) / n).clamp(0.0, 1.0);
                return (floor + floor * (BUCKET_RATIO - 1.0) * within).clamp(self.min, self.max);
            }
            seen += n;
            floor *= BUCKET_RATIO;
        }
        self.max
    }
}

pub(super) fn bucket_top(i: usize) -> f64 {
    BUCKET_FLOOR * BUCKET_RATIO.powi(i32::try_from(i + 1).unwrap_or(i32::MAX))
}

/// The normal distribution function; logistic approximation, good to 0.01.
pub(super) fn normal_cdf(x: f64) -> f64 {
    1.0 / (1.0 + (-(0.07056 * x * x * x + 1.5976 * x)).exp())
}

/// A statistic CloudWatch can give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stat {
    /// `SampleCount`
    SampleCount,
    /// `Average`
    Average,
    /// `Sum`
    Sum,
    /// `Minimum`
    Minimum,
    /// `Maximum`
    Maximum,
    /// `p50`, `p99.9`, … as a share 0..1
    Percentile(f64),
}

impl Stat {
    /// Reads CloudWatch's name of a statistic; `None` for one that does not exist.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "SampleCount" => Some(Self::SampleCount),
            "Average" => Some(Self::Average),
            "Sum" => Some(Self::Sum),
            "Minimum" => Some(Self::Minimum),
            "Maximum" => Some(Self::Maximum),
            other => {
                let q: f64 = other.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0)
                    .contains(&q)
                    .then_some(Self::Percentile(q / 100.0))
            }
        }
    }

    /// Its value of a point.
    #[must_use]
    pub fn of(self, point: &Point) -> f64 {
        match self {
            Self::SampleCount => point.count,
            Self::Average => point.sum / point.count.max(f64::MIN_POSITIVE),
            Self::Sum => point.sum,
            Self::Minimum => point.min,
            Self::Maximum => point.max,
            Self::Percentile(q) => point.quantile(q),
        }
    }
}
