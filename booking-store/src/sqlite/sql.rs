//! Every statement, so that a test can prepare them all.

use std::sync::LazyLock;

use booking_core::store::Kind;

use crate::columns::SealedColumn;

macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(pub(super) const $name: &str = $sql;)*
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$($sql),*];
    };
}

statements! {
    GET_ALIAS = "SELECT booking FROM alias WHERE tenant = ?1 AND source = ?2 AND reference = ?3";
    SET_ALIAS = "INSERT INTO alias (tenant, source, reference, booking) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET booking = excluded.booking";
    PURGE_ALIASES = "DELETE FROM alias WHERE tenant = ?1 AND booking = ?2";

    GET_WORK = "SELECT due_at, priority, leased_until, token, failures FROM work
        WHERE rank = ?1 AND tenant = ?2 AND id = ?3";
    // Whatever changes, it takes its place in the queue anew.
    SET_WORK = "INSERT INTO work (rank, tenant, id, due_at, priority, leased_until, token, failures)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT DO UPDATE SET due_at = excluded.due_at, priority = excluded.priority,
            leased_until = excluded.leased_until, token = excluded.token, failures = excluded.failures, queued = 0";
    QUEUE_WORK = "UPDATE work INDEXED BY work_unqueued SET queued = 1
        WHERE ready_at IS NOT NULL AND ready_at <= ?1 AND queued = 0";
    // The first key of the next tenant, and of one: only what is due now, even if the clock was set back.
    FIRST_OF_NEXT = "SELECT priority, ready_at, rank, tenant, id FROM work INDEXED BY work_queue
        WHERE queued = 1 AND ready_at <= ?1 AND tenant > ?2
        ORDER BY tenant, priority IS NULL, priority, ready_at, rank, id LIMIT 1";
    FIRST_OF = "SELECT priority, ready_at, rank, tenant, id FROM work INDEXED BY work_queue
        WHERE queued = 1 AND ready_at <= ?1 AND tenant = ?2
        ORDER BY priority IS NULL, priority, ready_at, rank, id LIMIT 1";
    // A later mark still stands when a lease has run out.
    CLAIM_WORK = "UPDATE work
        SET token = token + 1, leased_until = ?2, queued = 0, due_at = CASE WHEN due_at > ?1 THEN due_at END
        WHERE rank = ?3 AND tenant = ?4 AND id = ?5
        RETURNING token, failures";
    NEXT_DUE = "SELECT min(ready_at) FROM work WHERE ready_at IS NOT NULL AND ready_at > ?1";
    LIST_WORK = "SELECT rank, tenant, id, due_at, leased_until, failures FROM work
        WHERE (rank, tenant, id) > (?1, ?2, ?3) AND ready_at IS NOT NULL
        ORDER BY rank, tenant, id LIMIT ?4";
    PURGE_WORK = "DELETE FROM work WHERE rank = ?1 AND tenant = ?2 AND id = ?3 RETURNING token";

    GET_DELIVERY = "SELECT until, reply FROM delivery WHERE tenant = ?1 AND integration = ?2 AND id = ?3";
    SET_DELIVERY = "INSERT INTO delivery (tenant, integration, id, until, reply) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET until = excluded.until, reply = excluded.reply";
    PURGE_DELIVERIES = "DELETE FROM delivery WHERE until < ?1";

    ADD_INBOX = "INSERT INTO inbox (tenant, integration, origin, action, work, content_hash, content_event, reply,
            received_at, read_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    SET_EVENT = "UPDATE inbox SET event = ?2 WHERE number = ?1";
    RESEAL_EVENT = "UPDATE inbox SET event = ?3 WHERE tenant = ?1 AND number = CAST(?2 AS INTEGER)";
    UNREAD_EQUAL = "SELECT reply FROM inbox
        WHERE work = ?1 AND read_at IS NULL AND integration = ?2 AND content_hash = ?3 AND content_event = ?4
        ORDER BY number LIMIT 1";
    HAS_UNREAD = "SELECT EXISTS (SELECT 1 FROM inbox WHERE work = ?1 AND read_at IS NULL)";
    UNREAD = "SELECT number, tenant, integration, origin, action, work, event, received_at, read_at,
            content_hash, content_event, reply
        FROM inbox WHERE work = ?1 AND read_at IS NULL ORDER BY number";
    INBOX = "SELECT number, tenant, integration, origin, action, work, event, received_at, read_at
        FROM inbox WHERE tenant = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
    REMOVE_INBOX = "DELETE FROM inbox WHERE number = ?1";
    MARK_READ = "UPDATE inbox SET read_at = ?3 WHERE work = ?1 AND read_at IS NULL AND number <= ?2";
    PURGE_INBOX_OF = "DELETE FROM inbox WHERE work = ?1";
    PURGE_INBOX = "DELETE FROM inbox WHERE received_at < ?1 AND read_at IS NOT NULL";

    // By itself, SQLite would go through every claim on the door.
    OVERLAPPING = "SELECT holder FROM claim INDEXED BY claim_by_pin
        WHERE door = ?1 AND pin_hash = ?2 AND starts_at < ?4 AND ?3 < ends_at";
    SET_CLAIM = "INSERT INTO claim (door, holder, pin_hash, starts_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET pin_hash = excluded.pin_hash, starts_at = excluded.starts_at,
            ends_at = excluded.ends_at";
    DROP_CLAIMS = "DELETE FROM claim WHERE holder = ?1 AND starts_at >= ?2";
    END_CLAIMS = "UPDATE claim SET ends_at = ?2 WHERE holder = ?1";
    PURGE_CLAIMS = "DELETE FROM claim WHERE ends_at < ?1";

    ADD_AUDIT = "INSERT INTO audit (tenant, stay, at, what, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
    AUDIT = "SELECT number, at, stay, what, detail FROM audit WHERE tenant = ?1 AND number < ?2
        ORDER BY number DESC LIMIT ?3";
    AUDIT_OF = "SELECT number, at, stay, what, detail FROM audit WHERE tenant = ?1 AND number < ?2 AND stay = ?4
        ORDER BY number DESC LIMIT ?3";
    PURGE_AUDIT = "DELETE FROM audit WHERE at < ?1";

    GET_IDEMPOTENCY = "SELECT token, answer, until FROM idempotency WHERE key = ?1";
    SET_IDEMPOTENCY = "INSERT INTO idempotency (key, token, answer, until) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET token = excluded.token, answer = excluded.answer, until = excluded.until";
    ABANDON = "DELETE FROM idempotency WHERE key = ?1 AND token = ?2 AND answer IS NULL";
    PURGE_IDEMPOTENCY = "DELETE FROM idempotency WHERE until < ?1";

    GET_META = "SELECT value FROM meta WHERE name = ?1";
    SET_META = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
    COUNT_META = "UPDATE meta SET value = value + 1 WHERE name = ?1 RETURNING value";

    // Tenant, id and value of what is sealed with another key.
    OLD_EVENTS = "SELECT tenant, CAST(number AS TEXT), event FROM inbox
        WHERE event IS NOT NULL AND substr(event, 2, 4) <> ?1";
    OLD_ANSWERS = "SELECT '', key, answer FROM idempotency WHERE answer IS NOT NULL AND substr(answer, 2, 4) <> ?1";
    RESEAL_ANSWER = "UPDATE idempotency SET answer = ?3 WHERE ?1 = '' AND key = ?2";
}

/// What finds the old values of a sealed column, and what replaces one.
pub(super) fn sealed(column: SealedColumn) -> (&'static str, &'static str) {
    match column {
        SealedColumn::Of(kind) => {
            let records = Records::of(kind);
            (&records.old_seals, &records.set_sealed)
        }
        SealedColumn::Event => (OLD_EVENTS, RESEAL_EVENT),
        SealedColumn::Answer => (OLD_ANSWERS, RESEAL_ANSWER),
    }
}

/// The statements of one kind of record.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) revision: String,
    pub(super) put: String,
    pub(super) delete: String,
    pub(super) get: String,
    pub(super) of_stay: String,
    pub(super) on_door: String,
    pub(super) page: String,
    pub(super) purge: String,
    pub(super) old_seals: String,
    pub(super) set_sealed: String,
}

impl Records {
    fn new(kind: Kind) -> Self {
        let table = kind.table();
        let columns = "SELECT id, revision, plain, sealed";
        let select = format!("{columns} FROM {table} WHERE tenant = ?1");
        // By itself, SQLite would go through all rows of the tenant, since these are in the order wanted.
        let by = |column: &str| {
            format!(
                "{columns} FROM {table} INDEXED BY {table}_by_{column} WHERE tenant = ?1 AND {column} = ?2 ORDER BY id"
            )
        };
        Self {
            revision: format!("SELECT revision FROM {table} WHERE tenant = ?1 AND id = ?2"),
            put: format!(
                "INSERT INTO {table} (tenant, id, stay, door, revision, plain, sealed, updated_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                ON CONFLICT DO UPDATE SET stay = excluded.stay, door = excluded.door, revision = excluded.revision,
                    plain = excluded.plain, sealed = excluded.sealed, updated_at = excluded.updated_at"
            ),
            delete: format!("DELETE FROM {table} WHERE tenant = ?1 AND id = ?2"),
            get: format!("{select} AND id = ?2"),
            of_stay: by("stay"),
            on_door: by("door"),
            page: format!("{select} AND id > ?2 ORDER BY id LIMIT ?3"),
            purge: format!("DELETE FROM {table} WHERE tenant = ?1 AND stay = ?2"),
            old_seals: format!(
                "SELECT tenant, id, sealed FROM {table} WHERE sealed IS NOT NULL AND substr(sealed, 2, 4) <> ?1"
            ),
            set_sealed: format!("UPDATE {table} SET sealed = ?3 WHERE tenant = ?1 AND id = ?2"),
        }
    }

    /// The statements of a kind, made once.
    pub(super) fn of(kind: Kind) -> &'static Self {
        static ALL: LazyLock<Vec<Records>> =
            LazyLock::new(|| Kind::ALL.into_iter().map(Records::new).collect());
        let at = Kind::ALL.iter().position(|other| *other == kind);
        at.and_then(|at| ALL.get(at)).expect("every kind is in Kind::ALL")
    }

    #[cfg(test)]
    fn all(&self) -> [&str; 10] {
        [
            &self.revision,
            &self.put,
            &self.delete,
            &self.get,
            &self.of_stay,
            &self.on_door,
            &self.page,
            &self.purge,
            &self.old_seals,
            &self.set_sealed,
        ]
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::sqlite::schema;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    /// How SQLite means to run a statement.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps =
            statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_statement_is_valid() {
        let connection = database();
        let of_kinds = Kind::ALL.into_iter().flat_map(|kind| Records::of(kind).all());
        for sql in ALL.iter().copied().chain(of_kinds) {
            connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    #[test]
    fn what_runs_for_each_stay_finds_its_rows_by_all_that_is_known() {
        let connection = database();
        for kind in Kind::ALL {
            let Records { of_stay, on_door, get, revision, .. } = Records::of(kind);
            for (sql, by) in [
                (of_stay, "(tenant=? AND stay=?)"),
                (on_door, "(tenant=? AND door=?)"),
                (get, "(tenant=? AND id=?)"),
                (revision, "(tenant=? AND id=?)"),
            ] {
                check(&connection, sql, by);
            }
        }
        for (sql, by) in [
            (GET_ALIAS, "(tenant=? AND source=? AND reference=?)"),
            (GET_WORK, "(rank=? AND tenant=? AND id=?)"),
            (CLAIM_WORK, "SEARCH work USING PRIMARY KEY (rank=? AND tenant=? AND id=?)"),
            (FIRST_OF_NEXT, "USING INDEX work_queue (tenant>?)"),
            (NEXT_DUE, "(ready_at>?)"),
            (QUEUE_WORK, "USING INDEX work_unqueued (ready_at>? AND ready_at<?)"),
            (UNREAD, "(work=?)"),
            (UNREAD_EQUAL, "(work=?)"),
            (MARK_READ, "(work=? AND number<?)"),
            (OVERLAPPING, "(door=? AND pin_hash=?)"),
            (END_CLAIMS, "(holder=?)"),
            (AUDIT_OF, "(tenant=? AND stay=?"),
        ] {
            check(&connection, sql, by);
        }
    }

    #[test]
    fn a_claim_takes_its_keys_from_the_queue_as_they_stand() {
        let database = database();
        for sql in [FIRST_OF_NEXT, FIRST_OF] {
            let plan = plan(&database, sql);
            assert!(plan.contains("USING INDEX work_queue") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    fn check(connection: &Connection, sql: &str, by: &str) {
        let plan = plan(connection, sql);
        assert!(plan.contains(by), "{sql}\n{plan}");
        assert!(!plan.contains("(tenant=?)") && !plan.contains("(rank=?)"), "{sql}\n{plan}");
    }

    #[test]
    fn what_runs_often_uses_an_index() {
        let connection = database();
        let code = Records::of(Kind::Code);
        let often = [
            QUEUE_WORK,
            FIRST_OF_NEXT,
            FIRST_OF,
            CLAIM_WORK,
            NEXT_DUE,
            LIST_WORK,
            UNREAD,
            UNREAD_EQUAL,
            HAS_UNREAD,
            MARK_READ,
            INBOX,
            OVERLAPPING,
            END_CLAIMS,
            AUDIT,
            AUDIT_OF,
            PURGE_ALIASES,
            PURGE_INBOX_OF,
            &code.get,
            &code.of_stay,
            &code.on_door,
            &code.page,
            &code.revision,
        ];
        for sql in often {
            let plan = plan(&connection, sql);
            let reads_all = plan.lines().any(|step| {
                // Those keys that are due are no more than are asked for.
                let few = ["SCAN CONSTANT ROW", "SCAN due"].contains(&step);
                step.starts_with("SCAN") && !step.contains("USING") && !few
            });
            assert!(!reads_all, "{sql}\n{plan}");
        }
    }
}
