//! The AWS collectors: one file per service.

pub mod cloudfront;
pub mod cloudwatch;
pub mod ec2;
pub mod eks;
pub mod elb;
pub mod lambda;
pub mod pricing;
pub mod rds;
pub mod route53;
mod s3;
pub mod sqs;
pub mod sts;
mod text;
pub mod zonal_shift;
