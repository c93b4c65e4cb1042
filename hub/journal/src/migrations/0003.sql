-- What the hub knows people's voices by, sealed under a key that lies beside the journal and in no backup. `named`:
-- whether what goes out over MQTT says who spoke.
CREATE TABLE voices (
    person  BLOB PRIMARY KEY,
    made    INTEGER NOT NULL,
    named   INTEGER NOT NULL DEFAULT 0,
    sealed  BLOB NOT NULL
) WITHOUT ROWID;
