//! The satellites as witnesses of the access log: each keeps its signed end, and what it kept is compared with what
//! the hub has.
//!
//! `journal → head → every satellite`, and with each connection `satellite → head it holds → journal`. A hub whose log
//! was cut back, replaced or rewritten cannot make the other boxes of the house forget. What satellites hold is also
//! kept in `witnesses` in the data directory, where `sotto-hub verify` finds it.
//!
//! Deliberately absent: what the records say. A head is a number, a hash, a time and a signature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use jiff::Timestamp;
use sotto_house::SatelliteId;
use sotto_journal::{Head, Journal, VerifyError};
use sotto_protocol::{JournalHead, write_private};
use sotto_web::Trouble;
use tokio_util::sync::CancellationToken;

use crate::satellites::SatellitesHandle;

/// How often the satellites get the newest head, if there is one: this much of the log has no witness yet. A
/// satellite writes it to its card, which should last for years.
const HAND_OUT: Duration = Duration::from_secs(30);

/// Heads that contradict the log and are kept: a house has fewer satellites, and one each would prove it.
const MOST: usize = 64;

#[derive(Clone)]
pub struct Witnesses {
    inner: Arc<Inner>,
}

struct Inner {
    journal: Journal,
    satellites: SatellitesHandle,
    file: PathBuf,
    held: Mutex<Held>,
}

/// What the satellites have shown.
#[derive(Default)]
struct Held {
    /// The newest of each satellite, which the log agreed with.
    agreed: BTreeMap<SatelliteId, Head>,
    /// What the log did not have as it was signed, and when that was noticed.
    disputed: Vec<Disputed>,
}

struct Disputed {
    satellite: SatelliteId,
    head: Head,
    noticed: SystemTime,
    why: String,
}

impl Witnesses {
    /// What the satellites have shown before is compared anew: the log may have been cut while the hub was off.
    pub fn open(data: &Path, journal: Journal, satellites: SatellitesHandle) -> anyhow::Result<Witnesses> {
        let file = data.join(FILE);
        let rows = read(&file)?;
        let inner = Inner { journal, satellites, file, held: Mutex::default() };
        rows.into_iter().for_each(|(satellite, head)| inner.compare(satellite, head));
        Ok(Witnesses { inner: Arc::new(inner) })
    }

    /// A satellite has come: it gets the newest head. What it holds already it has said first.
    pub fn connected(&self) {
        self.hand_out();
    }

    /// A satellite shows what it holds.
    pub fn held(&self, satellite: SatelliteId, head: &JournalHead) {
        let inner = self.inner.clone();
        let Some(head) = from_wire(head) else {
            return tracing::warn!(%satellite, "the satellite's head of the access log has an impossible time");
        };
        tokio::task::spawn_blocking(move || {
            inner.compare(satellite, head);
            if let Err(error) = inner.save() {
                tracing::error!(%error, "what the satellites hold of the access log is not kept");
            }
        });
    }

    /// What the satellites hold against the log, for the health page.
    pub fn troubles(&self) -> Vec<Trouble> {
        let trouble = |disputed: &Disputed| Trouble {
            when: disputed.noticed,
            what: format!("{}, says the satellite {}", disputed.why, disputed.satellite),
            remedy: format!(
                "If a backup was restored lately, this is why, and removing the file {FILE} from the hub's data ends \
                 it. If not, somebody has changed what the access log says."
            ),
        };
        self.inner.lock().disputed.iter().map(trouble).collect()
    }

    /// Hands out each new head until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut last = None;
        loop {
            let head = self.inner.journal.head().ok().flatten();
            if head.map(|head| head.seq) != last {
                last = head.map(|head| head.seq);
                self.hand_out();
            }
            tokio::select! {
                () = tokio::time::sleep(HAND_OUT) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn hand_out(&self) {
        match self.inner.journal.head() {
            Ok(Some(head)) => self.inner.satellites.keep_head(to_wire(&head)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the satellites get no head of the access log"),
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare(&self, satellite: SatelliteId, head: Head) {
        let attested = self.journal.attest(&head);
        let mut held = self.lock();
        match attested {
            Ok(()) => {
                let newest = held.agreed.entry(satellite).or_insert(head);
                if head.seq > newest.seq {
                    *newest = head;
                }
            }
            Err(VerifyError::Store(error)) => tracing::warn!(%error, "a satellite's head was not compared"),
            Err(why) => {
                let known = held.disputed.iter().any(|disputed| disputed.head == head);
                if known || held.disputed.len() >= MOST {
                    return;
                }
                tracing::error!(%satellite, "{why}; see `sotto-hub verify`");
                let (noticed, why) = (SystemTime::now(), why.to_string());
                held.disputed.push(Disputed { satellite, head, noticed, why });
            }
        }
    }

    fn save(&self) -> std::io::Result<()> {
        let held = self.lock();
        let disputed = held.disputed.iter().map(|disputed| (&disputed.satellite, &disputed.head));
        let rows = held.agreed.iter().chain(disputed);
        let lines: String = rows.map(|(satellite, head)| line(satellite, head)).collect();
        write_private(&self.file, lines.as_bytes())
    }
}

const FILE: &str = "witnesses";

/// The heads that this household's satellites have shown, for `verify`.
pub fn shown(data: &Path) -> anyhow::Result<Vec<Head>> {
    Ok(read(&data.join(FILE))?.into_iter().map(|(_, head)| head).collect())
}

/// The heads in a file of `head` lines, which anybody may have written down: from a satellite's folder, say.
pub fn read_heads(path: &Path) -> anyhow::Result<Vec<Head>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(parse(path, &text)?.into_iter().map(|(head, _)| head).collect())
}

fn read(path: &Path) -> anyhow::Result<Vec<(SatelliteId, Head)>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let mut rows = Vec::new();
    for (head, satellite) in parse(path, &text)? {
        rows.push((SatelliteId::new(satellite).with_context(|| format!("{}", path.display()))?, head));
    }
    Ok(rows)
}

/// A head in hexadecimal digits, and whose it is.
fn line(satellite: &SatelliteId, head: &Head) -> String {
    let digits: String = head.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits} {satellite}\n")
}

fn parse<'a>(path: &Path, text: &'a str) -> anyhow::Result<Vec<(Head, &'a str)>> {
    let mut heads = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (digits, whose) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match from_hex(digits).and_then(|bytes| Head::from_bytes(&bytes)) {
            Some(head) => heads.push((head, whose.trim())),
            None => bail!(
                "{}, line {}: not the end of an access log; it has {} hexadecimal digits",
                path.display(),
                number + 1,
                2 * Head::BYTES
            ),
        }
    }
    Ok(heads)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| (digit as char).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn to_wire(head: &Head) -> JournalHead {
    let at_ms = head.at.as_millisecond().try_into().unwrap_or_default();
    JournalHead { sequence: head.seq, head: head.hash, signature: head.signature, at_ms }
}

/// `None` for a time that no clock has shown.
fn from_wire(head: &JournalHead) -> Option<Head> {
    let at = Timestamp::from_millisecond(head.at_ms.try_into().ok()?).ok()?;
    Some(Head { seq: head.sequence, hash: head.head, at, signature: head.signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let at = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        Head { seq: 7, hash: [1; 32], at, signature: [2; 64] }
    }

    #[test]
    fn a_head_travels_to_the_satellites_and_back() {
        assert_eq!(from_wire(&to_wire(&head())), Some(head()));
        assert_eq!(from_wire(&JournalHead { at_ms: u64::MAX, ..to_wire(&head()) }), None);
    }

    #[test]
    fn a_line_is_a_head_or_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(read(&file).unwrap(), []);
        let satellite = SatelliteId::new("kitchen").unwrap();
        for (text, expect) in [
            ("\n", Ok(0)),
            (&"00".repeat(Head::BYTES), Ok(1)),
            (&line(&satellite, &head()), Ok(1)),
            (&"0g".repeat(Head::BYTES), Err("line 1")),
            ("\n00ff", Err("line 2")),
        ] {
            std::fs::write(&file, text).unwrap();
            match (read_heads(&file), expect) {
                (Ok(heads), Ok(count)) => assert_eq!(heads.len(), count),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (other, expect) => panic!("{other:?}, not {expect:?}"),
            }
        }
        std::fs::write(&file, line(&satellite, &head())).unwrap();
        assert_eq!(read(&file).unwrap(), [(satellite, head())]);
    }
}
