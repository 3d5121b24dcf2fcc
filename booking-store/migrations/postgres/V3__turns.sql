-- Turns of vendors' accounts, booked by hosts that share the store.

CREATE TABLE turns (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    stay TEXT COLLATE "C",
    door TEXT COLLATE "C",
    revision BIGINT NOT NULL,
    plain TEXT NOT NULL,
    sealed BYTEA,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX turns_by_stay ON turns (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX turns_by_door ON turns (tenant, door) WHERE door IS NOT NULL;
