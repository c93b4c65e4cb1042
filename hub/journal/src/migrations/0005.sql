-- Whether the hub may tell who speaks by this person's voice, whether their words go out over MQTT, and whether others
-- may hand a recording to them.
ALTER TABLE people ADD COLUMN recognise INTEGER NOT NULL DEFAULT 1;
ALTER TABLE people ADD COLUMN words_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE people ADD COLUMN given INTEGER NOT NULL DEFAULT 1;

-- A second way in: the person's secret under what the passkey's authenticator computes (WebAuthn's PRF). `public` is
-- what its signatures are checked by: `algorithm` -7 is ECDSA on P-256 (65 bytes), -8 Ed25519 (32 bytes).
CREATE TABLE passkeys (
    credential BLOB PRIMARY KEY,
    person     BLOB NOT NULL,
    name       TEXT NOT NULL,
    host       TEXT NOT NULL,
    made       INTEGER NOT NULL,
    used       INTEGER,
    algorithm  INTEGER NOT NULL,
    public     BLOB NOT NULL,
    sealed     BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX passkeys_by_person ON passkeys (person);
