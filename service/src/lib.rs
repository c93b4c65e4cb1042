//! What both programs are as services of a machine: their log, what the service manager is told, and the manual that
//! their packages ship. Knows neither of them.

pub mod log;
pub mod manager;
pub mod manual;
