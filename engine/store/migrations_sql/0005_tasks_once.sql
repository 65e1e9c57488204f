-- A thing a person has to do is one task, however often it happens: it counts, and knows when it happened last.
ALTER TABLE tasks ADD COLUMN times INTEGER DEFAULT 1 NOT NULL;
ALTER TABLE tasks ADD COLUMN last_at {instant} DEFAULT 0 NOT NULL;
UPDATE tasks SET last_at = opened_at;
UPDATE tasks SET times = (SELECT COUNT(*) FROM tasks AS o WHERE o.closed_at IS NULL
  AND o.settlement_no = tasks.settlement_no AND o.leg_id = tasks.leg_id AND o.kind = tasks.kind AND o.side = tasks.side),
  last_at = (SELECT MAX(o.opened_at) FROM tasks AS o WHERE o.closed_at IS NULL
  AND o.settlement_no = tasks.settlement_no AND o.leg_id = tasks.leg_id AND o.kind = tasks.kind AND o.side = tasks.side)
  WHERE closed_at IS NULL AND settlement_no IS NOT NULL;
UPDATE tasks SET closed_at = opened_at, closed_by = 'engine' WHERE closed_at IS NULL AND settlement_no IS NOT NULL
  AND id > (SELECT MIN(o.id) FROM tasks AS o WHERE o.closed_at IS NULL
  AND o.settlement_no = tasks.settlement_no AND o.leg_id = tasks.leg_id AND o.kind = tasks.kind AND o.side = tasks.side);
CREATE UNIQUE INDEX tasks_once ON tasks (settlement_no, leg_id, kind, side) WHERE closed_at IS NULL;
