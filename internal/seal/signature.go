package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// SignatureHeader carries the [Signature] of what is posted to an endpoint
// that shares a secret with the server.
const SignatureHeader = "X-Larder-Signature"

// Signature is "sha256=" and the HMAC-SHA256 of body under secret in
// hexadecimal, the form in which most receivers of webhooks verify one.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
