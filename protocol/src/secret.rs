//! Pairing by a short code: SPAKE2 (RFC 9382) over a TLS connection whose ends do not know each other yet.
//!
//! The code is 8 digits, far too few to hash and send: whoever sees the hash tries all of them. SPAKE2 turns it
//! into a strong shared key in one exchange, and every guess costs an attacker one exchange with someone who
//! counts. Both certificates are the identities in it, so a man in the middle, who must show his own certificate
//! to at least one side, ends with another key than either.
//!
//! Whoever was *given* the code dials and confirms first. The other, who made the code up, answers a guess only
//! by checking it: an exchange that is broken off teaches nothing.

use std::fmt;
use std::str::FromStr;

use hmac::Mac;
use spake2::{Ed25519Group, Identity as SpakeIdentity, Password, Spake2};

use crate::identity::{Fingerprint, derive, mac};
use crate::pairing::Peer;

const CONTEXT: &[u8] = b"sotto-pair/1";

/// Which end of a pairing one is, whoever dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Satellite,
    Hub,
}

impl Side {
    fn label(self) -> &'static [u8] {
        match self {
            Side::Satellite => b"satellite",
            Side::Hub => b"hub",
        }
    }

    fn other(self) -> Side {
        match self {
            Side::Satellite => Side::Hub,
            Side::Hub => Side::Satellite,
        }
    }
}

/// The certificates at both ends of the connection, as this side sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    pub satellite: Fingerprint,
    pub hub: Fingerprint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pairing code is 8 digits, like 1234 5678")]
pub struct CodeError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    #[error("the other side's part of the key exchange is not one")]
    Exchange,
    #[error("the code is wrong, or somebody sits between satellite and hub; make a new code and try again")]
    Wrong,
}

/// A one-time pairing code. `Display` shows it to people; `Debug` does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(u32);

impl Code {
    const COUNT: u32 = 100_000_000;

    /// A new one, every code as likely as any other.
    pub fn random() -> Result<Self, getrandom::Error> {
        // Numbers from the incomplete last round would make low codes likelier.
        let fair = u32::MAX - u32::MAX % Self::COUNT;
        loop {
            let number = getrandom::u32()?;
            if number < fair {
                return Ok(Code(number % Self::COUNT));
            }
        }
    }

    fn digits(&self) -> String {
        format!("{:08}", self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04} {:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(8 digits)")
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Blanks and dashes between the digits do not matter.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if digits.len() != 8 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Err(CodeError);
        }
        digits.parse().map(Code).map_err(|_| CodeError)
    }
}

/// A key exchange that waits for the other side's message.
pub struct Exchange {
    side: Side,
    ends: Ends,
    spake: Spake2<Ed25519Group>,
    sent: [u8; 33],
}

impl Exchange {
    /// Begins, and gives the message for the other side.
    pub fn start(side: Side, code: &Code, ends: Ends) -> (Self, [u8; 33]) {
        let password = Password::new(code.digits());
        let satellite = SpakeIdentity::new(&[b"satellite ".as_slice(), ends.satellite.bytes()].concat());
        let hub = SpakeIdentity::new(&[b"hub ".as_slice(), ends.hub.bytes()].concat());
        let (spake, message) = match side {
            Side::Satellite => Spake2::<Ed25519Group>::start_a(&password, &satellite, &hub),
            Side::Hub => Spake2::<Ed25519Group>::start_b(&password, &satellite, &hub),
        };
        let sent = message.try_into().expect("a SPAKE2 message on Ed25519 is a side and a point, 33 bytes");
        (Exchange { side, ends, spake, sent }, sent)
    }

    /// Takes the other side's message, and who both say they are.
    pub fn finish(self, received: &[u8; 33], own: &Peer, other: &Peer) -> Result<Exchanged, ExchangeError> {
        let key = self.spake.finish(received).map_err(|_| ExchangeError::Exchange)?;
        let (satellite, hub) = match self.side {
            Side::Satellite => ((&self.sent, own), (received, other)),
            Side::Hub => ((received, other), (&self.sent, own)),
        };
        let transcript = transcript(self.ends, satellite, hub);
        Ok(Exchanged { side: self.side, key, transcript })
    }
}

/// Everything both sides must agree on, each part with its length before it so that none can borrow from the
/// next (RFC 9382, section 3.3).
fn transcript(ends: Ends, satellite: (&[u8; 33], &Peer), hub: (&[u8; 33], &Peer)) -> Vec<u8> {
    let mut transcript = Vec::new();
    let mut add = |part: &[u8]| {
        transcript.extend_from_slice(&(part.len() as u64).to_le_bytes());
        transcript.extend_from_slice(part);
    };
    add(CONTEXT);
    add(ends.satellite.bytes());
    add(ends.hub.bytes());
    for (pake, peer) in [satellite, hub] {
        add(pake);
        add(peer.id.as_bytes());
        add(peer.name.as_bytes());
        add(peer.area.as_bytes());
        add(peer.hardware.as_bytes());
    }
    transcript
}

/// A key that both sides share if both used the same code and see the same certificates. Not yet known to be so.
pub struct Exchanged {
    side: Side,
    key: Vec<u8>,
    transcript: Vec<u8>,
}

impl Exchanged {
    /// What proves this side's knowledge of the code to the other.
    pub fn confirmation(&self) -> [u8; 32] {
        derive(&self.confirmation_key(self.side), &[&self.transcript])
    }

    /// Checks the other side's confirmation, in constant time.
    pub fn check(&self, confirmation: &[u8; 32]) -> Result<(), ExchangeError> {
        mac(&self.confirmation_key(self.side.other()), &[&self.transcript])
            .verify_slice(confirmation)
            .map_err(|_| ExchangeError::Wrong)
    }

    fn confirmation_key(&self, side: Side) -> [u8; 32] {
        derive(&self.key, &[CONTEXT, b" confirmation from ", side.label()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(byte: u8) -> Fingerprint {
        Fingerprint::from_bytes([byte; 32])
    }

    fn peer(id: &str) -> Peer {
        Peer { id: id.into(), ..Peer::default() }
    }

    /// Runs both sides; true where each accepts the other.
    fn paired(codes: [&str; 2], ends: [Ends; 2], names: [&str; 2]) -> (bool, bool) {
        let [code_a, code_b] = codes.map(|code| code.parse::<Code>().unwrap());
        let (satellite, from_satellite) = Exchange::start(Side::Satellite, &code_a, ends[0]);
        let (hub, from_hub) = Exchange::start(Side::Hub, &code_b, ends[1]);
        let satellite = satellite.finish(&from_hub, &peer(names[0]), &peer("hub")).unwrap();
        let hub = hub.finish(&from_satellite, &peer("hub"), &peer(names[1])).unwrap();
        assert!(hub.check(&hub.confirmation()).is_err(), "its own confirmation, sent back to it");
        (satellite.check(&hub.confirmation()).is_ok(), hub.check(&satellite.confirmation()).is_ok())
    }

    #[test]
    fn only_the_same_code_between_the_same_certificates_pairs() {
        let right = Ends { satellite: fingerprint(1), hub: fingerprint(2) };
        let middle = [Ends { hub: fingerprint(9), ..right }, Ends { satellite: fingerprint(9), ..right }];
        let check = |codes, ends, names, expect| {
            assert_eq!(paired(codes, ends, names), (expect, expect), "{codes:?} {names:?}");
        };
        check(["1234 5678", "12345678"], [right; 2], ["kitchen"; 2], true);
        check(["1234 5678", "1234 5679"], [right; 2], ["kitchen"; 2], false);
        check(["1234 5678", "1234 5678"], middle, ["kitchen"; 2], false);
        check(["1234 5678", "1234 5678"], [right; 2], ["kitchen", "bedroom"], false);
    }

    #[test]
    fn a_point_that_is_none_is_refused() {
        let ends = Ends { satellite: fingerprint(1), hub: fingerprint(2) };
        for bad in [[0x41; 33], [0xff; 33], [0; 33]] {
            let (hub, _) = Exchange::start(Side::Satellite, &Code(1), ends);
            let outcome = hub.finish(&bad, &Peer::default(), &Peer::default());
            assert_eq!(outcome.err(), Some(ExchangeError::Exchange));
        }
    }

    #[test]
    fn a_code_is_eight_digits_however_it_is_written() {
        let code = Code(1_234);
        assert_eq!(code.to_string(), "0000 1234");
        for good in ["0000 1234", "00001234", " 0000-1234\n"] {
            assert_eq!(good.parse(), Ok(code.clone()), "{good}");
        }
        for bad in ["", "1234", "123456789", "1234 567a", "+1234567", "١٢٣٤٥٦٧٨"] {
            assert_eq!(bad.parse::<Code>(), Err(CodeError), "{bad}");
        }
        assert_eq!(format!("{code:?}"), "Code(8 digits)");
    }
}
