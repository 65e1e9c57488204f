-- A turn writes three pages less: a settlement's history lies together, and what a restart looks for is found through its
-- settlement, which for that has an instant to act at as long as one of its legs is open.
CREATE TABLE history (
  settlement_no TEXT NOT NULL,
  id BIGINT NOT NULL,
  at {instant} NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (settlement_no, id)
){clustered};
INSERT INTO history (settlement_no, id, at, kind, detail) SELECT settlement_no, id, at, kind, detail FROM trail;
DROP TABLE trail;
ALTER TABLE history RENAME TO trail;
UPDATE settlements SET next_at = updated_at WHERE rest_at IS NOT NULL AND next_at IS NULL
AND no IN (SELECT settlement_no FROM legs WHERE state IN ('ready', 'sent', 'unsure', 'dead', 'fenced'));
DROP INDEX legs_open;
DROP INDEX numbers_settlement;
