package main

import (
	"fmt"

	"larder/internal/api"
	"larder/internal/identity"
)

// keyCommands manage access keys.
type keyCommands struct {
	remote
	Create  keyCreate  `cmd:"" help:"Make an access key. The secret is shown once."`
	List    keyList    `cmd:"" help:"List a user's access keys."`
	Enable  keyEnable  `cmd:"" help:"Turn an access key on again."`
	Disable keyDisable `cmd:"" help:"Turn an access key off."`
	Delete  keyDelete  `cmd:"" help:"Delete an access key."`
}

// owner is whose keys a command is about.
type owner struct {
	User string `arg:"" optional:"" help:"Name of the user (default: who calls)."`
}

type keyCreate struct {
	owner
	CredentialsFile string `help:"Write the key as an AWS credentials file (mode 0600) instead of showing it." placeholder:"FILE"`
}

// Run makes an access key.
func (k *keyCreate) Run(c *caller) error {
	in := &api.CreateAccessKeyInput{UserName: optional(k.User)}
	if k.CredentialsFile == "" {
		return c.call(api.OpCreateAccessKey, in)
	}
	out, err := c.client().CreateAccessKey(c.ctx, in)
	if err != nil {
		return err
	}
	err = identity.WriteCredentialsFile(k.CredentialsFile, identity.Administrator{
		ARN:         "for " + out.AccessKeyDetail.UserName,
		Credentials: identity.Credentials{AccessKeyID: out.AccessKeyDetail.AccessKeyId, SecretAccessKey: out.SecretAccessKey},
	})
	if err != nil {
		// Nobody has the secret now, so nobody should have the key.
		if _, gone := c.client().DeleteAccessKey(c.ctx, &api.DeleteAccessKeyInput{AccessKeyId: out.AccessKeyDetail.AccessKeyId}); gone != nil {
			err = fmt.Errorf("%w; the key %s is of no use and still there: %w", err, out.AccessKeyDetail.AccessKeyId, gone)
		}
		return err
	}
	out.SecretAccessKey = ""
	return c.screen.print(api.OpCreateAccessKey, out)
}

type keyList struct{ owner }

// Run lists access keys.
func (k *keyList) Run(c *caller) error {
	return c.call(api.OpListAccessKeys, &api.ListAccessKeysInput{UserName: optional(k.User)})
}

// accessKeyID is the key that a command is about.
type accessKeyID struct {
	ID string `arg:"" help:"Id of the access key."`
}

type keyEnable struct{ accessKeyID }

// Run turns a key on.
func (k *keyEnable) Run(c *caller) error {
	return c.call(api.OpUpdateAccessKey, &api.UpdateAccessKeyInput{AccessKeyId: k.ID, Status: api.AccessKeyStatusActive})
}

type keyDisable struct{ accessKeyID }

// Run turns a key off.
func (k *keyDisable) Run(c *caller) error {
	return c.call(api.OpUpdateAccessKey, &api.UpdateAccessKeyInput{AccessKeyId: k.ID, Status: api.AccessKeyStatusInactive})
}

type keyDelete struct{ accessKeyID }

// Run deletes a key.
func (k *keyDelete) Run(c *caller) error {
	return c.call(api.OpDeleteAccessKey, &api.DeleteAccessKeyInput{AccessKeyId: k.ID})
}
