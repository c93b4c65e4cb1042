//! The journal at the scale of a long life: a million recordings, timed.
//!
//! `cargo bench -p sotto-journal --bench million -- [--files] [RECORDINGS] [DIR]` prints the table that docs/measurements.md
//! keeps, and leaves the journal in DIR for other benches. An eighth is recorded through the door, most of it Ada's; the rest are copies of Bert's
//! rows under ids of their own, put in by SQL: they fill tables, indexes and pages, and cost the same to look for and
//! to try to open, but hold no words.
//!
//! Machines are shared, so each time is printed beside a floor of the same run: bytes flushed to the same disk, and
//! a loop of known length, which shows how much of a tail is the machine's.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use sotto_house::{Area, Outcome, Retention, Role, SatelliteId, UtteranceId};
use sotto_journal::{
    Filter, Finished, Hardness, Heard, Journal, Options, Person, Purpose, Selection, Settings, State, What,
    Whose, Words,
};

const PASSPHRASE: &str = "four words are good";
const AREAS: [&str; 8] =
    ["kitchen", "bedroom", "hall", "office", "bathroom", "garage", "garden", "living room"];
const OUTCOMES: [Outcome; 4] = [Outcome::Done, Outcome::NotUnderstood, Outcome::Refused, Outcome::NotReached];
const WORDS: [&str; 12] =
    ["turn", "on", "the", "light", "kitchen", "lamp", "play", "music", "what", "time", "timer", "coffee"];
/// Sound of one recording: 3 s at 24 kb/s for the first, then less, so that the disk outlives the bench.
const REAL_PACKETS: usize = 150;
const SHORT_PACKETS: usize = 20;
const PACKET: usize = 60;
/// Recordings with sound of real length; what they take on the disk is measured on these.
const REAL: u64 = 20_000;

fn main() {
    let (flags, args): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with('-'));
    let mut args = args.into_iter();
    let count: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let kept = args.next().map(PathBuf::from);
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let dir = kept.as_deref().unwrap_or(temporary.path());
    let now = Timestamp::from_second(1_790_000_000).expect("a time");
    let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };

    std::fs::create_dir_all(dir).expect("a directory");
    if flags.iter().any(|flag| flag == "--files") {
        blobs_against_files(temporary.path());
    }
    floor(dir);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    if !dir.join("journal.db").exists() {
        let journal = household(dir, options, now);
        record(&journal, dir, count, &mut random, now);
    }
    fill(dir, count);
    floor(dir);
    let journal = Journal::open(dir, options, now).expect("the journal");
    // Left behind by a run that was ended, it is looked through first.
    while journal.state() == State::Checking {
        std::thread::sleep(Duration::from_millis(100));
    }
    record_more(&journal, count, &mut random, now);
    drop(journal);

    let clock = Clock::start();
    let journal = Journal::open(dir, options, now).expect("the journal");
    println!("open: {}", clock.took());
    let (ada, bert) = (sign_in(&journal, "Ada", now), sign_in(&journal, "Bert", now));
    floor(dir);
    pages(&journal, &bert, &mut random, now, count);
    pages(&journal, &ada, &mut random, now, count);
    search(&journal, ada, now);
    let ada = sign_in(&journal, "Ada", now);
    verify(&journal, &mut random, count / 10, now);
    floor(dir);
    erase(&journal, &ada, now);
    drop((journal, ada, bert));

    let other = tempfile::tempdir().expect("a temporary directory");
    let journal = Journal::open(other.path(), Options::default(), now).expect("a new journal");
    journal.add_member("Ada", Role::Adult, true, PASSPHRASE, now).expect("a member");
    let clock = Clock::start();
    sign_in(&journal, "Ada", now);
    println!("sign-in at the household's hardness: {}", clock.took());
}

fn sign_in(journal: &Journal, name: &str, now: Timestamp) -> Person {
    journal.sign_in(name, PASSPHRASE, now).expect("a sign-in")
}

/// Ada and Bert, who keep everything.
fn household(dir: &Path, options: Options, now: Timestamp) -> Journal {
    let journal = Journal::open(dir, options, now).expect("a new journal");
    for name in ["Ada", "Bert"] {
        journal.add_member(name, Role::Adult, true, PASSPHRASE, now).expect("a member");
        let who = sign_in(&journal, name, now);
        let settings = journal.settings(&who).expect("settings");
        let settings = Settings { keep: Retention::UntilErased, ..settings };
        journal.set_settings(&who, settings, now).expect("settings");
        journal.set_house_keep(&who, Retention::UntilErased, now).expect("a setting");
    }
    journal
}

/// The first eighth, through the door.
fn record(journal: &Journal, dir: &Path, count: u64, random: &mut Random, now: Timestamp) {
    let recorded = (count / 8).max(100);
    let real = REAL.min(recorded);
    let mut inserts = Vec::new();
    for n in 0..recorded {
        let packets = if n < real { REAL_PACKETS } else { SHORT_PACKETS };
        inserts.push(insert(journal, n, packets, count, random, now));
        if n + 1 == real {
            storage(dir, real);
        }
        if (n + 1) % 20_000 == 0 {
            eprintln!("{} recordings", n + 1);
        }
    }
    report(&format!("insert, the first {recorded}"), &mut inserts);
}

fn record_more(journal: &Journal, count: u64, random: &mut Random, now: Timestamp) {
    let mut insert = |n: u64, pause: u64| {
        std::thread::sleep(Duration::from_millis(pause));
        insert(journal, n, REAL_PACKETS, count, random, now)
    };
    let mut inserts: Vec<_> = (0..2000).map(|n| insert(n, 0)).collect();
    report(&format!("insert of 3 s, beside {count}, one after the other"), &mut inserts);
    let mut inserts: Vec<_> = (0..500).map(|n| insert(n, 20)).collect();
    report("the same, 20 ms apart", &mut inserts);
}

/// Records once; ten of twelve are Ada's, one is Bert's and one the house's.
fn insert(
    journal: &Journal,
    n: u64,
    packets: usize,
    count: u64,
    random: &mut Random,
    now: Timestamp,
) -> Took {
    let members = journal.members().expect("members");
    let id_of = |name: &str| members.iter().find(|member| member.name == name).map(|member| member.id);
    let speaker = match n % 12 {
        0 => None,
        1 => id_of("Bert"),
        _ => id_of("Ada"),
    };
    let recorder = journal.record(heard(random, count, now), Retention::UntilErased);
    for _ in 0..packets {
        recorder.push(random.packet()).expect("room");
    }
    let outcome = if random.below(10) < 9 { OUTCOMES[0] } else { OUTCOMES[random.below(4) as usize] };
    let words = Words {
        transcript: Some(random.sentence(n).into()),
        intent: Some("HassTurnOn".into()),
        slots: vec![("name".into(), "lamp".to_owned().into())],
        ..Words::default()
    };
    let clock = Clock::start();
    recorder.finish(Finished { speaker, outcome, words }, now).expect("room on the disk");
    clock.took()
}

fn heard(random: &mut Random, count: u64, now: Timestamp) -> Heard {
    Heard {
        utterance: UtteranceId::from_bytes([1; 16]),
        satellite: SatelliteId::new(&format!("satellite-{}", random.below(12))).expect("an id"),
        area: Some(Area::new(AREAS[random.below(8) as usize]).expect("a name")),
        at: now - SignedDuration::from_secs(30 * random.below(count) as i64),
        pre_roll: Duration::from_millis(500),
    }
}

/// `count` more entries of the log, written as the hub does when it listens, and the whole of it read.
fn verify(journal: &Journal, random: &mut Random, count: u64, now: Timestamp) {
    let heard = heard(random, count, now);
    let mut appends = Vec::new();
    for _ in 0..count {
        let recorder = journal.record(heard.clone(), Retention::NotAtAll);
        let clock = Clock::start();
        recorder.listen_live(Purpose::Transcribe, now).expect("an access record");
        appends.push(clock.took());
    }
    report(&format!("access record of the hub's own listening, {count} of them"), &mut appends);
    let clock = Clock::start();
    let verified = journal.verify(&[]).expect("a whole log");
    println!("verify {} entries: {}", verified.entries, clock.took());
}

fn erase(journal: &Journal, ada: &Person, now: Timestamp) {
    let everything = Selection { whose: Whose::Mine, what: What::Everything };
    let clock = Clock::start();
    let receipt = journal.erase(&everything, ada, now).expect("an erasure");
    println!("erase {}, until unreadable and confirmed: {}", receipt.count, clock.took());
    let mut pages: Vec<_> = (0..20)
        .map(|_| {
            let clock = Clock::start();
            let page = journal.history(ada, &Filter::default(), None, 50, Purpose::Recall, now);
            assert!(
                page.expect("a page").entries.iter().all(|entry| entry.owner == sotto_journal::Owner::House)
            );
            clock.took()
        })
        .collect();
    report("history page of 50 just after it", &mut pages);
    let clock = Clock::start();
    let swept = journal.sweep(now).expect("a sweep");
    println!("clear away rows and ciphertext of {}: {}", swept.overwritten, clock.took());
}

/// What something took, and how much of that its thread stood in line for a processor that others had.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    queued: Duration,
}

struct Clock {
    start: Instant,
    queued: Duration,
}

impl Clock {
    fn start() -> Clock {
        Clock { queued: queued(), start: Instant::now() }
    }

    fn took(&self) -> Took {
        let wall = self.start.elapsed();
        Took { wall, queued: queued().saturating_sub(self.queued).min(wall) }
    }
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} (without the wait for a processor {:?})", self.wall, self.wall - self.queued)
    }
}

/// Time that this thread was ready to run and did not (the second number of Linux's schedstat).
fn queued() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').nth(1).and_then(|waited| waited.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// What this disk and this processor give at this moment.
fn floor(dir: &Path) {
    let path = dir.join("floor");
    let file = std::fs::File::create(&path).expect("a file");
    let mut flushes: Vec<_> = (0..300)
        .map(|n| {
            let clock = Clock::start();
            std::os::unix::fs::FileExt::write_all_at(&file, &[n as u8; 8192], n * 8192).expect("room");
            file.sync_data().expect("a flush");
            clock.took()
        })
        .collect();
    std::fs::remove_file(path).expect("gone");
    report("  floor: 8 kB appended to a file and flushed", &mut flushes);
    let mut spins: Vec<_> = (0..2000)
        .map(|n| {
            let clock = Clock::start();
            let mut random = Random(1 + n);
            std::hint::black_box((0..60_000).fold(0, |sum: u64, _| sum.wrapping_add(random.below(7))));
            clock.took()
        })
        .collect();
    report("  floor: a loop", &mut spins);
}

/// Copies rows of Bert's until there are `count` in all. Their sound is left out, which no page looks at.
fn fill(dir: &Path, count: u64) {
    let raw = rusqlite::Connection::open(dir.join("journal.db")).expect("the database");
    let there: i64 = raw.query_row("SELECT count(*) FROM recordings", [], |row| row.get(0)).expect("a count");
    let more = count.saturating_sub(there as u64);
    let mut indexes: Vec<(String, String)> = Vec::new();
    {
        let sql = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'recordings' AND type = 'index' AND sql IS NOT NULL";
        let mut statement = raw.prepare(sql).expect("the schema");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("the schema");
        indexes.extend(rows.map(|row| row.expect("an index")));
    }
    let drop: String = indexes.iter().map(|(name, _)| format!("DROP INDEX {name};")).collect();
    let make: String = indexes.iter().map(|(_, sql)| format!("{sql};")).collect();
    raw.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -800000;
         BEGIN; {drop}
         CREATE TEMP TABLE bert AS SELECT recordings.* FROM recordings JOIN people ON person = owner
             WHERE name = 'Bert';
         CREATE TEMP TABLE one AS SELECT seals.owner, seals.form, seals.sealed AS seal, words.sealed AS words
             FROM seals JOIN words USING (n) WHERE n = (SELECT max(n) FROM bert);
         CREATE TEMP TABLE start AS SELECT max(n) AS n FROM recordings;
         INSERT INTO recordings (recording, owner, attributed, at, area, satellite, outcome, length, expires, ceiling, print)
             WITH RECURSIVE times (t) AS (SELECT 1 UNION ALL SELECT t + 1 FROM times
                                          WHERE t <= {more} / (SELECT count(*) FROM bert))
             SELECT randomblob(16), owner, attributed, at - abs(random() % 1000000000), area, satellite, outcome,
                    length, expires, ceiling, print FROM times CROSS JOIN bert LIMIT {more};
         INSERT INTO seals SELECT one.owner, n, form, seal FROM one, recordings WHERE n > (SELECT n FROM start);
         INSERT INTO words SELECT n, words FROM one, recordings WHERE n > (SELECT n FROM start);
         INSERT INTO sounds SELECT n, zeroblob(64) FROM recordings WHERE n > (SELECT n FROM start);
         {make} COMMIT; PRAGMA journal_mode = WAL;"
    ))
    .expect("copies");
}

/// First pages under every kind of filter, of whoever has most.
fn pages(journal: &Journal, who: &Person, random: &mut Random, now: Timestamp, count: u64) {
    let mut times = Vec::new();
    for round in 0..400 {
        let mut filter = Filter::default();
        if round % 2 == 1 {
            filter.area = Area::new(AREAS[random.below(8) as usize]).ok();
        }
        if round % 3 == 1 {
            filter.outcome = Some(OUTCOMES[random.below(4) as usize]);
        }
        if round % 5 == 1 {
            filter.satellite = SatelliteId::new(&format!("satellite-{}", random.below(12))).ok();
        }
        if round % 7 == 1 {
            filter.to = Some(now - SignedDuration::from_secs(30 * random.below(count) as i64));
        }
        let clock = Clock::start();
        journal.history(who, &filter, None, 50, Purpose::Recall, now).expect("a page");
        times.push(clock.took());
    }
    report(&format!("history page of 50 with words, filtered, of {who:?}"), &mut times);
}

/// As somebody meets it who has never searched, and as they do from then on.
fn search(journal: &Journal, ada: Person, now: Timestamp) {
    let once = |who: &Person, what: &str| {
        let filter = Filter { whose: Whose::Mine, words: Some("coffee 7".to_owned()), ..Filter::default() };
        let clock = Clock::start();
        journal.history(who, &filter, None, 50, Purpose::Recall, now).expect("a page");
        println!("search in one's own, {what}: {}", clock.took());
    };
    let clock = Clock::start();
    journal.prepare_search(&ada, now, &|| true).expect("shelves");
    println!("behind the first sign-in ever, every key still sealed to the public one: {}", clock.took());
    once(&ada, "after it");
    for _ in 0..5 {
        let again = sign_in(journal, "Ada", now);
        once(&again, "first after another sign-in");
    }
    let again = sign_in(journal, "Ada", now);
    once(&again, "first after another sign-in");
    let mut later: Vec<_> = (0..50)
        .map(|_| {
            let filter =
                Filter { whose: Whose::Mine, words: Some("coffee 7".to_owned()), ..Filter::default() };
            let clock = Clock::start();
            journal.history(&again, &filter, None, 50, Purpose::Recall, now).expect("a page");
            clock.took()
        })
        .collect();
    report("search in one's own, later", &mut later);
}

fn storage(dir: &Path, recordings: u64) {
    let bytes = std::fs::metadata(dir.join("journal.db")).map_or(0, |file| file.len());
    let hours = recordings as f64 * REAL_PACKETS as f64 * 0.02 / 3600.0;
    println!(
        "storage: {:.1} MB per hour of speech (Opus alone {:.1}, WAV 115.2), {} bytes per recording of 3 s",
        bytes as f64 / 1e6 / hours,
        PACKET as f64 * 50.0 * 3600.0 / 1e6,
        bytes / recordings
    );
}

/// Ciphertext as rows of the database, or as a file each: what decided docs/decisions/0050.
fn blobs_against_files(dir: &Path) {
    const COUNT: u64 = 10_000;
    let blob = vec![0xa5_u8; REAL_PACKETS * PACKET];
    let database = rusqlite::Connection::open(dir.join("blobs.db")).expect("a database");
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;
             CREATE TABLE sounds (n INTEGER PRIMARY KEY, sealed BLOB NOT NULL)",
        )
        .expect("a table");
    let clock = Clock::start();
    for n in 0..COUNT {
        database.execute("INSERT INTO sounds VALUES (?1, ?2)", (n as i64, &blob)).expect("a row");
    }
    let (written, clock) = (clock.took(), Clock::start());
    database.execute_batch("DELETE FROM sounds; PRAGMA wal_checkpoint(TRUNCATE)").expect("an erasure");
    println!("{COUNT} of {} bytes as rows: written in {written}, erased in {}", blob.len(), clock.took());
    let files = dir.join("files");
    let path = |n: u64| files.join(format!("{:02x}", n % 256)).join(n.to_string());
    let clock = Clock::start();
    for n in 0..COUNT {
        let path = path(n);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, &blob).expect("a file");
    }
    let (written, clock) = (clock.took(), Clock::start());
    for n in 0..COUNT {
        let path = path(n);
        let file = std::fs::File::options().write(true).open(&path).expect("a file");
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![0; blob.len()], 0).expect("zeros");
        file.sync_data().expect("a flush");
        std::fs::remove_file(path).expect("gone");
    }
    println!("{COUNT} of {} bytes as files: written in {written}, erased in {}", blob.len(), clock.took());
}

fn report(what: &str, times: &mut [Took]) {
    let mut percentiles = |of: fn(&Took) -> Duration| {
        times.sort_by_key(of);
        let at = |part: f64| of(&times[((times.len() - 1) as f64 * part) as usize]);
        (at(0.5), at(0.99), at(1.0))
    };
    let (p50, p99, most) = percentiles(|took| took.wall - took.queued);
    let (wall50, wall99, _) = percentiles(|took| took.wall);
    println!(
        "{what}: p50 {p50:?}, p99 {p99:?}, max {most:?} (with the wait: p50 {wall50:?}, p99 {wall99:?})"
    );
}

/// xorshift64: a bench needs repeatable numbers, not good ones.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn packet(&mut self) -> Vec<u8> {
        (0..PACKET / 8).flat_map(|_| self.below(u64::MAX).to_le_bytes()).chain([0; PACKET % 8]).collect()
    }

    fn sentence(&mut self, n: u64) -> String {
        let mut sentence = String::new();
        for _ in 0..6 {
            sentence.push_str(WORDS[self.below(12) as usize]);
            sentence.push(' ');
        }
        sentence + &n.to_string()
    }
}
