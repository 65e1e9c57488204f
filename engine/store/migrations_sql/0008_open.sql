-- What a restart looks for is found by indexes that a turn does not touch; two that nothing read are gone.
DROP INDEX settlements_open;
DROP INDEX calls_number;
CREATE INDEX settlements_live ON settlements (no) WHERE rest_at IS NULL;
CREATE INDEX settlements_due ON settlements (no) WHERE rest_at IS NOT NULL AND next_at IS NOT NULL;
