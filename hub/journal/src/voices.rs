//! What the hub knows people's voices by: theirs, sealed, and only as long as they want.
//!
//! ```text
//! profile ─XChaCha20-Poly1305→ a row of the person     key: a file of its own beside the journal, in no backup
//! erased or gone → row deleted, new key, the others sealed anew, old key overwritten
//! ```
//!
//! Recordings open only to whoever is signed in; a voice profile must be compared while nobody is, also after a power
//! cut at night, so the running hub holds its key. Erasing changes that key, so that no older copy of the journal opens
//! any more. What a profile is made of is not known here: bytes. Deliberately absent: a way to put a profile in for
//! somebody else, and one to read somebody else's.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use sotto_house::{Calibration, PersonId, Role};
use zeroize::Zeroizing;

use crate::acts::Act;
use crate::codes::{Code, Id};
use crate::keys::{self, Secret};
use crate::people::{MemberError, require_active};
use crate::person::Person;
use crate::store::{Lasting, StoreError, private_file};
use crate::{Change, Journal, timestamp};

/// Name of the key's file, in the journal's directory.
const KEY: &str = "voices.key";
/// Most bytes of a profile.
const LIMIT: usize = 1024 * 1024;

/// When one's own voice was learned, and the profile.
pub type OwnVoice = (Timestamp, Zeroizing<Vec<u8>>);

/// What somebody chose for when their voice is recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceChoices {
    /// Whether what goes out over MQTT may say who spoke.
    pub named: bool,
    /// The language (BCP 47) in which they are understood and answered; `None`: that of the satellite.
    pub language: Option<String>,
}

/// One person's profile, for the hub to compare with.
pub struct VoiceProfile {
    pub person: PersonId,
    pub name: String,
    pub role: Role,
    pub choices: VoiceChoices,
    /// Whether the hub may compare with it at this time.
    pub recognise: bool,
    /// Whether what they say may go out over MQTT.
    pub words_out: bool,
    pub profile: Zeroizing<Vec<u8>>,
}

impl Journal {
    /// Keeps `profile` as the voice of `who`, in place of one before.
    pub fn set_voice(&self, who: &Person, profile: &[u8], now: Timestamp) -> Result<(), MemberError> {
        if profile.len() > LIMIT {
            return Err(StoreError::Full.into());
        }
        let key = self.voices_key()?;
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            transaction.execute(
                "INSERT INTO voices (person, made, sealed) VALUES (?1, ?2, ?3)
                 ON CONFLICT (person) DO UPDATE SET made = ?2, sealed = ?3",
                params![Id::from(who.id()), now.as_millisecond(), keys::lock_voice(profile, &key, who.id())],
            )?;
            self.note_own(transaction, who, Act::VoiceLearned, now)
        })?;
        self.announce(Change::Members);
        Ok(())
    }

    /// When the voice of `who` was learned, and the profile itself: for its owner.
    pub fn voice(&self, who: &Person) -> Result<Option<OwnVoice>, MemberError> {
        let found: Option<(i64, Vec<u8>)> = self.store().read(|transaction| -> Result<_, MemberError> {
            require_active(transaction, who.id())?;
            Ok(transaction
                .prepare_cached("SELECT made, sealed FROM voices WHERE person = ?1")?
                .query_row([Id::from(who.id())], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?)
        })?;
        let Some((made, sealed)) = found else { return Ok(None) };
        let key = self.voices_key()?;
        Ok(keys::unlock_voice(&sealed, &key, who.id()).ok().map(|profile| (timestamp(made), profile)))
    }

    /// Forgets the voice of `who`, in every older copy of the journal too.
    pub fn erase_voice(&self, who: &Person, now: Timestamp) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            transaction.execute("DELETE FROM voices WHERE person = ?1", [Id::from(who.id())])?;
            self.note_own(transaction, who, Act::VoiceForgotten, now)
        })?;
        self.renew_voices_key()?;
        self.announce(Change::Members);
        Ok(())
    }

    /// Sets what `who` chose for when their voice is recognised: nothing until they say so, and once it is erased.
    pub fn set_voice_choices(
        &self,
        who: &Person,
        choices: &VoiceChoices,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.store().write(Lasting::Disk, |transaction| -> Result<(), MemberError> {
            require_active(transaction, who.id())?;
            transaction.execute(
                "UPDATE voices SET named = ?2, language = ?3 WHERE person = ?1",
                params![Id::from(who.id()), choices.named, choices.language],
            )?;
            self.note_own(transaction, who, Act::SettingChanged, now)
        })?;
        self.announce(Change::Members);
        Ok(())
    }

    pub fn voice_choices(&self, who: &Person) -> Result<VoiceChoices, MemberError> {
        self.store().read(|transaction| -> Result<_, MemberError> {
            Ok(transaction
                .prepare_cached("SELECT named, language FROM voices WHERE person = ?1")?
                .query_row([Id::from(who.id())], |row| {
                    Ok(VoiceChoices { named: row.get(0)?, language: row.get(1)? })
                })
                .optional()?
                .unwrap_or_default())
        })
    }

    /// Every profile, for the running hub. One that does not open (restored from elsewhere) is left out.
    pub fn voices(&self) -> Result<Vec<VoiceProfile>, StoreError> {
        let sealed = self.store().read(sealed_voices)?;
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        let key = self.voices_key()?;
        let open = |(mut voice, sealed): (VoiceProfile, Vec<u8>)| {
            voice.profile = keys::unlock_voice(&sealed, &key, voice.person).ok()?;
            Some(voice)
        };
        Ok(sealed.into_iter().filter_map(open).collect())
    }

    /// A new key, under which what is left is sealed anew; the old one is overwritten. After a crash in between the
    /// profiles do not open, and their owners are asked to enrol again: never the other way round.
    pub(crate) fn renew_voices_key(&self) -> Result<(), StoreError> {
        let kept = self.voices()?;
        let key = Secret::random();
        self.write_voices_key(&key)?;
        self.store().write(Lasting::Disk, |transaction| -> Result<(), StoreError> {
            for voice in &kept {
                transaction.execute(
                    "UPDATE voices SET sealed = ?2 WHERE person = ?1",
                    params![Id::from(voice.person), keys::lock_voice(&voice.profile, &key, voice.person)],
                )?;
            }
            Ok(())
        })?;
        self.store().truncate_wal()?;
        Ok(())
    }

    fn voices_key_path(&self) -> PathBuf {
        self.store().directory().join(KEY)
    }

    fn voices_key(&self) -> Result<Secret, StoreError> {
        match fs::read(self.voices_key_path()) {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| StoreError::Damaged)?;
                Ok(Secret::from_bytes(Zeroizing::new(bytes)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Secret::random();
                self.write_voices_key(&key)?;
                Ok(key)
            }
            Err(_) => Err(StoreError::ReadOnly),
        }
    }

    /// Over the same bytes of the disk, as far as its file system has it so.
    fn write_voices_key(&self, key: &Secret) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let mut file = private_file(&self.voices_key_path())?;
            file.write_all(key.expose())?;
            file.sync_all()
        };
        write().map_err(|_| StoreError::ReadOnly)
    }

    /// What the house has learned of voices that it does not know: three numbers.
    pub fn calibration(&self) -> Result<Calibration, StoreError> {
        let found: Option<Vec<u8>> = self.store().read(|transaction| -> Result<_, StoreError> {
            Ok(transaction
                .prepare_cached("SELECT value FROM facts WHERE name = 'voice calibration'")?
                .query_row([], |row| row.get(0))
                .optional()?)
        })?;
        let read = |bytes: Vec<u8>| {
            let (count, rest) = bytes.split_first_chunk::<4>()?;
            let (mean, rest) = rest.split_first_chunk::<8>()?;
            let spread: [u8; 8] = rest.try_into().ok()?;
            Some(Calibration {
                count: u32::from_le_bytes(*count),
                mean: f64::from_le_bytes(*mean),
                spread: f64::from_le_bytes(spread),
            })
        };
        Ok(found.and_then(read).unwrap_or_default())
    }

    pub fn set_calibration(&self, calibration: Calibration) -> Result<(), StoreError> {
        let Calibration { count, mean, spread } = calibration;
        let bytes = [&count.to_le_bytes()[..], &mean.to_le_bytes(), &spread.to_le_bytes()].concat();
        self.store().write(Lasting::Process, |transaction| -> Result<(), StoreError> {
            transaction.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('voice calibration', ?1)",
                [bytes],
            )?;
            Ok(())
        })
    }
}

fn sealed_voices(transaction: &Transaction<'_>) -> Result<Vec<(VoiceProfile, Vec<u8>)>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT voices.person, name, role, named, language, sealed, recognise, words_out
         FROM voices JOIN people ON people.person = voices.person
         WHERE gone IS NULL ORDER BY joined",
    )?;
    let voices = statement.query_map([], |row| {
        let voice = VoiceProfile {
            person: row.get::<_, Id>(0)?.person(),
            name: row.get(1)?,
            role: row.get::<_, Code<Role>>(2)?.0,
            choices: VoiceChoices { named: row.get(3)?, language: row.get(4)? },
            recognise: row.get(6)?,
            words_out: row.get(7)?,
            profile: Zeroizing::default(),
        };
        Ok((voice, row.get(5)?))
    })?;
    Ok(voices.collect::<Result<_, _>>()?)
}
