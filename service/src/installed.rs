//! The household that a package set up on this machine. Where nobody names another, commands act for it: with its
//! configuration, on its data, and as the user to whom the data belongs, so that nothing is left there that the service
//! cannot open.
//!
//! `sudo sotto-hub pair → /etc/sotto/hub.toml, /var/lib/sotto, as sotto`

use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, Gid, Uid, User, access, initgroups, setgid, setgroups, setuid};

/// Where a package keeps its things.
pub struct Installed {
    pub config: &'static str,
    pub data: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum NotTheOwner {
    #[error("{} belongs to {owner}: run this with sudo, or name a folder of your own with --data", data.display())]
    Stranger { data: PathBuf, owner: String },
    #[error("cannot act as {owner}, to whom {} belongs: {why}", data.display())]
    CannotBecome { data: PathBuf, owner: String, why: Errno },
}

impl Installed {
    /// The configuration to read: the one that is named, else the package's, unless other data is named.
    pub fn config(&self, config: Option<PathBuf>, data: Option<&Path>) -> Option<PathBuf> {
        let ours = data.is_none_or(|data| data == Path::new(self.data)) && Path::new(self.data).is_dir();
        // One that may not be looked for is there, and reading it will say why not.
        let there = !Path::new(self.config).try_exists().is_ok_and(|there| !there);
        config.or_else(|| (ours && there).then(|| self.config.into()))
    }
}

/// Root goes on as the owner of `data`, for the rest of this process; anyone else who may not use it is told so. To be
/// called before other threads are there. Data that is not there yet will belong to whoever makes it.
pub fn act_for_the_owner_of(data: &Path) -> Result<(), NotTheOwner> {
    let Ok(about) = data.metadata() else { return Ok(()) };
    let (owner, group) = (Uid::from_raw(about.uid()), Gid::from_raw(about.gid()));
    let user = User::from_uid(owner).ok().flatten();
    let name = || user.as_ref().map_or_else(|| format!("user {owner}"), |user| user.name.clone());
    if Uid::effective().is_root() {
        return if owner.is_root() {
            Ok(())
        } else {
            become_owner(owner, group, user.as_ref()).map_err(|why| NotTheOwner::CannotBecome {
                data: data.to_owned(),
                owner: name(),
                why,
            })
        };
    }
    match access(data, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK).map_err(io::Error::from) {
        Err(error) if owner != Uid::effective() && error.kind() == io::ErrorKind::PermissionDenied => {
            Err(NotTheOwner::Stranger { data: data.to_owned(), owner: name() })
        }
        _ => Ok(()),
    }
}

fn become_owner(owner: Uid, group: Gid, user: Option<&User>) -> nix::Result<()> {
    match user {
        Some(user) => {
            let name = CString::new(user.name.as_str()).map_err(|_| Errno::EINVAL)?;
            initgroups(&name, user.gid)?; // sound belongs to the group audio
            setgid(user.gid)?;
        }
        None => {
            setgroups(&[group])?;
            setgid(group)?;
        }
    }
    setuid(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_configuration_goes_with_its_data_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned().leak() as &'static str;
        let package = Installed { config: at("hub.toml"), data: at("data") };
        let check = |config: Option<&str>, data: Option<&str>, expect: Option<&str>| {
            assert_eq!(
                package.config(config.map(PathBuf::from), data.map(Path::new)),
                expect.map(PathBuf::from)
            );
        };
        check(None, None, None);
        std::fs::write(package.config, "").unwrap();
        check(None, None, None);
        std::fs::create_dir(package.data).unwrap();
        check(None, None, Some(package.config));
        check(None, Some(package.data), Some(package.config));
        check(None, Some("/elsewhere"), None);
        check(Some("/other.toml"), None, Some("/other.toml"));
        std::fs::remove_file(package.config).unwrap();
        check(None, None, None);
    }

    #[test]
    fn ones_own_data_and_data_that_is_not_there_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let me = Uid::effective();
        act_for_the_owner_of(folder.path()).unwrap();
        act_for_the_owner_of(&folder.path().join("nothing")).unwrap();
        assert_eq!(Uid::effective(), me);
    }
}
