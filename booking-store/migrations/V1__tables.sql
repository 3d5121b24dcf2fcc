-- The first schema. Never edited: what changes later is a migration of its own.
-- Times are microseconds UTC. `sealed` columns and `inbox.event` are sealed (see src/sqlite/seal.rs).

CREATE TABLE booking (
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
CREATE INDEX booking_by_stay ON booking (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX booking_by_door ON booking (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE grant_ (
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
CREATE INDEX grant__by_stay ON grant_ (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX grant__by_door ON grant_ (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE code (
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
CREATE INDEX code_by_stay ON code (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX code_by_door ON code (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE message (
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
CREATE INDEX message_by_stay ON message (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX message_by_door ON message (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE door_read (
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
CREATE INDEX door_read_by_stay ON door_read (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX door_read_by_door ON door_read (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE alert (
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
CREATE INDEX alert_by_stay ON alert (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX alert_by_door ON alert (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE source (
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
CREATE INDEX source_by_stay ON source (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX source_by_door ON source (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE fact (
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
CREATE INDEX fact_by_stay ON fact (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX fact_by_door ON fact (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE secret (
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
CREATE INDEX secret_by_stay ON secret (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX secret_by_door ON secret (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE alias (
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    booking TEXT NOT NULL,
    PRIMARY KEY (tenant, source, reference)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_booking ON alias (tenant, booking);

-- One row a key. `rank` is the kind of key, in their order. A row is ready at the end of its lease or, where it is not
-- leased, when it is due; `since` is when that was at the last claim.
CREATE TABLE work (
    rank INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    due_at INTEGER,
    priority INTEGER,
    leased_until INTEGER,
    ready_at INTEGER GENERATED ALWAYS AS (coalesce(leased_until, due_at)) VIRTUAL,
    since INTEGER,
    token INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (rank, tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_by_ready_at ON work (ready_at) WHERE ready_at IS NOT NULL;

-- Vendors' delivery ids, and what each was answered.
CREATE TABLE delivery (
    tenant TEXT NOT NULL,
    integration TEXT NOT NULL,
    id TEXT NOT NULL,
    until INTEGER NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (tenant, integration, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    integration TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    work TEXT,
    event BLOB,
    content_hash TEXT,
    content_event INTEGER,
    reply TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    read_at INTEGER
) STRICT;
CREATE INDEX inbox_by_tenant ON inbox (tenant, number);
CREATE INDEX inbox_by_work ON inbox (work) WHERE work IS NOT NULL;
CREATE INDEX inbox_unread ON inbox (work, number) WHERE read_at IS NULL;

-- Across tenants: a keypad has its digits once.
CREATE TABLE claim (
    door TEXT NOT NULL,
    holder TEXT NOT NULL,
    pin_hash TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (door, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_by_pin ON claim (door, pin_hash);
CREATE INDEX claim_by_holder ON claim (holder);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    stay TEXT,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant, number);
CREATE INDEX audit_by_stay ON audit (tenant, stay, number) WHERE stay IS NOT NULL;

-- `answer` is sealed; NULL while in progress.
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    token INTEGER NOT NULL,
    answer BLOB,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('first_token', 0), ('idempotency_token', 0), ('pings', 0);
