//! Real people's orders from the test data: what they ordered, and the recording of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where the sentences lie that understand them, inside the folder of speech.
pub const SENTENCES: &str = "s2i/sentences/coffee.yaml";

pub struct Order {
    pub file: PathBuf,
    /// Each labelled slot with its value.
    pub slots: Vec<(String, String)>,
}

/// The first clip of each of the first `speakers` speakers.
pub fn orders(speech: &Path, speakers: usize) -> Vec<Order> {
    let manifest = std::fs::read_to_string(speech.join("manifest.jsonl")).expect("a manifest");
    let mut heard = Vec::new();
    let mut orders = Vec::new();
    for line in manifest.lines() {
        let clip: Value = serde_json::from_str(line).expect("JSON");
        let speaker = clip["speaker_cluster"].to_string();
        if clip["category"] != "s2i" || heard.contains(&speaker) {
            continue;
        }
        let slots = clip["slots"].as_object().expect("slots");
        let slot = |(name, value): (&String, &Value)| (name.clone(), value.as_str().unwrap_or("").to_owned());
        let slots = slots.iter().map(slot).collect();
        orders.push(Order { file: speech.join(clip["file"].as_str().expect("a file")), slots });
        heard.push(speaker);
        if orders.len() == speakers {
            break;
        }
    }
    orders
}
