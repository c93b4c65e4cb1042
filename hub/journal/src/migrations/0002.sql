-- Filters are decided within the indexes, so that a page among a million costs only the rows it shows.
DROP INDEX recordings_by_owner;
DROP INDEX recordings_by_outcome;
DROP INDEX recordings_by_area;
DROP INDEX recordings_by_satellite;
CREATE INDEX recordings_by_owner ON recordings (owner, at, n, outcome, area, satellite);
CREATE INDEX recordings_by_outcome ON recordings (owner, outcome, at, n, area, satellite);
CREATE INDEX recordings_by_area ON recordings (owner, area, at, n, outcome, satellite);
CREATE INDEX recordings_by_satellite ON recordings (owner, satellite, at, n, outcome, area);

-- An erasure destroys keys and says here which rows are dead; rows and ciphertext follow in batches, and then the
-- tombstone is set. NULL where a recording lives on under another number.
ALTER TABLE doomed ADD COLUMN erasure INTEGER;

-- What an owner's search looks through: the words of the recordings `first` to `last`, together under one key that
-- only the owner's secret opens. Written while the owner is signed in; goes whole with the first of its recordings.
CREATE TABLE shelves (
    shelf   INTEGER PRIMARY KEY,
    owner   BLOB NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    seal    BLOB NOT NULL,
    sealed  BLOB NOT NULL
);
CREATE UNIQUE INDEX shelves_by_owner ON shelves (owner, first);

-- Which adults look after which child: they see that there are recordings and may erase them, and open none.
CREATE TABLE guardians (
    child     BLOB NOT NULL,
    guardian  BLOB NOT NULL,
    PRIMARY KEY (child, guardian)
) WITHOUT ROWID;
