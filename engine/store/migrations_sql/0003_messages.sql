-- Deliver channels: messages taken in, what is still to be sent of them, every attempt, their bytes in chunks; switches
-- and what people did with them.
CREATE TABLE attempts (
  id {id} NOT NULL,
  message_id BIGINT NOT NULL,
  dest TEXT NOT NULL,
  started_at {instant} NOT NULL,
  took {instant} NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT NOT NULL,
  chunk BIGINT NOT NULL,
  start INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  reply INTEGER NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX attempts_message ON attempts (message_id, id);
CREATE TABLE chunks (
  id {id} NOT NULL,
  last BIGINT NOT NULL,
  data {blob} NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE hands (
  id {id} NOT NULL,
  at {instant} NOT NULL,
  kind TEXT NOT NULL,
  what TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason {blob} NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE messages (
  id {id} NOT NULL,
  channel TEXT NOT NULL,
  source TEXT NOT NULL,
  control TEXT NOT NULL,
  kind TEXT NOT NULL,
  of_message BIGINT NOT NULL,
  opens SMALLINT NOT NULL,
  digest {blob} NOT NULL,
  patient BIGINT NOT NULL,
  visit BIGINT NOT NULL,
  received_at {instant} NOT NULL,
  chunk BIGINT NOT NULL,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  state TEXT NOT NULL,
  ack TEXT NOT NULL,
  done_at {instant} NOT NULL,
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX messages_once ON messages (source, control) WHERE opens = 1;
CREATE INDEX messages_patient ON messages (patient, id) WHERE patient <> 0;
CREATE INDEX messages_visit ON messages (visit, id) WHERE visit <> 0;
CREATE INDEX messages_odd ON messages (state, id) WHERE state <> 'open' AND state <> 'done';
CREATE TABLE outbox (
  message_id BIGINT NOT NULL,
  dest TEXT NOT NULL,
  channel TEXT NOT NULL,
  party TEXT NOT NULL,
  lane BIGINT NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_at {instant} NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (message_id, dest)
){clustered};
CREATE INDEX outbox_dead ON outbox (channel, message_id) WHERE state = 'dead';
CREATE TABLE switches (
  what TEXT NOT NULL,
  state TEXT NOT NULL,
  at {instant} NOT NULL,
  by_whom TEXT NOT NULL,
  reason {blob} NOT NULL,
  PRIMARY KEY (what)
){clustered};
