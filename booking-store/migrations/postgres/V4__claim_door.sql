-- Who claims digits on a door counts up its row. So of two that would not see each other's claims one is undone, under
-- any isolation that undoes the second of two writes of a row.

CREATE TABLE claim_door (
    door TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    changes BIGINT NOT NULL
);
