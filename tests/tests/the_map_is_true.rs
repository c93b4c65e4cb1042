//! ARCHITECTURE.md names folders and files; each of them exists, and arrows point inward.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_place_on_the_map_exists() {
    let map = read("ARCHITECTURE.md");
    let places: Vec<&str> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains('/') && !name.contains([' ', '*', '<', ':', '=']))
        .collect();
    assert!(places.len() > 15, "the map names too little: {places:?}");
    for place in places {
        assert!(root().join(place).exists(), "ARCHITECTURE.md names {place}, which is not there");
    }
}

#[test]
fn every_crate_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let folder = format!("`{}/`", member.as_str().unwrap());
        assert!(map.contains(&folder), "{folder} is a crate, and not on the map");
    }
}

#[test]
fn arrows_point_inward() {
    let check = |folder: &str, may_use: &[&str]| {
        let manifest: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
        for name in manifest["dependencies"].as_table().unwrap().keys() {
            let ours = name.starts_with("sotto-");
            assert!(!ours || may_use.contains(&name.as_str()), "{folder} may not use {name}");
        }
    };
    check("protocol", &[]);
    check("service", &[]);
    check("satellite", &["sotto-protocol", "sotto-service", "sotto-wake"]);
    check("weights", &[]);
    check("satellite/wake", &["sotto-weights"]);
    check("hub/house", &[]);
    check("hub/intents", &[]);
    check("hub/journal", &["sotto-house"]);
    check("hub/hearing", &["sotto-intents", "sotto-weights"]);
    check("web", &["sotto-house", "sotto-journal"]);
    let house: toml::Table = read("hub/house/Cargo.toml").parse().unwrap();
    assert!(
        house["dependencies"].as_table().unwrap().is_empty(),
        "house depends on nothing, tokio least of all"
    );
}
