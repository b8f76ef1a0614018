-- The ARN of the stack that a nested one belongs to in the end, '' of others.
ALTER TABLE stack ADD COLUMN root {{text}} NOT NULL DEFAULT '';
CREATE INDEX stack_root ON stack (root) WHERE root <> '' AND active = 1;
