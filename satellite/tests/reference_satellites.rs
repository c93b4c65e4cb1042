//! The settings that `hardware/` gives for the satellites to build are settings that this program takes.

use std::path::Path;

use sotto_satellite::config::{Config, PanelKind};

#[test]
fn settings_of_the_satellites_to_build_are_understood() {
    for satellite in ["bonnet", "ring"] {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../hardware").join(satellite).join("satellite.toml");
        let home = [("HOME".to_owned(), "/home/sotto".to_owned())];
        let config = Config::load(Some(&file), None, home).unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(config.panel.kind, PanelKind::None, "{satellite} has lamps");
        assert_eq!((config.panel.button.len(), config.panel.mute.len()), (1, 1), "{satellite}");
    }
}
