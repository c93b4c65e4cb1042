//! `check-config`: reads the configuration as `run` would, and says what is in force.

use super::Place;

pub fn run(place: &Place) -> anyhow::Result<()> {
    let config = place.load()?;
    let facts = serde_json::json!({
        "ok": true,
        "file": place.config,
        "data": config.data,
        "trigger": format!("{:?}", config.trigger),
        "microphone": config.microphone.device,
        "wake_models": config.wake_models(),
        "wake_words": config.wake.words,
        "hub": config.hub.address,
        "speaker": config.speaker.device,
    });
    super::print(place.json, &facts);
    Ok(())
}
