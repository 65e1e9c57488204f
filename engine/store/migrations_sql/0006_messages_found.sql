-- Indexes of persons grow at their end: one page a batch is written, however many messages are stored.
DROP INDEX messages_patient;
DROP INDEX messages_visit;
CREATE INDEX messages_patient ON messages (chunk, patient) WHERE patient <> 0;
CREATE INDEX messages_visit ON messages (chunk, visit) WHERE visit <> 0;
