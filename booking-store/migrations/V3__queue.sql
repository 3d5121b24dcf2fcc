-- Keys whose time has come stand in a queue, in the order in which they are claimed. Found among all that is due, each
-- claim took as long as there was work waiting.

ALTER TABLE work ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
CREATE INDEX work_unqueued ON work (ready_at) WHERE ready_at IS NOT NULL AND queued = 0;
CREATE INDEX work_queue ON work (priority IS NULL, priority, ready_at, rank, tenant, id) WHERE queued = 1;
