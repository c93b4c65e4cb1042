//! `devices`: the microphones and speakers that `microphone.device` and `speaker.device` can name.

use serde_json::json;
use sotto_satellite::devices::{self, Direction};

use super::Place;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, place: &Place) -> anyhow::Result<()> {
    for (kind, direction) in [("microphone", Direction::Input), ("speaker", Direction::Output)] {
        for device in devices::all(direction)? {
            if place.json {
                println!("{}", json!({"kind": kind, "name": device.name, "about": device.about}));
            } else {
                println!("{kind}  {:<32}  {}", device.name, device.about);
            }
        }
    }
    Ok(())
}
