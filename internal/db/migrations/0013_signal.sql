-- Signals that resources of stacks were given.
CREATE TABLE stack_signal (
    stack     {{text}} NOT NULL,
    -- What was signaled, and for which operation.
    source    {{text}} NOT NULL,
    unique_id {{text}} NOT NULL,
    arrived   {{int}} NOT NULL,
    body      {{text}} NOT NULL,
    PRIMARY KEY (stack, source, unique_id)
);
