//! satellite
