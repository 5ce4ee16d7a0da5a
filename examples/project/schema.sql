-- What the models read. The same file creates the stream on the server.
CREATE STREAM CUSTOMERS (
  ID STRING KEY,
  AGE INTEGER,
  INCOME DOUBLE,
  PLAN STRING,
  CALLS INTEGER,
  CALLS_BEFORE INTEGER,
  SIGNED TIMESTAMP
) WITH (KAFKA_TOPIC = 'customers', VALUE_FORMAT = 'JSON');
