-- The first shape of the journal. Times are milliseconds since 1970 UTC, ids are 16 random bytes, and the
-- house is the owner whose id is 16 zero bytes. What is in clear here is argued in docs/decisions/0051.

-- Secrets of the journal itself: its identity and the key that signs heads and receipts.
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE people (
    person         BLOB PRIMARY KEY,
    name           TEXT NOT NULL,
    folded         TEXT NOT NULL,
    role           INTEGER NOT NULL,
    administrator  INTEGER NOT NULL,
    joined         INTEGER NOT NULL,
    gone           INTEGER,
    public         BLOB,
    by_passphrase  BLOB,
    by_code        BLOB,
    keep           INTEGER NOT NULL,
    transcripts    INTEGER NOT NULL,
    review         INTEGER NOT NULL DEFAULT 0,
    training       INTEGER NOT NULL DEFAULT 0,
    voice_erasure  INTEGER NOT NULL DEFAULT 0,
    reviewer       INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE UNIQUE INDEX people_by_name ON people (folded) WHERE gone IS NULL;

-- Whoever holds the token whose digest is here may join once. `sealed` is the house's secret under a key made
-- from the token, so that a new adult can open the house's recordings without anyone else's passphrase.
CREATE TABLE invites (
    digest         BLOB PRIMARY KEY,
    role           INTEGER NOT NULL,
    administrator  INTEGER NOT NULL,
    expires        INTEGER NOT NULL,
    sponsor        BLOB,
    sealed         BLOB
) WITHOUT ROWID;

-- The house's public key (one row) and its secret half, sealed to each adult.
CREATE TABLE house (one INTEGER PRIMARY KEY CHECK (one = 1), public BLOB NOT NULL);
CREATE TABLE house_seals (person BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE area_keep (area TEXT PRIMARY KEY, keep INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE satellite_owner (satellite TEXT PRIMARY KEY, person BLOB NOT NULL) WITHOUT ROWID;

-- Areas and satellites by number, so that a million rows and their indexes stay small.
CREATE TABLE labels (label INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

-- AUTOINCREMENT: a number is never used again, so what somebody remembers of an erased one finds nothing.
CREATE TABLE recordings (
    n           INTEGER PRIMARY KEY AUTOINCREMENT,
    recording   BLOB NOT NULL UNIQUE,
    owner       BLOB NOT NULL,
    attributed  INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    area        INTEGER,
    satellite   INTEGER NOT NULL,
    outcome     INTEGER NOT NULL,
    length      INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    ceiling     INTEGER NOT NULL,
    print       BLOB NOT NULL   -- the sealed sound's nonce: tells one sealing of it from another
);
CREATE INDEX recordings_by_owner ON recordings (owner, at);
CREATE INDEX recordings_by_outcome ON recordings (owner, outcome, at);
CREATE INDEX recordings_by_area ON recordings (owner, area, at);
CREATE INDEX recordings_by_satellite ON recordings (owner, satellite, at);
CREATE INDEX recordings_by_expiry ON recordings (expires);

-- One key per recording, sealed to its owner. The owner comes first, so that everything of one person goes in
-- one sweep over neighbouring pages.
CREATE TABLE seals (
    owner  BLOB NOT NULL,
    n      INTEGER NOT NULL,
    form   INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, n)
) WITHOUT ROWID;

-- Ciphertext under that key.
CREATE TABLE words (n INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
CREATE TABLE sounds (n INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
CREATE TABLE corrections (n INTEGER PRIMARY KEY, sealed BLOB NOT NULL);

-- Erased: an erasure is what somebody asked for, a tombstone each recording it took, and `doomed` the
-- ciphertext (already without a key) that is still to be overwritten.
CREATE TABLE erasures (
    erasure    INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor      BLOB NOT NULL,
    what       INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    signature  BLOB NOT NULL
);
CREATE TABLE tombstones (recording BLOB PRIMARY KEY, erasure INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE doomed (n INTEGER PRIMARY KEY);

-- The access log: each entry's hash covers the one before it. `subject` is whose recordings it is about.
CREATE TABLE access (
    seq         INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor       BLOB NOT NULL,
    act         INTEGER NOT NULL,
    why         INTEGER NOT NULL,
    subject     BLOB NOT NULL,
    recordings  BLOB NOT NULL,
    count       INTEGER NOT NULL,
    hash        BLOB NOT NULL
);
CREATE INDEX access_by_subject ON access (subject, seq);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL,
                   at INTEGER NOT NULL, signature BLOB NOT NULL);

-- The review queue. A clip's number is random and its order is the number's, so that it tells nothing of when.
CREATE TABLE clips (
    clip     INTEGER PRIMARY KEY,
    n        INTEGER NOT NULL UNIQUE,
    owner    BLOB NOT NULL,
    verdict  INTEGER,
    reviewer BLOB,
    exported INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX clips_by_owner ON clips (owner);
CREATE TABLE review_seals (
    n        INTEGER NOT NULL,
    reviewer BLOB NOT NULL,
    sealed   BLOB NOT NULL,
    PRIMARY KEY (n, reviewer)
) WITHOUT ROWID;
