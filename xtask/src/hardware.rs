//! The satellites to build: their wiring checked and drawn, their enclosures rendered and checked (`hardware/tools`).

use std::process::{Command, ExitCode};

use crate::packages::{self, For};
use crate::shell::{self, root, try_run};

#[derive(clap::Args)]
pub struct Args {
    /// Install missing packages without asking
    #[arg(long)]
    yes: bool,
    /// The wiring alone: no enclosures, which take some minutes
    #[arg(long)]
    no_case: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.no_case {
        packages::install(For::Hardware, args.yes)?;
    }
    shell::run(&mut tools(&["draw"]))?;
    let wiring = try_run(&mut tools(&["check"]))?;
    let case = args.no_case || try_run(&mut tools(&["case"]))?;
    Ok(if wiring && case { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tools(args: &[&str]) -> Command {
    let mut python = Command::new("python3");
    python.current_dir(root()).arg("hardware/tools").args(args);
    python
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(command: &mut Command) {
        let done = command.output().expect("python3 is there");
        let said =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        for line in said.lines().filter(|line| line.starts_with("SKIPPED")) {
            println!("{line}");
        }
        assert!(done.status.success(), "{said}");
    }

    #[test]
    fn wiring_settings_and_drawings_of_both_satellites_are_right() {
        passes(&mut tools(&["check"]));
    }

    #[test]
    fn a_card_is_prepared_so_that_the_first_boot_pairs() {
        for tool in ["mcopy", "sfdisk", "mkfs.vfat", "dtc"] {
            if Command::new(tool).arg("--version").output().is_err() {
                println!(
                    "SKIPPED: SD card recipe: {tool} is missing (mtools, fdisk, dosfstools, device-tree-compiler)"
                );
                return;
            }
        }
        passes(Command::new("bash").arg(root().join("deploy/sd-card/test.sh")));
    }

    #[test]
    fn each_rule_of_wiring_speaks_when_it_is_broken() {
        let mut unittest = Command::new("python3");
        passes(unittest.current_dir(root()).args(["-m", "unittest", "discover", "hardware/tools"]));
    }
}
