package db

// GetSetting returns a small value the server keeps about itself, such as
// the mode it was first started in; [ErrNoRows] if it was never put.
func GetSetting(tx *Tx, key string) (string, error) {
	var value string
	err := tx.Row(`SELECT value FROM setting WHERE key = ?`, key).Scan(&value)
	return value, err
}

// PutSetting keeps a setting, replacing an earlier value.
func PutSetting(tx *Tx, key, value string) error {
	return tx.Exec(`INSERT INTO setting (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
}

// AddSetting keeps a setting unless there is one, and returns the one that
// counts. Two servers that start at once agree.
func AddSetting(tx *Tx, key, value string) (string, error) {
	if err := tx.Exec(`INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, key, value); err != nil {
		return "", err
	}
	return GetSetting(tx, key)
}
