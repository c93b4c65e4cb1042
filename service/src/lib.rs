//! What both programs are as services of a machine: the place that their package made, their log, what the service manager
//! is told, and the manual that their packages ship. Knows neither of them.

pub mod installed;
pub mod log;
pub mod manager;
pub mod manual;
