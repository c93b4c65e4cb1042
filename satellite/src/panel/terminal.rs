//! A panel for development: a line on the terminal; the space bar is the button, and m is mute.

use std::io::{BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use tokio::sync::mpsc::Sender;

use super::{Lamps, Touch};
use crate::listening::State;

pub struct Terminal {
    /// How the terminal was before its keys were taken; given back when the panel goes.
    before: Option<Termios>,
}

impl Terminal {
    /// Takes the keys of the terminal, if there is one and `keys` allows it.
    pub fn open(touches: Sender<Touch>, keys: bool) -> Self {
        let before = (keys && std::io::stdin().is_terminal()).then(take_keys).flatten();
        if before.is_some() {
            std::thread::spawn(move || listen(std::io::stdin(), &touches));
        }
        Self { before }
    }
}

impl Lamps for Terminal {
    fn show(&mut self, state: State) {
        let mark = match state {
            State::Idle => "○",
            State::Listening => "●",
            State::Thinking => "◐",
            State::Speaking => "◉",
            State::Muted => "⊘",
            State::Offline | State::Pairing => "◌",
        };
        let _ = writeln!(std::io::stderr(), "{mark} {}", state.name());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = termios::tcsetattr(std::io::stdin().as_fd(), SetArg::TCSANOW, before);
        }
    }
}

/// Keys come one by one and unseen from now on; Ctrl-C still ends the program.
fn take_keys() -> Option<Termios> {
    let stdin = std::io::stdin();
    let before = termios::tcgetattr(stdin.as_fd()).ok()?;
    let mut now = before.clone();
    now.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
    termios::tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &now).ok()?;
    Some(before)
}

/// A terminal tells of a key when it goes down and not when it comes up, so each press is a tap.
fn listen(input: impl Read, touches: &Sender<Touch>) {
    let mut muted = false;
    for key in BufReader::new(input).bytes().map_while(Result::ok) {
        let told: &[Touch] = match key {
            b' ' => &[Touch::Pressed, Touch::Released],
            b'm' => {
                muted = !muted;
                &[Touch::Mute(muted)]
            }
            _ => &[],
        };
        if told.iter().any(|touch| touches.blocking_send(*touch).is_err()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_button_and_a_switch() {
        let (sender, mut touches) = tokio::sync::mpsc::channel(16);
        listen(&b" x mm"[..], &sender);
        drop(sender);
        let told: Vec<_> = std::iter::from_fn(|| touches.blocking_recv()).collect();
        use Touch::*;
        assert_eq!(told, [Pressed, Released, Pressed, Released, Mute(true), Mute(false)]);
    }
}
