//! Every key and cipher of the journal, and nothing else.
//!
//! ```text
//! passphrase ─Argon2id→ KEK ─XChaCha20-Poly1305→ person's X25519 secret
//! recording key (32 random bytes) ─HPKE→ owner's X25519 public key       seal: only the owner opens it
//! recording key ─XChaCha20-Poly1305→ audio, words, correction           bound to recording, owner and kind
//! ```
//!
//! HPKE is RFC 9180 in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. Nonces of
//! XChaCha20-Poly1305 are 24 random bytes, so they need no counter that a restored backup could repeat.
//! Deliberately absent: any function that takes ciphertext of a recording without its binding, and `Debug` that
//! shows a byte of a key.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use sha2::{Digest, Sha256};
use sotto_house::{PersonId, RecordingId};
use zeroize::Zeroizing;

/// Bytes of an HPKE encapsulated key (an X25519 point, RFC 9180 section 7.1).
const ENCAPSULATED: usize = 32;
/// Bytes of an XChaCha20 nonce.
const NONCE: usize = 24;
/// Bytes of a passphrase's salt (RFC 9106 section 3.1 asks for 16).
const SALT: usize = 16;
/// What every use of a key here begins with, so that nothing made for another program fits.
const DOMAIN: &[u8] = b"sotto journal 1 ";

/// A ciphertext that its key does not open: changed, cut short, or somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// `N` bytes from the operating system's generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Linux's getrandom cannot fail once the machine has booted; without it no promise could be kept at all.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// 32 secret bytes: a recording's key, an X25519 secret or a key derived from one. Gone from memory on drop.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub(crate) fn random() -> Self {
        Secret(Zeroizing::new(random()))
    }

    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Secret(bytes)
    }

    fn from_slice(bytes: &[u8]) -> Result<Self, Broken> {
        let mut secret = Zeroizing::new([0; 32]);
        if bytes.len() != secret.len() {
            return Err(Broken);
        }
        secret.copy_from_slice(bytes);
        Ok(Secret(secret))
    }

    /// A key for one use, from a secret of full entropy (so that one hash is a sound derivation).
    pub(crate) fn derive(&self, purpose: &[u8]) -> Secret {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(purpose);
        hash.update(self.0.as_slice());
        let mut digest = hash.finalize();
        let secret = Secret::from_slice(&digest).expect("SHA-256 gives 32 bytes");
        zeroize::Zeroize::zeroize(digest.as_mut_slice());
        secret
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(32 bytes)")
    }
}

/// A public key: whoever has it can seal, and cannot open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Public([u8; 32]);

impl Public {
    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, Broken> {
        Ok(Public(bytes.try_into().map_err(|_| Broken)?))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A new X25519 key pair.
pub(crate) fn new_pair() -> (Secret, Public) {
    let (secret, public) = X25519HkdfSha256::gen_keypair();
    let secret = Secret(Zeroizing::new(secret.to_bytes().into()));
    (secret, Public(public.to_bytes().into()))
}

/// What a ciphertext is about: it opens for this recording, this owner and this kind, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) recording: RecordingId,
    pub(crate) owner: PersonId,
}

/// Which of a recording's parts a ciphertext is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Key,
    Audio,
    Words,
    Correction,
    /// The words of many of an owner's recordings together: see [`crate::shelf`].
    Shelf,
}

impl Binding {
    fn bytes(&self, kind: Kind) -> Vec<u8> {
        let kind: &[u8] = match kind {
            Kind::Key => b"key     ",
            Kind::Audio => b"audio   ",
            Kind::Words => b"words   ",
            Kind::Correction => b"correct ",
            Kind::Shelf => b"shelf   ",
        };
        [DOMAIN, kind, self.recording.bytes(), self.owner.bytes()].concat()
    }
}

/// A recording's key, sealed so that only the holder of `to`'s secret half opens it: `encapsulated ‖ ciphertext`.
pub(crate) fn seal(key: &Secret, to: &Public, binding: &Binding) -> Vec<u8> {
    seal_bytes(key.expose(), to, &binding.bytes(Kind::Key))
}

pub(crate) fn open_seal(sealed: &[u8], secret: &Secret, binding: &Binding) -> Result<Secret, Broken> {
    Secret::from_slice(&open_bytes(sealed, secret, &binding.bytes(Kind::Key))?)
}

/// A secret key itself (the house's), sealed to a person.
pub(crate) fn seal_secret(secret: &Secret, to: &Public, person: PersonId) -> Vec<u8> {
    seal_bytes(secret.expose(), to, &[DOMAIN, b"house secret", person.bytes()].concat())
}

pub(crate) fn open_secret(sealed: &[u8], secret: &Secret, person: PersonId) -> Result<Secret, Broken> {
    Secret::from_slice(&open_bytes(sealed, secret, &[DOMAIN, b"house secret", person.bytes()].concat())?)
}

fn seal_bytes(plain: &[u8], to: &Public, binding: &[u8]) -> Vec<u8> {
    // The two failures of HPKE in base mode are a public key of low order, which `new_pair` never makes, and a
    // message of 2^64 bytes.
    let to = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(to.bytes()).expect("a point is any 32 bytes");
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &to,
            DOMAIN,
            plain,
            binding,
        )
        .expect("sealing to a public key that this program made");
    [encapsulated.to_bytes().as_slice(), &ciphertext].concat()
}

fn open_bytes(sealed: &[u8], secret: &Secret, binding: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let (encapsulated, ciphertext) = sealed.split_at_checked(ENCAPSULATED).ok_or(Broken)?;
    let encapsulated =
        <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| Broken)?;
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret.expose()).map_err(|_| Broken)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        DOMAIN,
        ciphertext,
        binding,
    )
    .map(Zeroizing::new)
    .map_err(|_| Broken)
}

/// A recording's key under its owner's own symmetric key: what a seal becomes once its owner has opened it, 50
/// times quicker to open again.
pub(crate) fn wrap(key: &Secret, under: &Secret, binding: &Binding) -> Vec<u8> {
    lock_bytes(key.expose(), under, &binding.bytes(Kind::Key))
}

pub(crate) fn unwrap(wrapped: &[u8], under: &Secret, binding: &Binding) -> Result<Secret, Broken> {
    Secret::from_slice(&unlock_bytes(wrapped, under, &binding.bytes(Kind::Key))?)
}

/// `plain` under a recording's key: `nonce ‖ ciphertext`.
pub(crate) fn lock(plain: &[u8], key: &Secret, binding: &Binding, kind: Kind) -> Vec<u8> {
    lock_bytes(plain, key, &binding.bytes(kind))
}

pub(crate) fn unlock(
    locked: &[u8],
    key: &Secret,
    binding: &Binding,
    kind: Kind,
) -> Result<Zeroizing<Vec<u8>>, Broken> {
    unlock_bytes(locked, key, &binding.bytes(kind))
}

fn lock_bytes(plain: &[u8], key: &Secret, binding: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random();
    let ciphertext = XChaCha20Poly1305::new(key.expose().into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: binding })
        .expect("far less than the 256 GiB that one nonce may cover");
    [nonce.as_slice(), &ciphertext].concat()
}

fn unlock_bytes(locked: &[u8], key: &Secret, binding: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let (nonce, ciphertext) = locked.split_first_chunk::<NONCE>().ok_or(Broken)?;
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: binding })
        .map(Zeroizing::new)
        .map_err(|_| Broken)
}

/// A person's voice profile under the hub's own key, bound to that person.
pub(crate) fn lock_voice(profile: &[u8], key: &Secret, person: PersonId) -> Vec<u8> {
    lock_bytes(profile, key, &voice_binding(person))
}

pub(crate) fn unlock_voice(
    locked: &[u8],
    key: &Secret,
    person: PersonId,
) -> Result<Zeroizing<Vec<u8>>, Broken> {
    unlock_bytes(locked, key, &voice_binding(person))
}

fn voice_binding(person: PersonId) -> Vec<u8> {
    [DOMAIN, b"voice   ", person.bytes()].concat()
}

/// How much work one guess at a passphrase costs. Stored beside what it protects, so a later, harder choice
/// leaves the earlier ones openable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardness {
    kibibytes: u32,
    passes: u32,
}

impl Hardness {
    /// 64 MiB and 3 passes: RFC 9106 section 4, the choice for machines of little memory.
    pub const HOUSEHOLD: Hardness = Hardness { kibibytes: 64 * 1024, passes: 3 };
    /// Worth nothing against a guesser. For tests that sign in hundreds of times.
    pub const NONE_FOR_TESTS: Hardness = Hardness { kibibytes: 8, passes: 1 };

    fn bytes(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.kibibytes.to_le_bytes());
        bytes[4..].copy_from_slice(&self.passes.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; 8]) -> Result<Self, Broken> {
        let [a, b, c, d, e, f, g, h] = *bytes;
        let hardness = Hardness {
            kibibytes: u32::from_le_bytes([a, b, c, d]),
            passes: u32::from_le_bytes([e, f, g, h]),
        };
        // A doctored row must not make a sign-in take gigabytes or hours.
        let sane = hardness.kibibytes <= 1024 * 1024 && (1..=64).contains(&hardness.passes);
        if sane { Ok(hardness) } else { Err(Broken) }
    }
}

/// A secret under a passphrase: `hardness ‖ salt ‖ nonce ‖ ciphertext`, bound to its person and its use.
pub(crate) fn seal_by_passphrase(
    secret: &Secret,
    passphrase: &[u8],
    hardness: Hardness,
    binding: &[u8],
) -> Vec<u8> {
    let salt: [u8; SALT] = random();
    let key = stretch(passphrase, &salt, hardness).expect("a hardness that this program chose");
    [&hardness.bytes(), salt.as_slice(), &lock_bytes(secret.expose(), &key, binding)].concat()
}

pub(crate) fn open_by_passphrase(sealed: &[u8], passphrase: &[u8], binding: &[u8]) -> Result<Secret, Broken> {
    let (hardness, rest) = sealed.split_first_chunk::<8>().ok_or(Broken)?;
    let (salt, locked) = rest.split_first_chunk::<SALT>().ok_or(Broken)?;
    let key = stretch(passphrase, salt, Hardness::from_bytes(hardness)?)?;
    Secret::from_slice(&unlock_bytes(locked, &key, binding)?)
}

/// Argon2id (RFC 9106), one lane.
fn stretch(passphrase: &[u8], salt: &[u8; SALT], hardness: Hardness) -> Result<Secret, Broken> {
    let params = Params::new(hardness.kibibytes, hardness.passes, 1, Some(32)).map_err(|_| Broken)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, key.as_mut_slice())
        .map_err(|_| Broken)?;
    Ok(Secret(key))
}

/// A person's secret under what a passkey computes (full entropy, for this credential alone).
pub(crate) fn seal_by_passkey(
    secret: &Secret,
    passkey: &Secret,
    person: PersonId,
    credential: &[u8],
) -> Vec<u8> {
    lock_bytes(secret.expose(), &passkey.derive(b"passkey"), &passkey_binding(person, credential))
}

pub(crate) fn open_by_passkey(
    sealed: &[u8],
    passkey: &Secret,
    person: PersonId,
    credential: &[u8],
) -> Result<Secret, Broken> {
    let key = passkey.derive(b"passkey");
    Secret::from_slice(&unlock_bytes(sealed, &key, &passkey_binding(person, credential))?)
}

fn passkey_binding(person: PersonId, credential: &[u8]) -> Vec<u8> {
    [DOMAIN, b"by passkey ", person.bytes(), credential].concat()
}

/// A secret under a token of full entropy (an invitation's), which needs no stretching.
pub(crate) fn seal_by_token(secret: &Secret, token: &Secret) -> Vec<u8> {
    lock_bytes(secret.expose(), &token.derive(b"invitation"), b"house secret")
}

pub(crate) fn open_by_token(sealed: &[u8], token: &Secret) -> Result<Secret, Broken> {
    Secret::from_slice(&unlock_bytes(sealed, &token.derive(b"invitation"), b"house secret")?)
}

pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(recording: u8, owner: u8) -> Binding {
        Binding {
            recording: RecordingId::from_bytes([recording; 16]),
            owner: PersonId::from_bytes([owner; 16]),
        }
    }

    #[test]
    fn a_seal_opens_for_its_recording_and_owner_only() {
        let (secret, public) = new_pair();
        let key = Secret::random();
        let sealed = seal(&key, &public, &binding(1, 1));
        assert_eq!(open_seal(&sealed, &secret, &binding(1, 1)).unwrap().expose(), key.expose());
        assert!(open_seal(&sealed, &secret, &binding(2, 1)).is_err());
        assert!(open_seal(&sealed, &secret, &binding(1, 2)).is_err());
        assert!(open_seal(&sealed, &new_pair().0, &binding(1, 1)).is_err());
    }

    #[test]
    fn audio_cannot_pass_for_words() {
        let key = Secret::random();
        let locked = lock(b"sound", &key, &binding(1, 1), Kind::Audio);
        assert_eq!(unlock(&locked, &key, &binding(1, 1), Kind::Audio).unwrap().as_slice(), b"sound");
        assert!(unlock(&locked, &key, &binding(1, 1), Kind::Words).is_err());
        assert!(unlock(&locked, &key, &binding(2, 1), Kind::Audio).is_err());
    }

    #[test]
    fn any_change_and_any_cut_is_noticed() {
        let (secret, public) = new_pair();
        let key = Secret::random();
        let sealed = seal(&key, &public, &binding(1, 1));
        let locked = lock(b"x", &key, &binding(1, 1), Kind::Words);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open_seal(&changed, &secret, &binding(1, 1)).is_err(), "byte {at}");
            assert!(open_seal(&sealed[..at], &secret, &binding(1, 1)).is_err(), "cut at {at}");
        }
        for at in 0..locked.len() {
            let mut changed = locked.clone();
            changed[at] ^= 1;
            assert!(unlock(&changed, &key, &binding(1, 1), Kind::Words).is_err(), "byte {at}");
            assert!(unlock(&locked[..at], &key, &binding(1, 1), Kind::Words).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_passphrase_opens_what_it_sealed_and_no_more() {
        let secret = Secret::random();
        let sealed = seal_by_passphrase(&secret, b"correct horse", Hardness::NONE_FOR_TESTS, b"ada");
        assert_eq!(open_by_passphrase(&sealed, b"correct horse", b"ada").unwrap().expose(), secret.expose());
        assert!(open_by_passphrase(&sealed, b"correct hors", b"ada").is_err());
        assert!(open_by_passphrase(&sealed, b"correct horse", b"bert").is_err());
    }

    #[test]
    fn a_doctored_hardness_costs_nothing() {
        let mut sealed = seal_by_passphrase(&Secret::random(), b"p", Hardness::NONE_FOR_TESTS, b"");
        sealed[..8].fill(0xff);
        assert!(open_by_passphrase(&sealed, b"p", b"").is_err());
    }
}
