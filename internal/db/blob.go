package db

import (
	"crypto/sha256"
	"encoding/hex"
)

// PutBlob keeps data under its hex SHA-256 digest, which the caller computed
// with [Digest] outside the transaction.
func PutBlob(tx *Tx, digest string, data []byte) error {
	if data == nil {
		data = []byte{}
	}
	return tx.Exec(`INSERT INTO blob (digest, data) VALUES (?, ?) ON CONFLICT DO NOTHING`, digest, data)
}

// Blob returns what PutBlob kept; [ErrNoRows] if there is nothing.
func Blob(tx *Tx, digest string) ([]byte, error) {
	var data []byte
	err := tx.Row(`SELECT data FROM blob WHERE digest = ?`, digest).Scan(&data)
	return data, err
}

// Digest returns the key of data for PutBlob.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
