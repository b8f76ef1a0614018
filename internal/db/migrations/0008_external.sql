-- What engines that work elsewhere are told. A row lives as long as the
-- operation that it is about.
CREATE TABLE engine_message (
    operation {{text}} PRIMARY KEY,
    type      {{text}} NOT NULL, -- of the product
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    created   {{int}} NOT NULL,
    delivered {{int}} NOT NULL, -- 0: not yet
    -- The message, sealed: it carries parameter values.
    body      {{text}} NOT NULL
);
CREATE INDEX engine_message_created ON engine_message (created, operation);
