-- Changes of status on their way to those who want to hear of them: written
-- in the transaction that changes the status, delivered in order per product and
-- target, deleted when they are taken. What nobody takes in time stays as a dead
-- letter.
CREATE TABLE notice (
    provisioned {{text}} NOT NULL,
    target      {{text}} NOT NULL,
    n           {{int}} NOT NULL,
    account     {{text}} NOT NULL,
    region      {{text}} NOT NULL,
    dead        {{int}} NOT NULL,
    last_error  {{text}} NOT NULL,
    data        {{text}} NOT NULL,
    PRIMARY KEY (provisioned, target, n)
);
CREATE INDEX notice_dead ON notice (account, region, provisioned, target, n) WHERE dead = 1;
