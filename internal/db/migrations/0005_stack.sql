-- Stacks, and the resources that exist.

-- A describe reads one row: everything but what is searched for is in body.
CREATE TABLE stack (
    id      {{text}} PRIMARY KEY,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    name    {{text}} NOT NULL,
    status  {{text}} NOT NULL,
    created {{int}} NOT NULL,
    -- 1 until DELETE_COMPLETE.
    active  {{int}} NOT NULL,
    -- Changes with every write; whoever writes says what it was.
    mark    {{text}} NOT NULL,
    body    {{text}} NOT NULL
);
CREATE UNIQUE INDEX stack_name ON stack (account, region, name) WHERE active = 1;
CREATE INDEX stack_account ON stack (account, region, created, id);

-- What one beat changed: states of resources, and events.
CREATE TABLE stack_pack (
    stack  {{text}} NOT NULL,
    number {{int}} NOT NULL,
    body   {{text}} NOT NULL,
    PRIMARY KEY (stack, number)
);

-- Operations by idempotency key.
CREATE TABLE stack_operation (
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    kind    {{text}} NOT NULL,
    id      {{text}} NOT NULL,
    stack   {{text}} NOT NULL,
    -- The signal to give when it has ended, "" if nobody waits.
    report  {{text}} NOT NULL,
    ended   {{int}} NOT NULL,
    body    {{text}} NOT NULL,
    PRIMARY KEY (account, region, kind, id)
);

CREATE INDEX stack_operation_open ON stack_operation (stack) WHERE ended = 0;

CREATE TABLE stack_export (
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    name    {{text}} NOT NULL,
    stack   {{text}} NOT NULL,
    output  {{text}} NOT NULL,
    value   {{text}} NOT NULL,
    -- The value of an output that is secret, "" of others.
    sealed  {{text}} NOT NULL,
    PRIMARY KEY (account, region, name)
);
CREATE INDEX stack_export_stack ON stack_export (stack);

-- Who imports what: an export cannot go while somebody does.
CREATE TABLE stack_import (
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    name    {{text}} NOT NULL,
    stack   {{text}} NOT NULL,
    PRIMARY KEY (account, region, name, stack)
);
CREATE INDEX stack_import_stack ON stack_import (stack);

-- What exists. A resource that a stack left behind stays here.
CREATE TABLE resource (
    stack      {{text}} NOT NULL,
    logical_id {{text}} NOT NULL,
    generation {{int}} NOT NULL,
    account    {{text}} NOT NULL,
    region     {{text}} NOT NULL,
    type       {{text}} NOT NULL,
    identifier {{text}} NOT NULL,
    physical   {{text}} NOT NULL,
    -- The name that it alone may bear, with the scope of that.
    claim      {{text}},
    body       {{text}} NOT NULL,
    PRIMARY KEY (stack, logical_id, generation)
);
CREATE UNIQUE INDEX resource_claim ON resource (claim) WHERE claim IS NOT NULL;
CREATE INDEX resource_identifier ON resource (account, region, type, identifier);
CREATE INDEX resource_physical ON resource (account, region, physical);

-- How often rules with a count have been applied.
CREATE TABLE resource_rule (
    rule {{text}} PRIMARY KEY,
    uses {{int}} NOT NULL
);

-- What updates would change. Both forms of the answer lie beside the body, so
-- that a list needs neither.
CREATE TABLE stack_change_set (
    id       {{text}} PRIMARY KEY,
    stack    {{text}} NOT NULL,
    name     {{text}} NOT NULL,
    created  {{int}} NOT NULL,
    executed {{int}} NOT NULL,
    body     {{text}} NOT NULL,
    changes  {{text}} NOT NULL,
    valued   {{text}} NOT NULL
);
CREATE UNIQUE INDEX stack_change_set_name ON stack_change_set (stack, name);
CREATE INDEX stack_change_set_created ON stack_change_set (stack, executed, created, id);
