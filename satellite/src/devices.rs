//! The sound devices of this machine, by the names that ALSA gives them. Nothing is opened here.

use cpal::traits::{DeviceTrait, HostTrait};

/// Which way the sound goes, seen from the satellite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Input,
    Output,
}

/// A device that `microphone.device` or `speaker.device` can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// One line on what it is.
    pub about: String,
}

#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("this machine's sound system cannot be asked for its devices: {0}; is ALSA installed?")]
    NoSystem(String),
    #[error("no {kind} is called `{name}`; `sotto-satellite devices` lists what there is")]
    NoSuchDevice { kind: &'static str, name: String },
}

impl Direction {
    pub fn kind(self) -> &'static str {
        match self {
            Self::Input => "microphone",
            Self::Output => "speaker",
        }
    }
}

/// All devices of one direction, without opening any.
pub fn all(direction: Direction) -> Result<Vec<Listed>, DeviceError> {
    Ok(enumerate(direction)?.map(|(name, device)| Listed { about: about(&device), name }).collect())
}

/// The device called `name`, or else the first one whose name or description contains it.
pub fn find(direction: Direction, name: &str) -> Result<cpal::Device, DeviceError> {
    let host = cpal::default_host();
    if name == "default" {
        let device = match direction {
            Direction::Input => host.default_input_device(),
            Direction::Output => host.default_output_device(),
        };
        return device.ok_or_else(|| none_called(direction, name));
    }
    let wanted = name.to_lowercase();
    let mut partly = None;
    for (id, device) in enumerate(direction)? {
        if id == name {
            return Ok(device);
        }
        if partly.is_none() && format!("{id} {}", about(&device)).to_lowercase().contains(&wanted) {
            partly = Some(device);
        }
    }
    partly.ok_or_else(|| none_called(direction, name))
}

fn none_called(direction: Direction, name: &str) -> DeviceError {
    DeviceError::NoSuchDevice { kind: direction.kind(), name: name.into() }
}

fn enumerate(direction: Direction) -> Result<impl Iterator<Item = (String, cpal::Device)>, DeviceError> {
    let devices = cpal::default_host().devices().map_err(|error| DeviceError::NoSystem(error.to_string()))?;
    Ok(devices
        .filter(move |device| match direction {
            Direction::Input => device.supports_input(),
            Direction::Output => device.supports_output(),
        })
        .filter_map(|device| Some((device.id().ok()?.id().to_owned(), device))))
}

fn about(device: &cpal::Device) -> String {
    let Ok(description) = device.description() else { return String::new() };
    description.extended().next().unwrap_or(description.name()).replace('\n', ", ")
}
