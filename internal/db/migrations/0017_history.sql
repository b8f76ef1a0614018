-- What was deleted, and when: it is kept for a while. All operations of a
-- stack go with it.
ALTER TABLE stack ADD COLUMN deleted {{int}} NOT NULL DEFAULT 0;
CREATE INDEX stack_deleted ON stack (deleted) WHERE deleted > 0;

DROP INDEX stack_operation_open;
CREATE INDEX stack_operation_stack ON stack_operation (stack);

CREATE INDEX stackset_operation_ended ON stackset_operation (ended) WHERE ended > 0;
