//! The files an ordinary client finds the simulation by.
