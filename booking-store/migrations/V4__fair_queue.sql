-- Each tenant's keys stand together in the queue: a tenant that has its share is passed over at once, however much it has
-- due.

DROP INDEX work_queue;
CREATE INDEX work_queue ON work (tenant, priority IS NULL, priority, ready_at, rank, id) WHERE queued = 1;
ALTER TABLE work DROP COLUMN since;
