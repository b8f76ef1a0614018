package identity

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// The policies that AWS manages and we know by name. They say what AWS's say
// about the services that are served here, in our own words.
//
//go:embed managed/*.json
var managedFiles embed.FS

// managedPrefix begins the ARN of a managed policy, after its partition.
const managedPrefix = ":iam::aws:policy/"

// AdministratorAccess allows everything.
const AdministratorAccess = "arn:aws" + managedPrefix + "AdministratorAccess"

// A managedPolicy is one of AWS's.
type managedPolicy struct {
	document string
	policy   *Policy
}

// readManaged reads the managed policies by name.
func readManaged() (map[string]managedPolicy, error) {
	names, err := fs.Glob(managedFiles, "managed/*.json")
	if err != nil {
		return nil, err
	}
	all := make(map[string]managedPolicy, len(names))
	for _, file := range names {
		text, err := managedFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p, err := ParsePolicy(string(text), IdentityPolicy)
		if err != nil {
			return nil, fmt.Errorf("identity: %s: %w", file, err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "managed/"), ".json")
		all[name] = managedPolicy{string(text), p}
	}
	return all, nil
}
