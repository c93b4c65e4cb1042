//! Stories about the link between satellites and hub: real QUIC on loopback, and a network that behaves badly.

mod a_clock_that_is_years_wrong;
mod a_house_with_a_real_network;
mod a_lossy_link_loses_nothing;
mod a_satellite_in_another_language_works;
mod garbage_costs_only_its_sender;
mod only_the_code_lets_a_satellite_in;
mod revoked_is_revoked;
mod satellites_are_witnesses;
mod the_first_version_is_still_understood;
mod the_hubs_power_fails;
mod the_link_comes_back;
