//! hub/intents
