-- What may be launched, by whom, and under which rules. Ids are global;
-- everything else belongs to an account and a region. A describe reads one
-- row: data holds what its answer needs.

-- The answers given under idempotency tokens.
CREATE TABLE idempotency (
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    operation {{text}} NOT NULL,
    token     {{text}} NOT NULL,
    digest    {{text}} NOT NULL, -- keyed HMAC of the request
    answer    {{text}} NOT NULL,
    expires   {{int}} NOT NULL,
    PRIMARY KEY (account, region, operation, token)
);
CREATE INDEX idempotency_expires ON idempotency (expires);

-- How many of a kind an account has in a region: what a quota counts.
CREATE TABLE population (
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    kind    {{text}} NOT NULL,
    n       {{int}} NOT NULL,
    PRIMARY KEY (account, region, kind)
);

CREATE TABLE portfolio (
    id      {{text}} PRIMARY KEY,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    created {{int}} NOT NULL,
    data    {{text}} NOT NULL
);
CREATE INDEX portfolio_account ON portfolio (account, region, created, id);

-- title is the name folded for sorting and cut to what an index holds.
CREATE TABLE product (
    id       {{text}} PRIMARY KEY,
    account  {{text}} NOT NULL,
    region   {{text}} NOT NULL,
    title    {{text}} NOT NULL,
    versions {{int}} NOT NULL,
    created  {{int}} NOT NULL,
    data     {{text}} NOT NULL
);
CREATE INDEX product_created ON product (account, region, created, id);
CREATE INDEX product_title ON product (account, region, title, id);
CREATE INDEX product_versions ON product (account, region, versions, id);

-- What a product is found by: the words of its texts (field ''), its owner,
-- type and source. Lists that filter look here and never into data.
CREATE TABLE product_term (
    product {{text}} NOT NULL,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    field   {{text}} NOT NULL,
    term    {{text}} NOT NULL,
    PRIMARY KEY (product, field, term)
);
CREATE INDEX product_term_lookup ON product_term (region, field, term, account, product);

-- A version. template is what the engine read out of the body when the
-- version was created; '' if it was never read.
CREATE TABLE artifact (
    id       {{text}} PRIMARY KEY,
    product  {{text}} NOT NULL,
    account  {{text}} NOT NULL,
    region   {{text}} NOT NULL,
    digest   {{text}} NOT NULL,
    created  {{int}} NOT NULL,
    data     {{text}} NOT NULL,
    template {{text}} NOT NULL
);
CREATE INDEX artifact_product ON artifact (product, created, id);

-- A product on a portfolio's shelf. title, versions and created are the
-- product's, so that what a user may launch is listed in any order without
-- reading all of it. source is the shared portfolio that an imported product
-- came from, '' for one's own.
CREATE TABLE portfolio_product (
    portfolio {{text}} NOT NULL,
    product   {{text}} NOT NULL,
    source    {{text}} NOT NULL,
    title     {{text}} NOT NULL,
    versions  {{int}} NOT NULL,
    created   {{int}} NOT NULL,
    PRIMARY KEY (portfolio, product)
);
CREATE INDEX portfolio_product_product ON portfolio_product (product, portfolio);
CREATE INDEX portfolio_product_created ON portfolio_product (portfolio, created, product);
CREATE INDEX portfolio_product_title ON portfolio_product (portfolio, title, product);
CREATE INDEX portfolio_product_versions ON portfolio_product (portfolio, versions, product);
CREATE INDEX portfolio_product_source ON portfolio_product (source, portfolio) WHERE source <> '';

-- How many products on a shelf have an owner, a type or a vendor; facet '' is
-- their number. name is the value as an index holds it.
CREATE TABLE portfolio_facet (
    portfolio {{text}} NOT NULL,
    facet     {{text}} NOT NULL,
    name      {{text}} NOT NULL,
    value     {{text}} NOT NULL,
    n         {{int}} NOT NULL,
    PRIMARY KEY (portfolio, facet, name)
);
CREATE INDEX portfolio_facet_n ON portfolio_facet (portfolio, facet, n, name);

-- Who may launch from a portfolio. account is whose principals they are: the
-- owner's, or those of an account the portfolio is shared with. name is what
-- a caller is looked up by: user/…, group/…, role/… without the path (names
-- are unique without it), or * for a pattern. unique_id tells a principal from
-- a later one of the same name.
CREATE TABLE portfolio_principal (
    portfolio {{text}} NOT NULL,
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    type      {{text}} NOT NULL,
    arn       {{text}} NOT NULL,
    name      {{text}} NOT NULL,
    unique_id {{text}} NOT NULL,
    created   {{int}} NOT NULL,
    PRIMARY KEY (portfolio, account, type, arn)
);
CREATE INDEX portfolio_principal_name ON portfolio_principal (account, region, name, portfolio);

CREATE TABLE portfolio_constraint (
    id        {{text}} PRIMARY KEY,
    portfolio {{text}} NOT NULL,
    product   {{text}} NOT NULL,
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    type      {{text}} NOT NULL,
    created   {{int}} NOT NULL,
    data      {{text}} NOT NULL
);
CREATE INDEX portfolio_constraint_portfolio ON portfolio_constraint (portfolio, product, created, id);
CREATE INDEX portfolio_constraint_created ON portfolio_constraint (portfolio, created, id);
CREATE UNIQUE INDEX portfolio_constraint_single ON portfolio_constraint (portfolio, product, type)
    WHERE type IN ('LAUNCH', 'RESOURCE_UPDATE', 'STACKSET');

-- A share of a portfolio with an account or a node of the organization. Only
-- shares of type ACCOUNT wait to be accepted.
CREATE TABLE portfolio_share (
    portfolio   {{text}} NOT NULL,
    region      {{text}} NOT NULL,
    type        {{text}} NOT NULL,
    node        {{text}} NOT NULL,
    accepted    {{int}} NOT NULL,
    tag_options {{int}} NOT NULL,
    principals  {{int}} NOT NULL,
    created     {{int}} NOT NULL,
    PRIMARY KEY (portfolio, type, node)
);
CREATE INDEX portfolio_share_node ON portfolio_share (node, region, portfolio);
CREATE INDEX portfolio_share_created ON portfolio_share (portfolio, type, created, node);

-- One action on an organization's share; one at a time per portfolio.
CREATE TABLE share_action (
    token     {{text}} PRIMARY KEY,
    portfolio {{text}} NOT NULL,
    account   {{text}} NOT NULL,
    region    {{text}} NOT NULL,
    open      {{int}} NOT NULL,
    data      {{text}} NOT NULL
);
CREATE UNIQUE INDEX share_action_open ON share_action (portfolio) WHERE open = 1;

-- Whether sharing with an organization is on, and the organization as it was
-- when sharing was turned off.
CREATE TABLE organization_access (
    organization {{text}} PRIMARY KEY,
    enabled      {{int}} NOT NULL,
    structure    {{text}} NOT NULL
);

CREATE TABLE tag_option (
    id      {{text}} PRIMARY KEY,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    key     {{text}} NOT NULL,
    value   {{text}} NOT NULL,
    active  {{int}} NOT NULL,
    created {{int}} NOT NULL
);
CREATE UNIQUE INDEX tag_option_key ON tag_option (account, region, key, value);
CREATE INDEX tag_option_created ON tag_option (account, region, created, id);

CREATE TABLE tag_option_resource (
    tag_option {{text}} NOT NULL,
    resource   {{text}} NOT NULL, -- a portfolio's or a product's id
    created    {{int}} NOT NULL,
    PRIMARY KEY (tag_option, resource)
);
CREATE INDEX tag_option_resource_resource ON tag_option_resource (resource);
CREATE INDEX tag_option_resource_created ON tag_option_resource (tag_option, created, resource);

CREATE TABLE service_action (
    id      {{text}} PRIMARY KEY,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    created {{int}} NOT NULL,
    data    {{text}} NOT NULL
);
CREATE INDEX service_action_account ON service_action (account, region, created, id);

CREATE TABLE service_action_artifact (
    action   {{text}} NOT NULL,
    artifact {{text}} NOT NULL,
    product  {{text}} NOT NULL,
    created  {{int}} NOT NULL,
    PRIMARY KEY (artifact, action)
);
CREATE INDEX service_action_artifact_action ON service_action_artifact (action, created, artifact);
CREATE INDEX service_action_artifact_created ON service_action_artifact (artifact, created, action);

CREATE TABLE product_copy (
    token   {{text}} PRIMARY KEY,
    account {{text}} NOT NULL,
    region  {{text}} NOT NULL,
    data    {{text}} NOT NULL
);
