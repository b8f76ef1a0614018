-- The name of a change set is free again once it was executed.
DROP INDEX stack_change_set_name;
CREATE UNIQUE INDEX stack_change_set_name ON stack_change_set (stack, name) WHERE executed = 0;
CREATE INDEX stack_change_set_named ON stack_change_set (stack, name, executed, created);
