-- The first schema. Never edited: what changes later is a migration of its own, and leaves a host one version older
-- able to work (new columns have a default or may be NULL; nothing that it uses goes or changes its meaning).
-- Times are microseconds UTC. `sealed` columns, `inbox.event` and `idempotency.answer` are sealed (see src/seal.rs).
-- Text is in the order of its bytes, whatever the database's collation is.

CREATE TABLE booking (
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
CREATE INDEX booking_by_stay ON booking (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX booking_by_door ON booking (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE grant_ (
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
CREATE INDEX grant__by_stay ON grant_ (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX grant__by_door ON grant_ (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE code (
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
CREATE INDEX code_by_stay ON code (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX code_by_door ON code (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE message (
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
CREATE INDEX message_by_stay ON message (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX message_by_door ON message (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE door_read (
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
CREATE INDEX door_read_by_stay ON door_read (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX door_read_by_door ON door_read (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE alert (
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
CREATE INDEX alert_by_stay ON alert (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX alert_by_door ON alert (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE source (
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
CREATE INDEX source_by_stay ON source (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX source_by_door ON source (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE fact (
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
CREATE INDEX fact_by_stay ON fact (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX fact_by_door ON fact (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE secret (
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
CREATE INDEX secret_by_stay ON secret (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX secret_by_door ON secret (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE brake (
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
CREATE INDEX brake_by_stay ON brake (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX brake_by_door ON brake (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE plan (
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
CREATE INDEX plan_by_stay ON plan (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX plan_by_door ON plan (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE alias (
    tenant TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    booking TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, source, reference)
);
CREATE INDEX alias_by_booking ON alias (tenant, booking);

-- One row a key. `rank` is the kind of key, in their order. A row is ready at the end of its lease or, where it is not
-- leased, when it is due.
CREATE TABLE work (
    rank BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    due_at BIGINT,
    priority BIGINT,
    leased_until BIGINT,
    ready_at BIGINT GENERATED ALWAYS AS (coalesce(leased_until, due_at)) STORED,
    token BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (rank, tenant, id)
);
CREATE INDEX work_by_ready_at ON work (ready_at) WHERE ready_at IS NOT NULL;

-- Vendors' delivery ids, and what each was answered.
CREATE TABLE delivery (
    tenant TEXT COLLATE "C" NOT NULL,
    integration TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (tenant, integration, id)
);
CREATE INDEX delivery_by_until ON delivery (until);

-- Numbers come from sequences, which no transaction waits for. Of one key, they still grow in the order of commits:
-- whoever adds a row to a key also writes the key's row of `work`, and of two that overlap one begins anew.
CREATE SEQUENCE inbox_number;
CREATE TABLE inbox (
    number BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    integration TEXT COLLATE "C" NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    work TEXT COLLATE "C",
    event BYTEA,
    content_hash TEXT COLLATE "C",
    content_event BIGINT,
    reply TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    read_at BIGINT,
    PRIMARY KEY (tenant, number)
);
CREATE INDEX inbox_by_work ON inbox (work) WHERE work IS NOT NULL;
CREATE INDEX inbox_unread ON inbox (work, number) WHERE read_at IS NULL;
CREATE INDEX inbox_by_time ON inbox (received_at) WHERE read_at IS NOT NULL;

-- Across tenants: a keypad has its digits once.
CREATE TABLE claim (
    door TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    pin_hash TEXT COLLATE "C" NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (door, holder)
);
CREATE INDEX claim_by_pin ON claim (door, pin_hash);
CREATE INDEX claim_by_holder ON claim (holder);
CREATE INDEX claim_by_end ON claim (ends_at);

CREATE SEQUENCE audit_number;
CREATE TABLE audit (
    number BIGINT NOT NULL DEFAULT nextval('audit_number'),
    tenant TEXT COLLATE "C" NOT NULL,
    stay TEXT COLLATE "C",
    at BIGINT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (tenant, number)
);
CREATE INDEX audit_by_stay ON audit (tenant, stay, number) WHERE stay IS NOT NULL;
CREATE INDEX audit_by_time ON audit (at);

-- `answer` is sealed; NULL while in progress.
CREATE SEQUENCE idempotency_token;
CREATE TABLE idempotency (
    key TEXT COLLATE "C" PRIMARY KEY,
    token BIGINT NOT NULL,
    answer BYTEA,
    until BIGINT NOT NULL
);
CREATE INDEX idempotency_by_until ON idempotency (until);

CREATE TABLE meta (
    name TEXT COLLATE "C" PRIMARY KEY,
    number BIGINT,
    bytes BYTEA
);
INSERT INTO meta (name, number) VALUES ('first_token', 0), ('pings', 0);
