-- What the server keeps about itself: the mode it was first started in, keys.
CREATE TABLE setting (
	key   {{text}} PRIMARY KEY,
	value {{text}} NOT NULL
);

-- Templates and other bodies by their hex SHA-256 digest.
CREATE TABLE blob (
	digest {{text}} PRIMARY KEY,
	data   {{blob}} NOT NULL
);
