//! Writes through the API.
