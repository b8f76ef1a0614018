package provisioning

import (
	"strings"

	"larder/internal/api"
	"larder/internal/identity"
)

// reach is which rows a call may see: those of the caller's account and
// region, down to the caller's role or to exactly the caller.
type reach struct {
	caller identity.Caller
	level  identity.Level
}

// granted is the reach that authorization gave the call.
func granted(c identity.Caller) reach { return reach{c, c.Level} }

// filtered narrows the granted reach to what an AccessLevelFilter asks for;
// without one, to the caller's own (reference/service-catalog.md section 6).
// A filter never widens what authorization granted.
func filtered(c identity.Caller, f *api.AccessLevelFilter) (reach, error) {
	level := identity.LevelUser
	if f != nil {
		if f.Value != nil && !strings.EqualFold(*f.Value, "self") {
			return reach{}, api.InvalidParameters("Invalid value for access level filter: %s. The only supported value is self.", *f.Value)
		}
		if f.Key != nil {
			switch *f.Key {
			case api.AccessLevelFilterKeyAccount:
				level = identity.LevelAccount
			case api.AccessLevelFilterKeyRole:
				level = identity.LevelRole
			}
		}
	}
	return reach{c, min(level, c.Level)}, nil
}

// sees returns the condition on a row's account, region, user_arn and
// session_arn columns (of the table or alias given) that r stands for.
func (r reach) sees(table string) (string, []any) {
	condition := table + ".account = ? AND " + table + ".region = ?"
	args := []any{r.caller.Account, r.caller.Region}
	switch r.level {
	case identity.LevelAccount:
	case identity.LevelRole:
		condition += " AND " + table + ".user_arn = ?"
		args = append(args, r.caller.UserARN())
	default:
		condition += " AND " + table + ".session_arn = ?"
		args = append(args, r.caller.ARN)
	}
	return condition, args
}
