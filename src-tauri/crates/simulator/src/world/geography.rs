//! Regions and zones.

use crate::world::cluster::Az;
use crate::world::dice::Dice;

/// What is the same about a region in every account.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// `us-east-1`.
    pub name: &'static str,
    /// The code in zone ids, `use1`.
    pub code: &'static str,
    /// Hosted zone of its load balancers: AWS General Reference, Elastic Load Balancing endpoints.
    pub elb_zone: &'static str,
    /// Hours from UTC, for the shape of the day.
    pub utc_offset: i64,
}

/// The regions a simulation takes, in this order.
pub const PLACES: &[Place] = &[
    Place {
        name: "us-east-1",
        code: "use1",
        elb_zone: "Z35SXDOTRQ7X7K",
        utc_offset: -5,
    },
    Place {
        name: "eu-west-1",
        code: "euw1",
        elb_zone: "Z32O12XQLNTSW2",
        utc_offset: 0,
    },
    Place {
        name: "us-west-2",
        code: "usw2",
        elb_zone: "Z1H1FL5HABSF5",
        utc_offset: -8,
    },
    Place {
        name: "ap-southeast-1",
        code: "apse1",
        elb_zone: "Z1LMS91P8CMLE5",
        utc_offset: 8,
    },
    Place {
        name: "eu-central-1",
        code: "euc1",
        elb_zone: "Z215JYRZR1TBD5",
        utc_offset: 1,
    },
    Place {
        name: "ap-northeast-1",
        code: "apne1",
        elb_zone: "Z14GRHDCWA56QT",
        utc_offset: 9,
    },
];

/// Hosted zone of CloudFront's domains: Route 53 API reference, AliasTarget.
pub const CLOUDFRONT_ZONE: &str = "Z2FDTNDATAQYW2";
/// Region whose CloudWatch holds the metrics of the global services.
pub const GLOBAL: &str = "us-east-1";

/// Three zones of a region: which id stands behind a name differs from account to account.
pub fn zones(place: &Place, dice: &mut Dice) -> Vec<Az> {
    let numbers = dice.draw(&[1, 2, 3, 4, 6], 3);
    ["a", "b", "c"]
        .iter()
        .zip(numbers)
        .map(|(letter, n)| Az {
            name: format!("{}{letter}", place.name),
            id: format!("{}-az{n}", place.code),
        })
        .collect()
}

/// The network of a region.
#[derive(Debug, Clone)]
pub struct Network {
    /// VPC id.
    pub vpc: String,
    /// Public subnet of each zone.
    pub public_subnets: Vec<String>,
    /// Private subnet of each zone.
    pub private_subnets: Vec<String>,
    /// Security group of the load balancers.
    pub edge_group: String,
    /// Security group of nodes and databases.
    pub inner_group: String,
}

impl Network {
    /// A network over `zones` zones.
    pub fn new(zones: usize, dice: &mut Dice) -> Self {
        let mut id = |kind: &str| format!("{kind}-0{}", dice.hex(16));
        Self {
            vpc: id("vpc"),
            public_subnets: (0..zones).map(|_| id("subnet")).collect(),
            private_subnets: (0..zones).map(|_| id("subnet")).collect(),
            edge_group: id("sg"),
            inner_group: id("sg"),
        }
    }
}
