-- How far the line of a product's notices to a target has come. Whoever adds a
-- notice and the run that ends for want of one both write it, so that neither
-- passes the other unseen, and neither need look at what others are told.
CREATE TABLE notice_line (
    provisioned {{text}} NOT NULL,
    target      {{text}} NOT NULL,
    n           {{int}} NOT NULL,
    PRIMARY KEY (provisioned, target)
);
INSERT INTO notice_line (provisioned, target, n) SELECT provisioned, target, MAX(n) FROM notice GROUP BY provisioned, target;
