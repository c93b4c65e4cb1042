//! `manual`: what a package ships beside its program, made from the program's own help: manual pages and shell completions.

use std::path::PathBuf;

use anyhow::Context;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

#[derive(clap::Args)]
pub struct Args {
    /// The folder to write them to: one page for each command, one completion for each shell
    folder: PathBuf,
}

/// Writes the manual of the program whose command line `C` is.
pub fn write<C: CommandFactory>(args: Args) -> anyhow::Result<()> {
    let folder = args.folder;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(C::command(), &folder).context("the manual pages cannot be written")?;
    for shell in Shell::value_variants() {
        let mut command = C::command();
        let name = command.get_name().to_owned();
        clap_complete::generate_to(*shell, &mut command, name, &folder)
            .with_context(|| format!("the completion for {shell} cannot be written"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    #[command(name = "sotto-kettle")]
    enum Kettle {
        /// Boil water
        Boil,
    }

    #[test]
    fn every_command_has_a_page_and_every_shell_a_completion() {
        let folder = tempfile::tempdir().unwrap();
        write::<Kettle>(Args { folder: folder.path().join("manual") }).unwrap();
        for file in [
            "sotto-kettle.1",
            "sotto-kettle-boil.1",
            "sotto-kettle.bash",
            "_sotto-kettle",
            "sotto-kettle.fish",
        ] {
            let text = std::fs::read_to_string(folder.path().join("manual").join(file)).expect(file);
            assert!(text.to_lowercase().contains("kettle"), "{file}");
        }
        let taken = folder.path().join("manual/sotto-kettle.1");
        let error = write::<Kettle>(Args { folder: taken.clone() }).unwrap_err();
        assert!(format!("{error:#}").contains(&taken.display().to_string()), "{error:#}");
    }
}
