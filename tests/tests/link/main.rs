//! Stories about the link between satellites and hub: real QUIC on loopback, and a network that behaves badly.

mod a_lossy_link_loses_nothing;
mod a_satellite_in_another_language_works;
mod garbage_costs_only_its_sender;
mod only_the_code_lets_a_satellite_in;
mod revoked_is_revoked;
mod the_first_version_is_still_understood;
mod the_link_comes_back;
