//! The pairing conversation, the same for a satellite that dials the hub and a hub that dials a satellite.
//!
//! ```text
//! dialler (was given the code)        answerer (made the code up)
//! Start: its half of SPAKE2, who  →   is a code out? counts this try
//!                                 ←   Answer: its half, who it is
//! Confirm                         →   checks, keeps the dialler's certificate
//! checks, keeps                   ←   Confirm
//! ```

use tokio::io::{AsyncRead, AsyncWrite};

use crate::control::VERSION;
use crate::pairing::{Pairing, Peer};
use crate::secret::{Code, Ends, Exchange, ExchangeError, Side};
use crate::stream::{MessageReader, ReadError, write_message};
use crate::wire::RefusedReason;

#[derive(Debug, thiserror::Error)]
pub enum PairError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("{}", refused(*.0))]
    Refused(RefusedReason),
    #[error("the other side spoke out of turn")]
    Unexpected,
    #[error("the other side went away before the pairing was done; try again")]
    Gone,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the connection broke: {0}; try again")]
    Write(#[from] std::io::Error),
}

/// What a refusal means to people, with what to do about it.
fn refused(reason: RefusedReason) -> &'static str {
    match reason {
        RefusedReason::NoCode => "no pairing code is waiting there; make a new one and try again",
        RefusedReason::WrongCode => "the code is wrong; look at it again and try once more",
        RefusedReason::Burnt => "too many wrong tries; this code is void, make a new one",
        RefusedReason::TooFast => "too many tries at once; wait a few seconds and try again",
        RefusedReason::Version => "the other side speaks another version; update the older of the two",
        RefusedReason::IdTaken => {
            "another satellite has this id; revoke that one first, or choose another name"
        }
        RefusedReason::Unspecified => "the other side refused, for a reason that this version does not know",
    }
}

/// Pairs with whoever showed `code`. On success the other side has already kept this side's certificate.
pub async fn pair_dialling(
    receive: impl AsyncRead + Unpin,
    send: &mut (impl AsyncWrite + Unpin),
    side: Side,
    code: &Code,
    ends: Ends,
    own: &Peer,
) -> Result<Peer, PairError> {
    let mut messages = MessageReader::<_, Pairing>::new(receive);
    let (exchange, pake) = Exchange::start(side, code, ends);
    write_message(send, &Pairing::Start { version: VERSION, pake, peer: own.clone() }).await?;
    let (pake, peer) = match messages.next().await?.ok_or(PairError::Gone)? {
        Pairing::Answer { pake, peer } => (pake, peer),
        Pairing::Refused(reason) => return Err(PairError::Refused(reason)),
        _ => return Err(PairError::Unexpected),
    };
    let exchanged = exchange.finish(&pake, own, &peer)?;
    write_message(send, &Pairing::Confirm { mac: exchanged.confirmation() }).await?;
    match messages.next().await?.ok_or(PairError::Gone)? {
        Pairing::Confirm { mac } => exchanged.check(&mac)?,
        Pairing::Refused(reason) => return Err(PairError::Refused(reason)),
        _ => return Err(PairError::Unexpected),
    };
    Ok(peer)
}

/// Lets whoever knows the code pair. `code` gives the one that is out and counts the try; `keep` is called once
/// the other side has proved that it knows it, and before it hears so.
pub async fn pair_answering(
    receive: impl AsyncRead + Unpin,
    send: &mut (impl AsyncWrite + Unpin),
    side: Side,
    code: impl FnOnce() -> Result<Code, RefusedReason>,
    ends: Ends,
    own: &Peer,
    keep: impl FnOnce(&Peer) -> Result<(), RefusedReason>,
) -> Result<Peer, PairError> {
    let mut messages = MessageReader::<_, Pairing>::new(receive);
    let outcome = async {
        let Some(Pairing::Start { version, pake, peer }) = messages.next().await? else {
            return Err(PairError::Unexpected);
        };
        if version == 0 {
            return Err(PairError::Refused(RefusedReason::Version));
        }
        let code = code().map_err(PairError::Refused)?;
        let (exchange, own_pake) = Exchange::start(side, &code, ends);
        let exchanged = exchange.finish(&pake, own, &peer)?;
        write_message(send, &Pairing::Answer { pake: own_pake, peer: own.clone() }).await?;
        let Some(Pairing::Confirm { mac }) = messages.next().await? else {
            return Err(PairError::Gone);
        };
        exchanged.check(&mac)?;
        keep(&peer).map_err(PairError::Refused)?;
        write_message(send, &Pairing::Confirm { mac: exchanged.confirmation() }).await?;
        Ok(peer)
    }
    .await;
    let refusal = match &outcome {
        Err(PairError::Refused(reason)) => *reason,
        Err(PairError::Exchange(_)) => RefusedReason::WrongCode,
        _ => return outcome,
    };
    write_message(send, &Pairing::Refused(refusal)).await?;
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Fingerprint;

    /// Runs both sides over a pipe: what the dialler hears, and whether the answerer kept it.
    async fn check(
        typed: &str,
        out: Result<&str, RefusedReason>,
        kept: Result<(), RefusedReason>,
    ) -> (String, bool) {
        let ends =
            Ends { satellite: Fingerprint::from_bytes([1; 32]), hub: Fingerprint::from_bytes([2; 32]) };
        let (dialler, answerer) = tokio::io::duplex(4096);
        let (receive, mut send) = tokio::io::split(dialler);
        let (receive_too, mut send_too) = tokio::io::split(answerer);
        let peer = |id: &str| Peer { id: id.into(), ..Peer::default() };
        let (kitchen, hub) = (peer("kitchen"), peer("hub"));
        let typed = typed.parse().unwrap();
        let mut asked_to_keep = false;
        let (dialled, answered) = tokio::join!(
            pair_dialling(receive, &mut send, Side::Satellite, &typed, ends, &kitchen),
            pair_answering(
                receive_too,
                &mut send_too,
                Side::Hub,
                || out.map(|code| code.parse().unwrap()),
                ends,
                &hub,
                |_| {
                    asked_to_keep = true;
                    kept
                },
            ),
        );
        assert_eq!(dialled.is_ok(), answered.is_ok());
        (dialled.map_or_else(|error| error.to_string(), |peer| peer.id), asked_to_keep)
    }

    #[tokio::test]
    async fn both_sides_agree_or_neither_keeps_anything() {
        let code = "1234 5678";
        assert_eq!(check(code, Ok(code), Ok(())).await, ("hub".into(), true));
        let (said, kept) = check("1234 5679", Ok(code), Ok(())).await;
        assert!(said.contains("code is wrong") && !kept, "{said}");
        let (said, kept) = check(code, Err(RefusedReason::Burnt), Ok(())).await;
        assert!(said.contains("too many wrong tries") && !kept, "{said}");
        let (said, _) = check(code, Ok(code), Err(RefusedReason::IdTaken)).await;
        assert!(said.contains("another satellite has this id"), "{said}");
    }
}
