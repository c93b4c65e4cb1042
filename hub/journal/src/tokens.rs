//! What is written on paper or sent in a link: recovery codes and invitations, and the patience with wrong tries.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::{self, Secret};
use crate::sign_in::SignInError;
use crate::store::lock;

/// Crockford's base 32: no I, L, O or U, so that it survives handwriting.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a code: 26 of 5 bits carry its 128.
const DIGITS: usize = 26;

/// A text that is not a code or token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is not a whole code; type all of it, dashes and case do not matter")]
pub struct CodeError;

/// 128 random bits, printed once and kept on paper: the way back after a forgotten passphrase.
pub struct RecoveryCode(Zeroizing<[u8; 16]>);

impl RecoveryCode {
    pub(crate) fn new() -> Self {
        RecoveryCode(Zeroizing::new(keys::random()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The code as it is printed: four groups of five digits and one of six. On purpose not `Display`: it is shown once,
    /// and never by accident.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + 4));
        let bits = u128::from_be_bytes(*self.0);
        for digit in 0..DIGITS {
            if digit > 0 && digit % 5 == 0 && digit < 25 {
                text.push('-');
            }
            // 26 digits hold 130 bits: the first one carries only three.
            let shift = 5 * (DIGITS - 1 - digit);
            text.push(ALPHABET[(bits >> shift) as usize & 31] as char);
        }
        text
    }
}

impl FromStr for RecoveryCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let mut bits: u128 = 0;
        let mut digits = 0;
        for character in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let character = match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = ALPHABET.iter().position(|digit| *digit as char == character).ok_or(CodeError)?;
            if digits == DIGITS || digits == 0 && value > 7 {
                return Err(CodeError);
            }
            bits = bits << 5 | value as u128;
            digits += 1;
        }
        if digits != DIGITS {
            return Err(CodeError);
        }
        Ok(RecoveryCode(Zeroizing::new(bits.to_be_bytes())))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(16 bytes)")
    }
}

/// 256 random bits by which somebody joins, once. The journal keeps only its digest.
pub struct InviteToken(Secret);

impl InviteToken {
    pub(crate) fn new() -> Self {
        InviteToken(Secret::random())
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        keys::digest(&[b"invitation", self.0.expose()])
    }

    /// 64 hexadecimal digits, to be shown or sent once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in self.0.expose() {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        text
    }
}

impl FromStr for InviteToken {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let text = text.trim().as_bytes();
        let mut bytes = Zeroizing::new([0; 32]);
        if text.len() != 64 {
            return Err(CodeError);
        }
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8).ok_or(CodeError);
        for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(InviteToken(Secret::from_bytes(bytes)))
    }
}

impl fmt::Debug for InviteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteToken(32 bytes)")
    }
}

/// Wrong passphrases that cost nothing but their time.
const FREE_TRIES: u32 = 5;
/// The longest wait between two tries: long enough to make guessing hopeless, short enough that a housemate's
/// prank does not lock somebody out for the evening.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// Names remembered. A guesser who invents names shares the last place with everybody who does.
const NAMES: usize = 256;

/// Counts wrong tries by name, in memory.
#[derive(Default)]
pub(crate) struct Patience(Mutex<HashMap<String, (u32, Timestamp)>>);

impl Patience {
    pub(crate) fn check(&self, name: &str, now: Timestamp) -> Result<(), SignInError> {
        let tries = lock(&self.0);
        let until = tries.get(key(&tries, name)).map(|(_, until)| *until);
        match until {
            Some(until) if now < until => Err(SignInError::Wait { until }),
            _ => Ok(()),
        }
    }

    pub(crate) fn note_failure(&self, name: &str, now: Timestamp) {
        let mut tries = lock(&self.0);
        let key = key(&tries, name).to_owned();
        let (failures, until) = tries.entry(key).or_insert((0, now));
        *failures = failures.saturating_add(1);
        if *failures >= FREE_TRIES {
            let seconds = 1_i64 << (*failures - FREE_TRIES).min(10);
            *until = now.saturating_add(SignedDuration::from_secs(seconds).min(LONGEST_WAIT)).unwrap_or(now);
        }
    }

    pub(crate) fn forget(&self, name: &str) {
        lock(&self.0).remove(name);
    }
}

fn key<'a>(tries: &HashMap<String, (u32, Timestamp)>, name: &'a str) -> &'a str {
    if tries.contains_key(name) || tries.len() < NAMES { name } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        for _ in 0..50 {
            let code = RecoveryCode::new();
            let text = code.reveal();
            for typed in
                [text.to_string(), text.to_lowercase(), text.replace('-', " "), text.replace('0', "o")]
            {
                assert_eq!(typed.parse::<RecoveryCode>().unwrap().bytes(), code.bytes(), "{typed}");
            }
        }
    }

    #[test]
    fn half_a_code_is_no_code() {
        let code = RecoveryCode::new().reveal().to_string();
        for bad in
            ["", &code[..12], &format!("{code}0"), &code.replace('-', "!"), &format!("Z{}", &code[1..])]
        {
            assert!(bad.parse::<RecoveryCode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_invitation_reads_back() {
        let token = InviteToken::new();
        assert_eq!(token.reveal().parse::<InviteToken>().unwrap().digest(), token.digest());
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
            assert!(bad.parse::<InviteToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn wrong_tries_make_everybody_wait_and_then_no_longer() {
        let patience = Patience::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..FREE_TRIES {
            assert!(patience.check("ada", now).is_ok());
            patience.note_failure("ada", now);
        }
        assert!(matches!(patience.check("ada", now), Err(SignInError::Wait { .. })));
        assert!(patience.check("bert", now).is_ok());
        now += SignedDuration::from_secs(1);
        assert!(patience.check("ada", now).is_ok());
        for _ in 0..40 {
            patience.note_failure("ada", now);
        }
        assert!(patience.check("ada", now + SignedDuration::from_secs(299)).is_err());
        assert!(patience.check("ada", now + LONGEST_WAIT).is_ok());
        patience.forget("ada");
        assert!(patience.check("ada", now).is_ok());
    }
}
