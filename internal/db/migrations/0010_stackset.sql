-- Stack sets, their instances, and the operations on them.

-- A describe reads one row: everything but what is searched for is in body.
CREATE TABLE stackset (
    -- name:uuid, as AWS has it.
    id      {{text}} PRIMARY KEY,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    name    {{text}} NOT NULL,
    created {{int}} NOT NULL,
    -- 1 until it is deleted.
    active  {{int}} NOT NULL,
    -- Changes with every write; whoever writes says what it was.
    mark    {{text}} NOT NULL,
    body    {{text}} NOT NULL
);
CREATE UNIQUE INDEX stackset_name ON stackset (account, region, name) WHERE active = 1;
CREATE INDEX stackset_account ON stackset (account, region, created, id);

CREATE TABLE stackset_instance (
    stackset  {{text}} NOT NULL,
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    status    {{text}} NOT NULL,
    -- The ARN of its stack, '' while it never had one.
    stack     {{text}} NOT NULL,
    -- The run of the operation that concerned it last.
    operation {{text}} NOT NULL,
    overrides {{text}} NOT NULL,
    PRIMARY KEY (stackset, account, region)
);
CREATE INDEX stackset_instance_region ON stackset_instance (stackset, region, account);

CREATE TABLE stackset_operation (
    run      {{text}} PRIMARY KEY,
    stackset {{text}} NOT NULL,
    -- The caller's, which makes a request repeatable.
    id       {{text}} NOT NULL,
    status   {{text}} NOT NULL,
    created  {{int}} NOT NULL,
    ended    {{int}} NOT NULL,
    -- The signal to give when it has ended, '' if nobody waits.
    report   {{text}} NOT NULL,
    body     {{text}} NOT NULL
);
CREATE UNIQUE INDEX stackset_operation_id ON stackset_operation (stackset, id);
-- One operation at a time.
CREATE UNIQUE INDEX stackset_operation_open ON stackset_operation (stackset) WHERE ended = 0;
CREATE INDEX stackset_operation_created ON stackset_operation (stackset, created, run);

-- What an operation has to do in a region, and how far it is: the counters.
CREATE TABLE stackset_region (
    operation {{text}} NOT NULL,
    -- Regions have their turn in this order.
    place     {{int}} NOT NULL,
    region    {{text}} NOT NULL,
    total     {{int}} NOT NULL,
    running   {{int}} NOT NULL,
    succeeded {{int}} NOT NULL,
    failed    {{int}} NOT NULL,
    canceled  {{int}} NOT NULL,
    PRIMARY KEY (operation, place)
);

-- What became of each instance in an operation.
CREATE TABLE stackset_result (
    operation {{text}} NOT NULL,
    place     {{int}} NOT NULL,
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    -- 0 not begun, 1 under way, 2 settled and 3 counted too.
    stage     {{int}} NOT NULL,
    status    {{text}} NOT NULL,
    reason    {{text}} NOT NULL,
    ended     {{int}} NOT NULL,
    PRIMARY KEY (operation, place, account)
);
CREATE INDEX stackset_result_stage ON stackset_result (operation, stage, place, account);
CREATE INDEX stackset_result_failed ON stackset_result (operation, ended) WHERE status = 'FAILED';
