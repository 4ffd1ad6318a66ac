//! The engine with made-up readers, on a clock that only moves when everybody waits.

mod calm;
mod fakes;
mod pollers;
mod publishing;
mod records;
mod slept;
mod watches;
