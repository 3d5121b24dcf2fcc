-- Keys whose time has come stand in a queue, each tenant's in the order in which they are claimed. Found among all that
-- is due, each claim took as long as there was work waiting.
--
-- A key is in the queue as long as it is ready at the very time for which it was put there: so whoever changes that time
-- takes it out, also a host that knows of no queue.

ALTER TABLE work ADD COLUMN queued_for BIGINT;
CREATE INDEX work_unqueued ON work (ready_at) WHERE ready_at IS NOT NULL AND (queued_for = ready_at) IS NOT TRUE;
CREATE INDEX work_queue ON work (tenant, (priority IS NULL), priority, ready_at, rank, id)
    WHERE (queued_for = ready_at) IS TRUE;
