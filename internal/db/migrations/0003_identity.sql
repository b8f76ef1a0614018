-- Who may call, and what they may do. Identity belongs to the account; ids
-- are unique over all accounts and never used again.

CREATE TABLE account (
    id      {{text}} PRIMARY KEY, -- 12 digits
    name    {{text}} NOT NULL,
    unit    {{text}} NOT NULL,    -- where it stands in the organization
    created {{int}} NOT NULL
);
CREATE INDEX account_unit ON account (unit, id);

-- The organization that all accounts of a server belong to: one row. The
-- version is another text after every change of the tree.
CREATE TABLE organization (
    id         {{text}} PRIMARY KEY, -- o-…
    management {{text}} NOT NULL,
    version    {{text}} NOT NULL
);

-- Its units and its root, the one without a parent.
CREATE TABLE organizational_unit (
    id      {{text}} PRIMARY KEY, -- ou-… or r-…
    parent  {{text}} NOT NULL,    -- '' of the root
    folded  {{text}} NOT NULL,
    name    {{text}} NOT NULL,
    created {{int}} NOT NULL,
    UNIQUE (parent, folded)
);

CREATE TABLE delegated_administrator (
    account {{text}} PRIMARY KEY,
    created {{int}} NOT NULL
);

-- Users, groups and roles. Names are unique by kind, without case.
CREATE TABLE principal (
    id      {{text}} PRIMARY KEY, -- AIDA…, AGPA…, AROA…
    account {{text}} NOT NULL,
    kind    {{text}} NOT NULL,    -- user, group, role
    folded  {{text}} NOT NULL,    -- the name in lower case
    path    {{text}} NOT NULL,
    name    {{text}} NOT NULL,
    created {{int}} NOT NULL,
    data    {{text}} NOT NULL,    -- description; of a role also its trust policy and longest session
    UNIQUE (account, kind, folded)
);

CREATE TABLE membership (
    user_id  {{text}} NOT NULL,
    group_id {{text}} NOT NULL,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX membership_group ON membership (group_id, user_id);

-- Policies of an account that can be attached. AWS's managed ones are built
-- in and stand in no table.
CREATE TABLE policy (
    arn      {{text}} PRIMARY KEY,
    account  {{text}} NOT NULL,
    folded   {{text}} NOT NULL,
    id       {{text}} NOT NULL UNIQUE,
    path     {{text}} NOT NULL,
    name     {{text}} NOT NULL,
    created  {{int}} NOT NULL,
    updated  {{int}} NOT NULL,
    document {{text}} NOT NULL,
    UNIQUE (account, folded)
);

CREATE TABLE policy_attachment (
    principal_id {{text}} NOT NULL,
    policy       {{text}} NOT NULL, -- ARN, also of a managed one
    PRIMARY KEY (principal_id, policy)
);
CREATE INDEX policy_attachment_policy ON policy_attachment (policy, principal_id);

-- Policies that belong to one principal and go with it.
CREATE TABLE inline_policy (
    principal_id {{text}} NOT NULL,
    name         {{text}} NOT NULL,
    document     {{text}} NOT NULL,
    PRIMARY KEY (principal_id, name)
);

CREATE TABLE access_key (
    id      {{text}} PRIMARY KEY, -- AKIA…
    user_id {{text}} NOT NULL,
    secret  {{text}} NOT NULL,    -- sealed
    active  {{int}} NOT NULL,     -- 0 or 1
    created {{int}} NOT NULL
);
CREATE INDEX access_key_user ON access_key (user_id, id);

-- Sessions of roles, as AssumeRole makes them. To revoke one is to delete it.
CREATE TABLE role_session (
    access_key {{text}} PRIMARY KEY, -- ASIA…
    role_id    {{text}} NOT NULL,
    name       {{text}} NOT NULL,
    secret     {{text}} NOT NULL,    -- sealed
    token      {{text}} NOT NULL,    -- keyed digest of the session token
    policies   {{text}} NOT NULL,    -- JSON array of session policies; null: none
    assumed_by {{text}} NOT NULL,    -- ARN of who assumed the role
    created    {{int}} NOT NULL,
    expires    {{int}} NOT NULL
);
CREATE INDEX role_session_role ON role_session (role_id, created);
CREATE INDEX role_session_expires ON role_session (expires);
