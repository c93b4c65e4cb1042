//! What a satellite's levels tell about its microphone.

use serde_json::Value;

use super::Finding;

/// A room where nobody speaks is quieter than this, in dBFS, or something hums.
const NOISY: f64 = -42.0;
/// Even a silent room is louder than this; below it nothing is connected.
const DEAD: f64 = -88.0;
/// Full scale is 0: this near to it, peaks are cut off.
const CUT: f64 = -1.5;

/// One finding for each satellite.
pub fn satellites(condition: &Value) -> Vec<Finding> {
    let satellites = condition["satellites"].as_array().map(Vec::as_slice).unwrap_or_default();
    if satellites.is_empty() {
        let advice = "pair one: sotto-hub pair, then sotto-satellite pair CODE on the satellite";
        return vec![Finding::beware("satellites", "none is paired", advice)];
    }
    satellites.iter().map(satellite).collect()
}

fn satellite(satellite: &Value) -> Finding {
    let part = format!("satellite {}", satellite["name"].as_str().unwrap_or("?"));
    if satellite["connected"] != true {
        let advice = "is it on, and does its lamp show that it looks for the hub? On it: journalctl -u sotto-satellite";
        return Finding::beware(&part, "is away", advice);
    }
    let mut levels: Vec<f64> =
        satellite["levels"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    levels.sort_by(f64::total_cmp);
    let (Some(loudest), Some(middle)) = (levels.last(), levels.get(levels.len() / 2)) else {
        let advice = "turn its mute switch, and the switch on its page, if it should hear";
        return Finding::beware(&part, "tells no level: it is muted", advice);
    };
    let found = format!("hears {middle:.0} dB, {loudest:.0} dB at most");
    match (*middle, *loudest) {
        (middle, _) if middle < DEAD => Finding::broken(
            &part,
            format!("{found}: its microphone is dead"),
            "hardware/bring-up.md from step 6: supply, wires, gain",
        ),
        (_, loudest) if loudest > CUT => Finding::beware(
            &part,
            format!("{found}: peaks are cut off"),
            "lower the microphone's gain: hardware/acoustics.md",
        ),
        (middle, _) if middle > NOISY => Finding::beware(
            &part,
            format!("{found}: loud for a room where nobody speaks"),
            "ask again when it is quiet; move it away from fans and loudspeakers, or lower its gain: hardware/acoustics.md",
        ),
        _ => Finding::fine(&part, found),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::State;
    use super::*;

    #[test]
    fn levels_tell_what_is_wrong_with_a_microphone() {
        let check = |levels: &[f64], connected, state, part: &str| {
            let condition =
                json!({ "satellites": [{ "name": "kitchen", "connected": connected, "levels": levels }] });
            let found = &satellites(&condition)[0];
            assert_eq!(found.state, state, "{levels:?}");
            assert!(found.found.contains(part), "{}", found.found);
            assert_eq!(found.advice.is_empty(), state == State::Fine);
        };
        check(&[-60.0, -58.0, -61.0, -30.0], true, State::Fine, "hears -58 dB, -30 dB at most");
        check(&[-100.0; 20], true, State::Broken, "dead");
        check(&[-35.0; 20], true, State::Beware, "loud for a room");
        check(&[-60.0, -60.0, -0.2], true, State::Beware, "cut off");
        check(&[], true, State::Beware, "muted");
        check(&[], false, State::Beware, "away");
        assert_eq!(satellites(&json!({}))[0].found, "none is paired");
    }
}
