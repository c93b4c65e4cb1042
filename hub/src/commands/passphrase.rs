//! Asking for a passphrase: on the terminal, unseen, or from standard input. Never from the command line, where
//! every user of the machine could read it.

use std::io::BufRead;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

#[derive(clap::Args)]
pub struct From {
    /// Read the passphrase from the first line of standard input instead of asking on the terminal
    #[arg(long)]
    passphrase_stdin: bool,
}

impl From {
    /// An existing passphrase.
    pub fn ask(&self, prompt: &str) -> anyhow::Result<Zeroizing<String>> {
        if self.passphrase_stdin {
            return first_line();
        }
        let typed = rpassword::prompt_password(format!("{prompt}: "));
        Ok(Zeroizing::new(typed.context("there is no terminal to ask on; use --passphrase-stdin")?))
    }

    /// A new passphrase, typed twice on a terminal.
    pub fn ask_twice(&self, prompt: &str) -> anyhow::Result<Zeroizing<String>> {
        let first = self.ask(prompt)?;
        if !self.passphrase_stdin && *self.ask("The same again")? != *first {
            bail!("the two are not the same; nothing was changed");
        }
        Ok(first)
    }
}

fn first_line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("cannot read the passphrase from standard input")?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    if line.is_empty() {
        bail!("standard input holds no passphrase");
    }
    Ok(line)
}
