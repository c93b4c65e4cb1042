//! hub/journal
