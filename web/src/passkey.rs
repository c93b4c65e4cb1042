//! Passkeys: WebAuthn (Level 3) as a second way in, with the PRF extension, without which it could open nothing.
//!
//! ```text
//! challenge → the browser asks the authenticator → signature ─checked here→
//!                                                  PRF bytes ─journal→ the person's key
//! ```
//!
//! Checked is what section 7 of the specification asks where no attestation is wanted: the challenge is ours and used
//! once, the origin is this page, the authenticator answers for this host, somebody was there and proved who they are,
//! and the signature is by the key that was registered. Deliberately absent: attestation (a household does not ask who
//! made its phones) and signature counters (synchronised passkeys do not count).

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sotto_journal::{PasskeyPublic, PasskeySecret};
use zeroize::Zeroizing;

use crate::answer::{go, onward};
use crate::session::{locked, same, secret};
use crate::settings::refused;
use crate::trouble::Trouble;
use crate::visitor::{self, Deed, Form, Member, Visitor};

/// What the authenticator computes its bytes from: the same for all, because the key it does so with is each
/// credential's own.
const SALT: &[u8] = b"sotto passkey 1";
/// The browser waits as long for its person; a challenge that is older is not taken.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Challenges that are out at one time; the oldest makes room.
const MOST: usize = 256;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const CREDENTIAL_INCLUDED: u8 = 1 << 6;

/// Of a SubjectPublicKeyInfo (RFC 5480, RFC 8410), all but the key: COSE's number and its length.
const KINDS: [(&[u8], i32, usize); 2] = [
    (b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", -7, 65),
    (b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", -8, 32),
];

/// Challenges that are out, each good for one answer.
#[derive(Default)]
pub struct Challenges(Mutex<VecDeque<(String, Instant)>>);

impl Challenges {
    fn make(&self) -> Result<String, getrandom::Error> {
        let challenge = secret()?;
        let mut out = locked(&self.0);
        if out.len() >= MOST {
            out.pop_front();
        }
        out.push_back((challenge.clone(), Instant::now()));
        Ok(challenge)
    }

    fn take(&self, challenge: &str) -> bool {
        let mut out = locked(&self.0);
        out.retain(|(_, made)| made.elapsed() < PATIENCE);
        let at = out.iter().position(|(ours, _)| same(ours, challenge));
        at.is_some_and(|at| out.remove(at).is_some())
    }
}

/// What the browser says it was asked (section 5.8.1).
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

/// What is wrong with an answer; which of it is nobody's business but the log's.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Form,
    Question,
    Host,
    Person,
    Key,
    Signature,
}

/// An answer of the browser, as far as both ceremonies agree.
struct Reply {
    credential: Vec<u8>,
    client: Vec<u8>,
    data: Vec<u8>,
    secret: PasskeySecret,
}

impl Reply {
    fn read(form: &Form) -> Result<Reply, Wrong> {
        let bytes = |name: &str| BASE64.decode(form.get(name)).map_err(|_| Wrong::Form);
        let prf = Zeroizing::new(bytes("prf")?);
        let mut secret = Zeroizing::new([0; 32]);
        if prf.len() != secret.len() {
            return Err(Wrong::Form);
        }
        secret.copy_from_slice(&prf);
        Ok(Reply {
            credential: bytes("credential")?,
            client: bytes("client")?,
            data: bytes("data")?,
            secret: PasskeySecret::new(secret),
        })
    }

    /// Whether this is the answer to a question of ours, by an authenticator that answers to `host` and has verified
    /// its person.
    fn check(&self, kind: &str, host: &str, origin: &str, challenges: &Challenges) -> Result<u8, Wrong> {
        let client: ClientData = serde_json::from_slice(&self.client).map_err(|_| Wrong::Form)?;
        let challenge = BASE64.decode(&client.challenge).ok().and_then(|text| String::from_utf8(text).ok());
        let ours = challenge.is_some_and(|challenge| challenges.take(&challenge));
        if client.r#type != kind || !ours {
            return Err(Wrong::Question);
        }
        // rpIdHash ‖ flags ‖ counter (section 6.1).
        let (hash, rest) = self.data.split_first_chunk::<32>().ok_or(Wrong::Form)?;
        if client.origin != origin || client.cross_origin || *hash != *Sha256::digest(host.as_bytes()) {
            return Err(Wrong::Host);
        }
        let flags = *rest.first().filter(|_| rest.len() >= 5).ok_or(Wrong::Form)?;
        let there = USER_PRESENT | USER_VERIFIED;
        if flags & there == there { Ok(flags) } else { Err(Wrong::Person) }
    }

    /// The credential that the authenticator itself names: `AAGUID ‖ length ‖ id` (section 6.5.1).
    fn names_its_credential(&self) -> bool {
        let length = self.data.get(53..55).map(|pair| usize::from(pair[0]) << 8 | usize::from(pair[1]));
        length.and_then(|length| self.data.get(55..55 + length)).is_some_and(|id| id == self.credential)
    }

    fn signed_by(&self, public: &PasskeyPublic, signature: &[u8]) -> Result<(), Wrong> {
        let algorithm: &dyn VerificationAlgorithm = match public.algorithm {
            -7 => &ECDSA_P256_SHA256_ASN1,
            -8 => &ED25519,
            _ => return Err(Wrong::Key),
        };
        let message = [self.data.as_slice(), &Sha256::digest(&self.client)].concat();
        let key = UnparsedPublicKey::new(algorithm, &public.key);
        key.verify(&message, signature).map_err(|_| Wrong::Signature)
    }
}

/// A key as the browser gives it (`getPublicKey`).
fn public(spki: &[u8], host: &str) -> Result<PasskeyPublic, Wrong> {
    let fits = |(prefix, algorithm, length): &(&[u8], i32, usize)| {
        let key = spki.strip_prefix(*prefix).filter(|key| key.len() == *length)?;
        Some(PasskeyPublic { algorithm: *algorithm, key: key.to_vec(), host: host.to_owned() })
    };
    KINDS.iter().find_map(fits).ok_or(Wrong::Key)
}

/// The host and the origin under which the browser reached this page.
fn whereabouts(headers: &HeaderMap) -> Result<(String, String), Wrong> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).ok_or(Wrong::Host)?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    Ok((name, format!("https://{}", host.to_ascii_lowercase())))
}

#[derive(serde::Serialize)]
pub struct Question {
    challenge: String,
    salt: String,
}

/// What the browser is to have signed. Worth nothing by itself, so it is for anybody.
pub async fn question(visitor: Visitor) -> Result<Json<Question>, Trouble> {
    let challenge = visitor.shared.challenges.make();
    let challenge = challenge.map_err(|error| Trouble::Broken(visitor.lang, error.to_string()))?;
    Ok(Json(Question { challenge, salt: BASE64.encode(Sha256::digest(SALT)) }))
}

/// Signs in by a passkey.
pub async fn sign_in(visitor: Visitor, headers: HeaderMap, body: Body) -> Result<Response, Trouble> {
    let form = visitor::form(&headers, body, visitor.lang).await?;
    visitor.try_again_later()?;
    let refuse = |why: Wrong| {
        tracing::info!(?why, "a passkey was refused");
        Trouble::Refused(visitor.lang, visitor.lang.say("passkey.wrong").to_owned())
    };
    let reply = Reply::read(&form).map_err(refuse)?;
    let signature = BASE64.decode(form.get("signature")).map_err(|_| refuse(Wrong::Form))?;
    let credential = reply.credential.clone();
    let known = visitor.shared.ask(move |journal| journal.passkey(&credential)).await?;
    let known = known.map_err(|error| Trouble::store(visitor.lang, &error))?;
    let known = known.ok_or_else(|| refuse(Wrong::Key))?;
    let (_, origin) = whereabouts(&headers).map_err(refuse)?;
    let challenges = &visitor.shared.challenges;
    reply.check("webauthn.get", &known.host, &origin, challenges).map_err(refuse)?;
    reply.signed_by(&known, &signature).map_err(refuse)?;
    let Reply { credential, secret, .. } = reply;
    let signed_in = visitor
        .shared
        .ask(move |journal| journal.sign_in_by_passkey(&credential, &secret, Timestamp::now()))
        .await?;
    match signed_in {
        Ok(person) => {
            visitor.shared.tries.forgive(&visitor.address);
            visitor.open_session(person, onward(form.get("next"))).await
        }
        Err(sotto_journal::SignInError::Store(error)) => {
            Err(Trouble::Broken(visitor.lang, error.to_string()))
        }
        Err(_) => Err(refuse(Wrong::Person)),
    }
}

/// Registers a passkey of one's own.
pub async fn add(headers: HeaderMap, deed: Deed) -> Result<Response, Trouble> {
    let Deed { member, form } = deed;
    let refuse = |why: Wrong| {
        tracing::info!(?why, "a passkey was not registered");
        Trouble::Refused(member.lang, member.lang.say("passkey.not_added").to_owned())
    };
    let reply = Reply::read(&form).map_err(refuse)?;
    let (host, origin) = whereabouts(&headers).map_err(refuse)?;
    let challenges = &member.shared.challenges;
    let flags = reply.check("webauthn.create", &host, &origin, challenges).map_err(refuse)?;
    if flags & CREDENTIAL_INCLUDED == 0 || !reply.names_its_credential() {
        return Err(refuse(Wrong::Key));
    }
    let spki = BASE64.decode(form.get("public")).map_err(|_| refuse(Wrong::Form))?;
    let public = public(&spki, &host).map_err(refuse)?;
    let name = match form.get("name") {
        "" => host,
        name => name.to_owned(),
    };
    let session = member.session.clone();
    let added = member
        .shared
        .ask(move |journal| {
            let Reply { credential, secret, .. } = reply;
            journal.add_passkey(&session.person, &credential, &name, &public, &secret, Timestamp::now())
        })
        .await?;
    added.map_err(|error| refused(member.lang, &error))?;
    Ok(go("/account#passkeys"))
}

pub async fn remove(deed: Deed) -> Result<Response, Trouble> {
    forget(&deed.member, deed.form.get("credential")).await?;
    Ok(go("/account#passkeys"))
}

/// Takes one of the person's own passkeys away.
pub async fn forget(member: &Member, credential: &str) -> Result<(), Trouble> {
    let lang = member.lang;
    let credential = BASE64.decode(credential).map_err(|_| Trouble::NotHere(lang))?;
    let removed = member.ask(move |journal, who| journal.remove_passkey(who, &credential, Timestamp::now()));
    removed.await?.map_err(|error| match error {
        sotto_journal::MemberError::Passkey => Trouble::NotHere(lang),
        error => refused(lang, &error),
    })
}

/// How a page names a credential.
pub fn in_text(credential: &[u8]) -> String {
    BASE64.encode(credential)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    const HOST: &str = "sotto.local";
    const ORIGIN: &str = "https://sotto.local:8443";

    fn reply(challenge: &str, kind: &str, origin: &str, host: &str, flags: u8) -> Reply {
        let challenge = BASE64.encode(challenge);
        let client = format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"}}"#);
        let mut data = Sha256::digest(host.as_bytes()).to_vec();
        data.push(flags);
        data.extend([0; 4]);
        let secret = PasskeySecret::new(Zeroizing::new([1; 32]));
        Reply { credential: vec![1], client: client.into_bytes(), data, secret }
    }

    #[test]
    fn only_an_answer_to_our_question_from_our_page_counts() {
        let check = |kind: &str, origin: &str, host: &str, flags: u8, expect: Result<u8, Wrong>| {
            let challenges = Challenges::default();
            let asked = challenges.make().unwrap();
            let reply = reply(&asked, kind, origin, host, flags);
            assert_eq!(
                reply.check("webauthn.get", HOST, ORIGIN, &challenges),
                expect,
                "{kind} {origin} {host}"
            );
            let again = reply.check("webauthn.get", HOST, ORIGIN, &challenges);
            assert!(again.is_err(), "a challenge counts once");
        };
        check("webauthn.get", ORIGIN, HOST, 5, Ok(5));
        check("webauthn.create", ORIGIN, HOST, 5, Err(Wrong::Question));
        check("webauthn.get", "https://evil.example", HOST, 5, Err(Wrong::Host));
        check("webauthn.get", ORIGIN, "evil.example", 5, Err(Wrong::Host));
        check("webauthn.get", ORIGIN, HOST, 1, Err(Wrong::Person));
        check("webauthn.get", ORIGIN, HOST, 4, Err(Wrong::Person));
        let unasked = reply("made up", "webauthn.get", ORIGIN, HOST, 5);
        let answer = unasked.check("webauthn.get", HOST, ORIGIN, &Challenges::default());
        assert_eq!(answer, Err(Wrong::Question));
    }

    #[test]
    fn a_signature_counts_for_what_it_signed() {
        let rng = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &rng).unwrap();
        let spki = [KINDS[0].0, pair.public_key().as_ref()].concat();
        let public = public(&spki, HOST).unwrap();
        assert_eq!((public.algorithm, public.key.len()), (-7, 65));

        let reply = reply("x", "webauthn.get", ORIGIN, HOST, 5);
        let message = [reply.data.as_slice(), &Sha256::digest(&reply.client)].concat();
        let signature = pair.sign(&rng, &message).unwrap();
        assert_eq!(reply.signed_by(&public, signature.as_ref()), Ok(()));
        assert_eq!(reply.signed_by(&public, &signature.as_ref()[1..]), Err(Wrong::Signature));
        let other = super::tests::reply("y", "webauthn.get", ORIGIN, HOST, 5);
        assert_eq!(other.signed_by(&public, signature.as_ref()), Err(Wrong::Signature));
        let unknown = PasskeyPublic { algorithm: -257, ..public };
        assert_eq!(reply.signed_by(&unknown, signature.as_ref()), Err(Wrong::Key));
    }

    #[test]
    fn no_form_makes_it_panic() {
        for fields in ["", "prf=AAAA", "prf=!&credential=", "credential=AQ&client=e30&data=AQ"] {
            assert_eq!(Reply::read(&Form::parse(fields.as_bytes())).err(), Some(Wrong::Form), "{fields}");
        }
        let prf = BASE64.encode([1; 32]);
        for (client, data) in [("", ""), ("{}", "x"), ("[]", "y"), ("null", "z")] {
            let (client, data) = (BASE64.encode(client), BASE64.encode(data));
            let form = format!("prf={prf}&credential=AQ&client={client}&data={data}");
            let reply = Reply::read(&Form::parse(form.as_bytes())).expect("a reply");
            assert!(reply.check("webauthn.get", HOST, ORIGIN, &Challenges::default()).is_err());
            assert!(!reply.names_its_credential());
        }
        for length in 0..80 {
            assert!(public(&vec![0x30; length], HOST).is_err());
        }
    }

    #[test]
    fn challenges_that_are_out_are_few() {
        let challenges = Challenges::default();
        let first = challenges.make().unwrap();
        for _ in 0..MOST {
            challenges.make().unwrap();
        }
        assert!(!challenges.take(&first));
        assert_eq!(locked(&challenges.0).len(), MOST);
    }
}
