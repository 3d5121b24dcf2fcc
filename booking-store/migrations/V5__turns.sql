-- Turns of vendors' accounts, booked by hosts that share the store.

CREATE TABLE turns (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    stay TEXT,
    door TEXT,
    revision INTEGER NOT NULL,
    plain TEXT NOT NULL,
    sealed BLOB,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX turns_by_stay ON turns (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX turns_by_door ON turns (tenant, door) WHERE door IS NOT NULL;
