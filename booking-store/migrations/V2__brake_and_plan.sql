-- Budgets of early removals, and plans that wait to be applied.

CREATE TABLE brake (
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
CREATE INDEX brake_by_stay ON brake (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX brake_by_door ON brake (tenant, door) WHERE door IS NOT NULL;

CREATE TABLE plan (
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
CREATE INDEX plan_by_stay ON plan (tenant, stay) WHERE stay IS NOT NULL;
CREATE INDEX plan_by_door ON plan (tenant, door) WHERE door IS NOT NULL;
