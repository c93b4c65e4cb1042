//! hub/hearing
