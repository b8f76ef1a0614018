-- What was asked for under a client's token, digested; "" of other operations.
ALTER TABLE stack_operation ADD COLUMN request {{text}} NOT NULL DEFAULT '';
