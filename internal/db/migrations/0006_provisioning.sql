-- What people launched. A describe reads one row; JSON columns are never
-- queried, what is filtered on has a column of its own.
CREATE TABLE provisioned_product (
    id          {{text}} PRIMARY KEY,
    account     {{text}} NOT NULL,
    region      {{text}} NOT NULL,
    name        {{text}} NOT NULL,
    status      {{text}} NOT NULL,
    -- The owner: user_arn without, session_arn with a role session's name.
    user_arn    {{text}} NOT NULL,
    session_arn {{text}} NOT NULL,
    created     {{int}} NOT NULL,
    -- What it stands for elsewhere, such as a stack's ARN; '' for nothing.
    physical    {{text}} NOT NULL,
    last_record {{text}} NOT NULL,
    data        {{text}} NOT NULL,
    -- The parameter values of the last successful change, sealed: what the
    -- next one starts from.
    given       {{text}} NOT NULL
);
CREATE UNIQUE INDEX provisioned_product_name ON provisioned_product (account, region, name);
CREATE INDEX provisioned_product_account ON provisioned_product (account, region, created, id);
CREATE INDEX provisioned_product_user ON provisioned_product (account, region, user_arn, created, id);
CREATE INDEX provisioned_product_session ON provisioned_product (account, region, session_arn, created, id);

-- The orders of a search.
CREATE INDEX provisioned_product_arn ON provisioned_product (account, region, (name || '/'), id);
CREATE INDEX provisioned_product_last ON provisioned_product (account, region, last_record, id);
CREATE INDEX provisioned_product_physical ON provisioned_product (account, region, physical) WHERE physical <> '';

CREATE TABLE record (
    id          {{text}} PRIMARY KEY,
    account     {{text}} NOT NULL,
    region      {{text}} NOT NULL,
    provisioned {{text}} NOT NULL,
    product     {{text}} NOT NULL,
    status      {{text}} NOT NULL,
    open        {{int}} NOT NULL,
    user_arn    {{text}} NOT NULL,
    session_arn {{text}} NOT NULL,
    created     {{int}} NOT NULL,
    data        {{text}} NOT NULL,
    -- The parameter values that were asked for and those that the product had
    -- until then, both sealed.
    given       {{text}} NOT NULL,
    previous    {{text}} NOT NULL,
    -- What others than the run say of the operation while it is under way: the
    -- engine's report, and who wants it to stop. Columns of their own, so that no
    -- beat writes over them.
    report      {{text}} NOT NULL,
    control     {{text}} NOT NULL
);
-- One operation at a time per provisioned product.
CREATE UNIQUE INDEX record_open ON record (provisioned) WHERE open = 1;
CREATE INDEX record_account ON record (account, region, created, id);
CREATE INDEX record_user ON record (account, region, user_arn, created, id);
CREATE INDEX record_session ON record (account, region, session_arn, created, id);
CREATE INDEX record_provisioned ON record (provisioned, created, id);
CREATE INDEX record_product ON record (account, region, product, created, id);

-- What would be changed: one plan per provisioned product. Whoever sees the
-- product sees its plan.
CREATE TABLE plan (
    id          {{text}} PRIMARY KEY,
    account     {{text}} NOT NULL,
    region      {{text}} NOT NULL,
    provisioned {{text}} NOT NULL,
    status      {{text}} NOT NULL,
    created     {{int}} NOT NULL,
    data        {{text}} NOT NULL,
    given       {{text}} NOT NULL,
    previous    {{text}} NOT NULL,
    -- The resource changes, as JSON.
    changes     {{text}} NOT NULL
);
CREATE UNIQUE INDEX plan_provisioned ON plan (provisioned);
CREATE INDEX plan_account ON plan (account, region, created, id);

-- What provisioned products are found by, folded, in the order of creation.
CREATE TABLE provisioned_term (
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    field   {{text}} NOT NULL,
    term    {{text}} NOT NULL,
    created {{int}} NOT NULL,
    id      {{text}} NOT NULL,
    PRIMARY KEY (account, region, field, term, created, id)
) {{clustered}};

-- How many have a term: the sum over the shards.
CREATE TABLE provisioned_count (
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    field   {{text}} NOT NULL,
    term    {{text}} NOT NULL,
    shard   {{int}} NOT NULL,
    n       {{int}} NOT NULL,
    PRIMARY KEY (account, region, field, term, shard)
) {{clustered}};
