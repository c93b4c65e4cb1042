//! satellite/wake
