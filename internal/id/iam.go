package id

import (
	"crypto/rand"
	"crypto/sha256"
	"math/big"
)

// Unique is the unique id of an IAM entity, such as AIDACKCEVSQ6C2EXAMPLE: a
// prefix of four letters that says what it names and 17 characters. A name
// may be used again after its owner is deleted, a unique id never is.
type Unique string

// The prefixes of unique ids.
const (
	prefixUser   = "AIDA"
	prefixGroup  = "AGPA"
	prefixRole   = "AROA"
	prefixPolicy = "ANPA"

	uniqueLength = 17
)

// NewUser mints the unique id of a user: AIDA….
func NewUser() Unique { return newUnique(prefixUser) }

// NewGroup mints the unique id of a group: AGPA….
func NewGroup() Unique { return newUnique(prefixGroup) }

// NewRole mints the unique id of a role: AROA….
func NewRole() Unique { return newUnique(prefixRole) }

// NewPolicy mints the unique id of a managed policy: ANPA….
func NewPolicy() Unique { return newUnique(prefixPolicy) }

func newUnique(prefix string) Unique {
	return Unique(appendRandom([]byte(prefix), uniqueLength, upper32))
}

// UserOf derives the unique id of a user who exists by being named (in dev
// every user does): the same ARN has the same id in every process.
func UserOf(arn string) Unique { return uniqueOf(prefixUser, arn) }

// RoleOf derives the unique id of a role who exists by being named.
func RoleOf(arn string) Unique { return uniqueOf(prefixRole, arn) }

func uniqueOf(prefix, arn string) Unique {
	sum := sha256.Sum256([]byte(arn))
	out := []byte(prefix)
	for _, b := range sum[:uniqueLength] {
		out = append(out, upper32[b&31])
	}
	return Unique(out)
}

// AccessKey is the public half of a pair of keys: AKIA… for a user's own,
// ASIA… for those of a session, and 16 characters.
type AccessKey string

const accessKeyLength = 16

// NewAccessKey mints the id of a user's access key.
func NewAccessKey() AccessKey {
	return AccessKey(appendRandom([]byte("AKIA"), accessKeyLength, upper32))
}

// NewSessionKey mints the id of a session's access key.
func NewSessionKey() AccessKey {
	return AccessKey(appendRandom([]byte("ASIA"), accessKeyLength, upper32))
}

// NewSecret mints the secret half of a pair of keys: 40 characters, 240 bits.
func NewSecret() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	raw := make([]byte, 40)
	rand.Read(raw) // straight from the source: a secret leaves no copy in a pool
	for i, b := range raw {
		raw[i] = alphabet[b&63]
	}
	return string(raw)
}

// NewAccount mints an account number: 12 digits that don't begin with zero.
func NewAccount() string {
	const least, most = 100_000_000_000, 999_999_999_999
	n, err := rand.Int(rand.Reader, big.NewInt(most-least+1))
	if err != nil {
		panic(err) // crypto/rand's reader returns none
	}
	return n.Add(n, big.NewInt(least)).String()
}

// IsAccount reports whether s is an account number: 12 digits.
func IsAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
