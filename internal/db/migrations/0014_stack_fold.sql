-- Of a stack with many packs, what all up to a number come to: a pack of the
-- resources alone, so that nobody reads them all to know how the stack stands.
CREATE TABLE stack_fold (
    stack  {{text}} PRIMARY KEY,
    number {{int}} NOT NULL,
    body   {{text}} NOT NULL
);
