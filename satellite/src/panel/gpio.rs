//! Lamps, button and mute switch on GPIO lines, through the kernel's character device.
//!
//! The mute switch belongs in the microphone's power (see `hardware/`); the line only tells the satellite
//! that it was turned, and is obeyed whatever the software is told.

use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, Value};
use tokio::sync::mpsc::Sender;

use super::{Lamps, PanelError, Touch};
use crate::config;
use crate::listening::State;

/// Contacts bounce for a few milliseconds.
const BOUNCE: Duration = Duration::from_millis(20);

/// One lamp for each of these, in the order of `panel.lamps`.
const LAMPS: [State; 5] = [State::Listening, State::Thinking, State::Speaking, State::Muted, State::Offline];

pub struct Gpio {
    request: Option<Request>,
    lines: Vec<u32>,
}

impl Gpio {
    pub fn open(config: &config::Panel) -> Result<Self, PanelError> {
        let lines = config.lamps.clone();
        if !lines.is_empty() && lines.len() != LAMPS.len() {
            let expect = "five: listening, thinking, speaking, muted, offline; or none";
            return Err(PanelError::Lines { key: "lamps", count: lines.len(), expect });
        }
        let mut distinct = lines.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let request = (!lines.is_empty())
            .then(|| {
                Request::builder()
                    .on_chip(&config.chip)
                    .with_consumer("sotto-satellite")
                    .with_lines(&distinct)
                    .as_output(Value::Inactive)
                    .request()
            })
            .transpose()
            .map_err(|cause| refused(config, lines[0], &cause))?;
        Ok(Self { request, lines })
    }
}

impl Lamps for Gpio {
    fn show(&mut self, state: State) {
        let Some(request) = &self.request else { return };
        for (line, lit) in lit(&self.lines, state) {
            if let Err(error) = request.set_value(line, if lit { Value::Active } else { Value::Inactive }) {
                tracing::warn!("lamp on GPIO line {line}: {error}");
            }
        }
    }
}

/// Which lines are lit. A line that stands for several states is lit in each of them.
fn lit(lines: &[u32], state: State) -> Vec<(u32, bool)> {
    let state = if state == State::Pairing { State::Offline } else { state };
    let shines = |line| lines.iter().zip(LAMPS).any(|(&other, lamp)| other == line && lamp == state);
    let mut lit: Vec<_> = lines.iter().map(|&line| (line, shines(line))).collect();
    lit.sort_unstable();
    lit.dedup();
    lit
}

/// Starts to tell of button and switch; where the switch stands now is told first.
pub fn watch(config: &config::Panel, touches: Sender<Touch>) -> Result<(), PanelError> {
    let one = |key, lines: &[u32]| match lines {
        [] => Ok(None),
        [line] => Ok(Some(*line)),
        _ => Err(PanelError::Lines { key, count: lines.len(), expect: "one, or none" }),
    };
    let (button, mute) = (one("button", &config.button)?, one("mute", &config.mute)?);
    let lines: Vec<u32> = button.into_iter().chain(mute).collect();
    let Some(&first) = lines.first() else { return Ok(()) };
    let failed = |cause: gpiocdev::Error| refused(config, first, &cause);
    let request = Request::builder()
        .on_chip(&config.chip)
        .with_consumer("sotto-satellite")
        .with_lines(&lines)
        .as_input()
        .as_active_low()
        .with_bias(Bias::PullUp)
        .with_edge_detection(EdgeDetection::BothEdges)
        .with_debounce_period(BOUNCE)
        .request()
        .map_err(failed)?;
    if let Some(line) = mute {
        let off = request.value(line).map_err(failed)? == Value::Active;
        let _ = touches.try_send(Touch::Mute(off));
    }
    std::thread::spawn(move || {
        for event in request.edge_events().map_while(Result::ok) {
            let touch = touched(event.offset, event.kind == EdgeKind::Rising, mute);
            if touches.blocking_send(touch).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// `closed`: the contact to ground is made.
fn touched(line: u32, closed: bool, mute: Option<u32>) -> Touch {
    match (mute == Some(line), closed) {
        (true, closed) => Touch::Mute(closed),
        (false, true) => Touch::Pressed,
        (false, false) => Touch::Released,
    }
}

fn refused(config: &config::Panel, line: u32, cause: &gpiocdev::Error) -> PanelError {
    PanelError::Line { chip: config.chip.clone(), line, cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Panel;

    #[test]
    fn one_lamp_shows_each_state_and_one_line_may_show_several() {
        let check = |lines: &[u32], state, expect: &[u32]| {
            let on: Vec<_> = lit(lines, state).into_iter().filter_map(|(l, on)| on.then_some(l)).collect();
            assert_eq!(on, expect, "{state:?}");
        };
        let five = [5, 6, 13, 19, 26];
        check(&five, State::Idle, &[]);
        check(&five, State::Listening, &[5]);
        check(&five, State::Muted, &[19]);
        check(&five, State::Pairing, &[26]);
        let two = [5, 5, 5, 6, 6];
        check(&two, State::Thinking, &[5]);
        check(&two, State::Muted, &[6]);
        check(&two, State::Idle, &[]);
        assert_eq!(lit(&two, State::Idle).len(), 2, "each line is set once");
    }

    #[test]
    fn a_contact_is_a_button_or_the_switch() {
        assert_eq!(touched(4, true, Some(4)), Touch::Mute(true));
        assert_eq!(touched(4, false, Some(4)), Touch::Mute(false));
        assert_eq!(touched(17, true, Some(4)), Touch::Pressed);
        assert_eq!(touched(17, false, None), Touch::Released);
    }

    #[test]
    fn a_panel_that_is_not_there_is_named() {
        let sender = || tokio::sync::mpsc::channel(1).0;
        let chip = std::path::PathBuf::from("/nowhere/gpiochip9");
        let panel = |lamps, button| Panel { chip: chip.clone(), lamps, button, ..Panel::default() };
        let told = |error: PanelError| error.to_string();
        let lamps = Gpio::open(&panel(vec![1, 2, 3, 4, 5], vec![])).err().map(told).unwrap();
        assert!(lamps.contains("/nowhere/gpiochip9"), "{lamps}");
        let few = Gpio::open(&panel(vec![1, 2], vec![])).err().map(told).unwrap();
        assert!(few.starts_with("panel.lamps has 2 lines; write five"), "{few}");
        let button = watch(&panel(vec![], vec![17]), sender()).err().map(told).unwrap();
        assert!(button.starts_with("GPIO line 17 of /nowhere/gpiochip9"), "{button}");
        let many = watch(&panel(vec![], vec![1, 2]), sender()).err().map(told).unwrap();
        assert!(many.starts_with("panel.button has 2 lines; write one"), "{many}");
    }
}
