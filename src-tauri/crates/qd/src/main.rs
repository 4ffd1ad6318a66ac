//! qd
fn main() {}
