package main

import (
	"context"
	"fmt"

	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/identity"
)

// foreign refuses accounts that are not of the organization to stack sets, in
// the words in which AWS says that an account has not let the administrator
// in.
func foreign(d *db.DB) func(context.Context, string, stackset.Place) (string, error) {
	return func(ctx context.Context, administrator string, at stackset.Place) (reason string, err error) {
		err = d.View(ctx, func(tx *db.Tx) error {
			known, err := identity.AccountExists(tx, at.Account)
			if !known {
				reason = fmt.Sprintf("Account %s should have 'AWSCloudFormationStackSetExecutionRole' role with trust relationship to Role 'arn:aws:iam::%s:role/AWSCloudFormationStackSetAdministrationRole'.",
					at.Account, administrator)
			}
			return err
		})
		return reason, err
	}
}
