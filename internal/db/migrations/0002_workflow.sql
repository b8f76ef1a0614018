-- Runs that have not ended. The row goes with the end; what the run was about
-- keeps its own record.
CREATE TABLE run (
	id          {{text}} PRIMARY KEY,
	definition  {{text}} NOT NULL,
	subject     {{text}} NOT NULL,
	account     {{text}} NOT NULL,
	region      {{text}} NOT NULL,
	input       {{text}},
	state       {{text}},
	step        {{text}} NOT NULL,
	attempt     {{int}} NOT NULL,
	last_error  {{text}} NOT NULL,
	note        {{text}} NOT NULL,
	due         {{int}} NOT NULL,  -- product clock
	awaits      {{text}} NOT NULL, -- the signal's key, or ''
	deadline    {{int}} NOT NULL,  -- product clock; 0: none
	started     {{int}} NOT NULL,  -- product clock
	updated     {{int}} NOT NULL,  -- product clock
	epoch       {{int}} NOT NULL,  -- grows with every claim and every beat
	lease_owner {{text}} NOT NULL,
	lease_until {{int}} NOT NULL   -- the database's clock; 0: nobody holds it
);

CREATE INDEX run_due ON run (due) WHERE lease_until = 0;
CREATE INDEX run_lease ON run (lease_until) WHERE lease_until > 0;
CREATE INDEX run_awaits ON run (awaits) WHERE awaits <> '';

-- Signals that came before anybody waited for them.
CREATE TABLE latch (
	key     {{text}} PRIMARY KEY,
	arrived {{int}} NOT NULL
);
