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
    GET_ALIAS = "SELECT booking FROM alias WHERE tenant = $1 AND source = $2 AND reference = $3";
    SET_ALIAS = "INSERT INTO alias (tenant, source, reference, booking) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, source, reference) DO UPDATE SET booking = excluded.booking";
    // For several rows at once there are arrays: a statement for each table takes them all. Looked up one by one, by their
    // index, because joins of another kind read the whole table. The first column is the place in the arrays.
    GET_ALIASES = "SELECT asked.place, found.booking
        FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) WITH ORDINALITY AS asked (tenant, source, reference, place),
            LATERAL (SELECT booking FROM alias WHERE tenant = asked.tenant AND source = asked.source
                AND reference = asked.reference LIMIT 1) AS found";
    SET_ALIASES = "INSERT INTO alias (tenant, source, reference, booking)
        SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[])
        ON CONFLICT (tenant, source, reference) DO UPDATE SET booking = excluded.booking";
    PURGE_ALIASES = "DELETE FROM alias USING unnest($1::TEXT[], $2::TEXT[]) AS asked (tenant, stay)
        WHERE alias.tenant = asked.tenant AND alias.booking = asked.stay";

    GET_WORK = "SELECT due_at, priority, leased_until, token, failures FROM work
        WHERE rank = $1 AND tenant = $2 AND id = $3";
    // In a change: nobody claims the key until its end, and whoever did since its beginning makes it begin anew.
    LOCK_WORK = "SELECT due_at, priority, leased_until, token, failures FROM work
        WHERE rank = $1 AND tenant = $2 AND id = $3 FOR UPDATE";
    // Says how many it queued: so many at once that it ends in time. What another holds is in nobody's queue yet.
    QUEUE_WORK = "WITH ripe AS MATERIALIZED (
            SELECT rank, tenant, id FROM work
            WHERE ready_at IS NOT NULL AND (queued_for = ready_at) IS NOT TRUE AND ready_at <= $1
            ORDER BY ready_at LIMIT $2 FOR UPDATE SKIP LOCKED),
        queued AS (
            UPDATE work SET queued_for = work.ready_at FROM ripe
            WHERE work.rank = ripe.rank AND work.tenant = ripe.tenant AND work.id = ripe.id
            RETURNING 1)
        SELECT count(*) FROM queued";
    // From one tenant's first key to the next one's; of those that have places left, those with the soonest, as many keys as
    // each may have; of all these the soonest, and so how many of each tenant. Only then are keys locked: one that another holds at this
    // moment is skipped, not waited for. Only what is due now is taken; a later mark still stands when a lease has run out.
    CLAIM_WORK = "WITH RECURSIVE first AS (
            (SELECT tenant, priority, ready_at, rank, id FROM work
            WHERE (queued_for = ready_at) IS TRUE AND ready_at <= $1
            ORDER BY tenant, (priority IS NULL), priority, ready_at, rank, id LIMIT 1)
            UNION ALL
            SELECT next.* FROM first, LATERAL (
                SELECT tenant, priority, ready_at, rank, id FROM work
                WHERE (queued_for = ready_at) IS TRUE AND ready_at <= $1 AND tenant > first.tenant
                ORDER BY tenant, (priority IS NULL), priority, ready_at, rank, id LIMIT 1) AS next),
        near AS (
            SELECT first.tenant, least($3::BIGINT, $4::BIGINT - coalesce(taken.keys, 0)) AS places
            FROM first LEFT JOIN unnest($5::TEXT[], $6::BIGINT[]) AS taken (tenant, keys) USING (tenant)
            WHERE $4::BIGINT > coalesce(taken.keys, 0)
            ORDER BY (priority IS NULL), priority, ready_at, rank, first.tenant, id LIMIT $3::BIGINT),
        soonest AS (
            SELECT near.tenant FROM near, LATERAL (
                SELECT priority, ready_at, rank, id FROM work
                WHERE (queued_for = ready_at) IS TRUE AND ready_at <= $1 AND tenant = near.tenant
                ORDER BY (priority IS NULL), priority, ready_at, rank, id LIMIT near.places) AS of_tenant
            ORDER BY (priority IS NULL), priority, ready_at, rank, near.tenant, id LIMIT $3::BIGINT),
        share AS MATERIALIZED (SELECT tenant, count(*) AS keys FROM soonest GROUP BY tenant),
        due AS MATERIALIZED (
            SELECT of_tenant.* FROM share, LATERAL (
                SELECT rank, tenant, id, priority, ready_at FROM work
                WHERE (queued_for = ready_at) IS TRUE AND ready_at <= $1 AND tenant = share.tenant
                ORDER BY (priority IS NULL), priority, ready_at, rank, id
                LIMIT share.keys FOR UPDATE SKIP LOCKED) AS of_tenant)
        UPDATE work
        SET token = work.token + 1, leased_until = $2, due_at = CASE WHEN work.due_at > $1 THEN work.due_at END
        FROM due
        WHERE work.rank = due.rank AND work.tenant = due.tenant AND work.id = due.id
        RETURNING work.rank, work.tenant, work.id, work.token, work.failures, due.priority, due.ready_at";
    NEXT_DUE = "SELECT min(ready_at) FROM work WHERE ready_at IS NOT NULL AND ready_at > $1";
    LIST_WORK = "SELECT rank, tenant, id, due_at, leased_until, failures FROM work
        WHERE (rank, tenant, id) > ($1, $2, $3) AND ready_at IS NOT NULL
        ORDER BY rank, tenant, id LIMIT $4";
    // As in a change: what is told of a stay must not be added to one that is forgotten meanwhile.
    LOCK_WORKS = "SELECT asked.place, due_at, priority, leased_until, token, failures
        FROM unnest($1::BIGINT[], $2::TEXT[], $3::TEXT[]) WITH ORDINALITY AS asked (rank, tenant, id, place),
            LATERAL (SELECT * FROM work WHERE rank = asked.rank AND tenant = asked.tenant AND id = asked.id
                LIMIT 1 FOR UPDATE) AS found";
    // What is ready at the time of the change takes its place in the queue along with it.
    SET_WORKS = "INSERT INTO work (tenant, id, rank, due_at, priority, leased_until, token, failures, queued_for)
        SELECT *, CASE WHEN coalesce(leased_until, due_at) <= $9 THEN coalesce(leased_until, due_at) END
        FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[],
            $8::BIGINT[]) AS made (tenant, id, rank, due_at, priority, leased_until, token, failures)
        ON CONFLICT (rank, tenant, id) DO UPDATE SET due_at = excluded.due_at, priority = excluded.priority,
            leased_until = excluded.leased_until, token = excluded.token, failures = excluded.failures,
            queued_for = excluded.queued_for";
    PURGE_WORKS = "DELETE FROM work USING unnest($1::BIGINT[], $2::TEXT[], $3::TEXT[]) AS asked (rank, tenant, id)
        WHERE work.rank = asked.rank AND work.tenant = asked.tenant AND work.id = asked.id";

    LOCK_BOOKINGS = "SELECT asked.place, found.revision
        FROM unnest($1::TEXT[], $2::TEXT[]) WITH ORDINALITY AS asked (tenant, id, place),
            LATERAL (SELECT revision FROM booking WHERE tenant = asked.tenant AND id = asked.id
                LIMIT 1 FOR UPDATE) AS found";
    PUT_BOOKINGS = "INSERT INTO booking (tenant, id, stay, plain, revision, sealed, updated_at)
        SELECT tenant, id, id, plain, revision, sealed, updated_at
        FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BYTEA[], $6::BIGINT[])
            AS made (tenant, id, plain, revision, sealed, updated_at)
        ON CONFLICT (tenant, id) DO UPDATE SET revision = excluded.revision, plain = excluded.plain,
            sealed = excluded.sealed, updated_at = excluded.updated_at";

    GET_DELIVERY = "SELECT until, reply FROM delivery WHERE tenant = $1 AND integration = $2 AND id = $3";
    SET_DELIVERY = "INSERT INTO delivery (tenant, integration, id, until, reply) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant, integration, id) DO UPDATE SET until = excluded.until, reply = excluded.reply";
    GET_DELIVERIES = "SELECT asked.place, found.until, found.reply
        FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) WITH ORDINALITY AS asked (tenant, integration, id, place),
            LATERAL (SELECT until, reply FROM delivery WHERE tenant = asked.tenant
                AND integration = asked.integration AND id = asked.id LIMIT 1) AS found";
    SET_DELIVERIES = "INSERT INTO delivery (tenant, integration, id, reply, until)
        SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[])
        ON CONFLICT (tenant, integration, id) DO UPDATE SET until = excluded.until, reply = excluded.reply";
    PURGE_DELIVERIES = "WITH gone AS (DELETE FROM delivery WHERE until <= (
            SELECT max(until) FROM (SELECT until FROM delivery WHERE until < $1 ORDER BY until LIMIT $2) AS part)
            RETURNING 1)
        SELECT count(*) FROM gone";

    INBOX_NUMBER = "SELECT nextval('inbox_number')";
    ADD_INBOX = "INSERT INTO inbox (number, tenant, integration, origin, action, work, event, content_hash,
            content_event, reply, received_at, read_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    INBOX_NUMBERS = "SELECT nextval('inbox_number') FROM generate_series(1, $1::BIGINT)";
    ADD_INBOXES = "INSERT INTO inbox (tenant, integration, origin, action, reply, number, work, event, content_hash,
            content_event, received_at, read_at)
        SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::TEXT[],
            $8::BYTEA[], $9::TEXT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[])";
    RESEAL_EVENT = "UPDATE inbox SET event = $3 WHERE tenant = $1 AND number = CAST($2::TEXT AS BIGINT)";
    UNREAD_EQUAL = "SELECT reply FROM inbox
        WHERE work = $1 AND read_at IS NULL AND integration = $2 AND content_hash = $3 AND content_event = $4
        ORDER BY number LIMIT 1";
    HAS_UNREAD = "SELECT EXISTS (SELECT 1 FROM inbox WHERE work = $1 AND read_at IS NULL)";
    UNREAD_EQUALS = "SELECT asked.place, found.reply
        FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[]) WITH ORDINALITY
                AS asked (work, integration, hash, event, place),
            LATERAL (SELECT reply FROM inbox WHERE work = asked.work AND read_at IS NULL
                AND integration = asked.integration AND content_hash = asked.hash AND content_event = asked.event
                ORDER BY number LIMIT 1) AS found";
    HAVE_UNREAD = "SELECT asked.place FROM unnest($1::TEXT[]) WITH ORDINALITY AS asked (work, place),
            LATERAL (SELECT 1 FROM inbox WHERE work = asked.work AND read_at IS NULL LIMIT 1) AS found";
    UNREAD = "SELECT number, tenant, integration, origin, action, work, event, received_at, read_at,
            content_hash, content_event, reply
        FROM inbox WHERE work = $1 AND read_at IS NULL ORDER BY number";
    INBOX = "SELECT number, tenant, integration, origin, action, work, event, received_at, read_at
        FROM inbox WHERE tenant = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
    REMOVE_INBOX = "DELETE FROM inbox WHERE tenant = $1 AND number = $2";
    MARK_READ = "UPDATE inbox SET read_at = $3 WHERE work = $1 AND read_at IS NULL AND number <= $2";
    PURGE_INBOX_OF = "DELETE FROM inbox USING unnest($1::TEXT[]) AS asked (work) WHERE inbox.work = asked.work";
    // What is too old goes in parts, from the oldest on: each says how much it was, and the last one is smaller than $2.
    PURGE_INBOX = "WITH gone AS (DELETE FROM inbox WHERE read_at IS NOT NULL AND received_at <= (
            SELECT max(received_at) FROM (SELECT received_at FROM inbox
                WHERE received_at < $1 AND read_at IS NOT NULL ORDER BY received_at LIMIT $2) AS part)
            RETURNING 1)
        SELECT count(*) FROM gone";

    LOCK_DOOR = "INSERT INTO claim_door (door, changes) VALUES ($1, 1)
        ON CONFLICT (door) DO UPDATE SET changes = claim_door.changes + 1 RETURNING changes";
    OVERLAPPING = "SELECT holder FROM claim
        WHERE door = $1 AND pin_hash = $2 AND starts_at < $4 AND $3 < ends_at";
    SET_CLAIM = "INSERT INTO claim (door, holder, pin_hash, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (door, holder) DO UPDATE SET pin_hash = excluded.pin_hash, starts_at = excluded.starts_at,
            ends_at = excluded.ends_at";
    DROP_CLAIMS = "DELETE FROM claim WHERE holder = $1 AND starts_at >= $2";
    END_CLAIMS = "UPDATE claim SET ends_at = $2 WHERE holder = $1";
    PURGE_CLAIMS = "WITH gone AS (DELETE FROM claim WHERE ends_at <= (
            SELECT max(ends_at) FROM (SELECT ends_at FROM claim WHERE ends_at < $1 ORDER BY ends_at LIMIT $2) AS part)
            RETURNING 1)
        SELECT count(*) FROM gone";

    ADD_AUDIT = "INSERT INTO audit (tenant, stay, at, what, detail) VALUES ($1, $2, $3, $4, $5)";
    AUDIT = "SELECT number, at, stay, what, detail FROM audit WHERE tenant = $1 AND number < $2
        ORDER BY number DESC LIMIT $3";
    AUDIT_OF = "SELECT number, at, stay, what, detail FROM audit WHERE tenant = $1 AND number < $2 AND stay = $4
        ORDER BY number DESC LIMIT $3";
    PURGE_AUDIT = "WITH gone AS (DELETE FROM audit WHERE at <= (
            SELECT max(at) FROM (SELECT at FROM audit WHERE at < $1 ORDER BY at LIMIT $2) AS part)
            RETURNING 1)
        SELECT count(*) FROM gone";

    IDEMPOTENCY_TOKEN = "SELECT nextval('idempotency_token')";
    GET_IDEMPOTENCY = "SELECT token, answer, until FROM idempotency WHERE key = $1";
    SET_IDEMPOTENCY = "INSERT INTO idempotency (key, token, answer, until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (key) DO UPDATE SET token = excluded.token, answer = excluded.answer, until = excluded.until";
    ABANDON = "DELETE FROM idempotency WHERE key = $1 AND token = $2 AND answer IS NULL";
    PURGE_IDEMPOTENCY = "WITH gone AS (DELETE FROM idempotency WHERE until <= (
            SELECT max(until) FROM (SELECT until FROM idempotency WHERE until < $1 ORDER BY until LIMIT $2) AS part)
            RETURNING 1)
        SELECT count(*) FROM gone";

    GET_NUMBER = "SELECT number FROM meta WHERE name = $1";
    RAISE_NUMBER = "UPDATE meta SET number = $2 WHERE name = $1 AND number < $2";
    PING = "UPDATE meta SET number = number + 1 WHERE name = 'pings'";
    GET_BYTES = "SELECT bytes FROM meta WHERE name = $1";
    SET_BYTES = "INSERT INTO meta (name, bytes) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes";

    // A page of what is sealed with another key: tenant, id and value.
    OLD_EVENTS = "SELECT tenant, CAST(number AS TEXT), event FROM inbox
        WHERE event IS NOT NULL AND substr(event, 2, 4) <> $1
            AND (tenant, number) > ($2, CAST(coalesce(nullif($3::TEXT, ''), '-1') AS BIGINT))
        ORDER BY tenant, number LIMIT $4";
    OLD_ANSWERS = "SELECT '', key, answer FROM idempotency
        WHERE answer IS NOT NULL AND substr(answer, 2, 4) <> $1 AND $2::TEXT = '' AND key > $3
        ORDER BY key LIMIT $4";
    RESEAL_ANSWER = "UPDATE idempotency SET answer = $3 WHERE $1::TEXT = '' AND key = $2";
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
        let select = format!("{columns} FROM {table} WHERE tenant = $1");
        let by = |column: &str| format!("{select} AND {column} = $2 ORDER BY id");
        Self {
            // Whatever rests on it must still be so when the change is made.
            revision: format!("SELECT revision FROM {table} WHERE tenant = $1 AND id = $2 FOR UPDATE"),
            put: format!(
                "INSERT INTO {table} (tenant, id, stay, door, revision, plain, sealed, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                ON CONFLICT (tenant, id) DO UPDATE SET stay = excluded.stay, door = excluded.door, revision = excluded.revision,
                    plain = excluded.plain, sealed = excluded.sealed, updated_at = excluded.updated_at"
            ),
            delete: format!("DELETE FROM {table} WHERE tenant = $1 AND id = $2"),
            get: format!("{select} AND id = $2"),
            on_door: by("door"),
            page: format!("{select} AND id > $2 ORDER BY id LIMIT $3"),
            purge: format!(
                "DELETE FROM {table} USING unnest($1::TEXT[], $2::TEXT[]) AS asked (tenant, stay)
                WHERE {table}.tenant = asked.tenant AND {table}.stay = asked.stay"
            ),
            old_seals: format!(
                "SELECT tenant, id, sealed FROM {table}
                WHERE sealed IS NOT NULL AND substr(sealed, 2, 4) <> $1 AND (tenant, id) > ($2, $3)
                ORDER BY tenant, id LIMIT $4"
            ),
            set_sealed: format!("UPDATE {table} SET sealed = $3 WHERE tenant = $1 AND id = $2"),
        }
    }

    /// Every row of a stay, with the place of its kind in [`Kind::ALL`], in one statement and so as of one moment.
    pub(super) fn of_stay() -> &'static str {
        static ALL: LazyLock<String> = LazyLock::new(|| {
            let parts = Kind::ALL.into_iter().enumerate().map(|(at, kind)| {
                let table = kind.table();
                format!(
                    "SELECT {at}::BIGINT AS kind, id, revision, plain, sealed FROM {table}
                    WHERE tenant = $1 AND stay = $2"
                )
            });
            parts.collect::<Vec<_>>().join(" UNION ALL ") + " ORDER BY kind, id"
        });
        &ALL
    }

    /// The statements of a kind, made once.
    pub(super) fn of(kind: Kind) -> &'static Self {
        static ALL: LazyLock<Vec<Records>> =
            LazyLock::new(|| Kind::ALL.into_iter().map(Records::new).collect());
        let at = Kind::ALL.iter().position(|other| *other == kind);
        at.and_then(|at| ALL.get(at)).expect("every kind is in Kind::ALL")
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> [&str; 9] {
        [
            &self.revision,
            &self.put,
            &self.delete,
            &self.get,
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
    use booking_core::Secret;
    use booking_core::conformance::SeededRng;

    use super::*;
    use crate::{Keys, PostgresStore, PostgresUrl};
    use booking_test_servers::postgres::Server;

    #[expect(clippy::disallowed_methods, reason = "a connection of the test's own")]
    #[tokio::test]
    async fn every_statement_is_valid_and_what_runs_often_uses_an_index() {
        let url = Server::shared().database().await;
        let keys = Keys::parse(&Secret::new("1".repeat(64))).unwrap();
        let parsed = PostgresUrl::parse(&url).unwrap();
        PostgresStore::open(&parsed, keys, std::sync::Arc::new(SeededRng::new(1))).await.unwrap();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let of_kinds = Kind::ALL.into_iter().flat_map(|kind| Records::of(kind).all());
        for sql in ALL.iter().copied().chain(of_kinds).chain([Records::of_stay()]) {
            client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        // Small tables are read whole whatever their indexes are; here only a statement that has none is.
        client
            .batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
            .await
            .unwrap();
        let code = Records::of(Kind::Code);
        let often = [
            GET_ALIAS,
            GET_ALIASES,
            LOCK_WORK,
            LOCK_WORKS,
            QUEUE_WORK,
            CLAIM_WORK,
            NEXT_DUE,
            LIST_WORK,
            LOCK_BOOKINGS,
            GET_DELIVERY,
            GET_DELIVERIES,
            PURGE_DELIVERIES,
            UNREAD_EQUAL,
            UNREAD_EQUALS,
            HAS_UNREAD,
            HAVE_UNREAD,
            UNREAD,
            INBOX,
            REMOVE_INBOX,
            MARK_READ,
            PURGE_INBOX_OF,
            PURGE_INBOX,
            OVERLAPPING,
            DROP_CLAIMS,
            END_CLAIMS,
            PURGE_CLAIMS,
            AUDIT,
            AUDIT_OF,
            PURGE_AUDIT,
            GET_IDEMPOTENCY,
            PURGE_IDEMPOTENCY,
            PURGE_ALIASES,
            PURGE_WORKS,
            Records::of_stay(),
            &code.get,
            &code.revision,
            &code.on_door,
            &code.page,
            &code.purge,
        ];
        for sql in often {
            let holes = (1..9).take_while(|hole| sql.contains(&format!("${hole}"))).count();
            let nulls = vec!["NULL"; holes].join(", ");
            let call = if holes == 0 { "EXECUTE s".to_owned() } else { format!("EXECUTE s ({nulls})") };
            client.batch_execute(&format!("PREPARE s AS {sql}")).await.unwrap();
            let plan = client.query(&format!("EXPLAIN {call}"), &[]).await.unwrap();
            client.batch_execute("DEALLOCATE s").await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            assert!(!plan.iter().any(|step| step.contains("Seq Scan")), "{sql}\n{}", plan.join("\n"));
        }
    }
}
