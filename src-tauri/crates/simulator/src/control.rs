//! The control endpoint: time and faults from outside.
