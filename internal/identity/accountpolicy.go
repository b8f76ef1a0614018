package identity

import (
	"context"
	"errors"
	"slices"
	"strings"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// An accountPolicy is a policy of an account's own that can be attached.
type accountPolicy struct {
	arn      string // of partition aws
	account  string
	id       string
	path     string
	name     string
	created  int64
	updated  int64
	document string
}

func (p *accountPolicy) detail(partition string, attached int64) *api.PolicyDetail {
	return &api.PolicyDetail{
		PolicyName: p.name, PolicyId: p.id, ARN: strings.Replace(p.arn, "arn:aws:", "arn:"+partition+":", 1), Path: p.path,
		CreatedTime: db.Time(p.created), UpdatedTime: db.Time(p.updated), AttachmentCount: attached,
	}
}

// checkDocument refuses a document that is no policy, in IAM's words.
func checkDocument(document string, kind PolicyKind) error {
	if _, err := ParsePolicy(document, kind); err != nil {
		return api.InvalidParameters("%s", sentence(err))
	}
	return nil
}

// sentence is an error's text as IAM writes it.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// readPolicyARN reads the ARN of a policy: the form in which it is kept, which
// is that of partition aws, and the name of one that AWS manages, "" of any
// other. It is false for what names no policy.
func readPolicyARN(s string) (arn, managed string, ok bool) {
	a, err := id.ParseARN(s)
	if err != nil || a.Service != "iam" || a.Region != "" {
		return "", "", false
	}
	name, ok := strings.CutPrefix(a.Resource, "policy/")
	if !ok || name == "" || a.Account != "aws" && !id.IsAccount(a.Account) {
		return "", "", false
	}
	a.Partition = "aws"
	if a.Account == "aws" {
		// Some of AWS's live under a path, but their names are unique anyway.
		managed = name[strings.LastIndexByte(name, '/')+1:]
		a.Resource = "policy/" + managed
	}
	return a.String(), managed, true
}

func noSuchPolicy(arn string) *api.Error {
	return api.ResourceNotFound("Policy %s does not exist or is not attachable.", arn)
}

// CreatePolicy makes a policy that can be attached.
func (d *Directory) CreatePolicy(ctx context.Context, in *api.CreatePolicyInput) (*api.CreatePolicyOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	if err := checkDocument(in.PolicyDocument, IdentityPolicy); err != nil {
		return nil, err
	}
	now := db.Micros(d.serve.now())
	p := accountPolicy{
		account: CallerFrom(ctx).Account, id: string(id.NewPolicy()), path: api.Or(in.Path, "/"), name: in.PolicyName,
		created: now, updated: now, document: in.PolicyDocument,
	}
	p.arn = id.ARN{Partition: "aws", Service: "iam", Account: p.account, Resource: "policy" + p.path + p.name}.String()
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		if err := checkQuota(tx, policiesPerAccount, `SELECT count(*) FROM policy WHERE account = ?`, account); err != nil {
			return err
		}
		added, err := tx.ExecRows(`INSERT INTO policy (arn, account, folded, id, path, name, created, updated, document)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			p.arn, p.account, fold(p.name), p.id, p.path, p.name, p.created, p.updated, p.document)
		if err == nil && added == 0 {
			err = api.DuplicateResource("A policy called %s already exists. Duplicate names are not allowed.", p.name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyOutput{PolicyDetail: p.detail(partition(ctx), 0)}, nil
}

// DescribePolicy answers a policy, its document and whom it is attached to.
func (d *Directory) DescribePolicy(ctx context.Context, in *api.DescribePolicyInput) (*api.DescribePolicyOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	out := &api.DescribePolicyOutput{}
	err := d.view(ctx, func(tx *db.Tx, account string) error {
		arn, managed, ok := readPolicyARN(in.PolicyARN)
		if !ok {
			return noSuchPolicy(in.PolicyARN)
		}
		whose, err := attachments(tx, account, arn)
		if err != nil {
			return err
		}
		out.PrincipalARNs = make([]string, 0, len(whose))
		for _, p := range whose {
			out.PrincipalARNs = append(out.PrincipalARNs, p.arn(partition(ctx)).String())
		}
		if managed != "" {
			m, ok := d.serve.managed[managed]
			if !ok {
				return noSuchPolicy(in.PolicyARN)
			}
			out.PolicyDetail, out.PolicyDocument = managedDetail(managed, partition(ctx), int64(len(whose))), m.document
			return nil
		}
		p, err := findPolicy(tx, account, arn)
		if err != nil {
			return err
		}
		out.PolicyDetail, out.PolicyDocument = p.detail(partition(ctx), int64(len(whose))), p.document
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdatePolicy replaces a policy's document; it counts at once for all it is
// attached to.
func (d *Directory) UpdatePolicy(ctx context.Context, in *api.UpdatePolicyInput) (*api.UpdatePolicyOutput, error) {
	if err := d.managed(); err != nil {
		return nil, err
	}
	if err := checkDocument(in.PolicyDocument, IdentityPolicy); err != nil {
		return nil, err
	}
	now := db.Micros(d.serve.now())
	out := &api.UpdatePolicyOutput{}
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := findOwnPolicy(tx, account, in.PolicyARN)
		if err != nil {
			return err
		}
		whose, err := attachments(tx, account, p.arn)
		if err != nil {
			return err
		}
		p.updated = now
		out.PolicyDetail = p.detail(partition(ctx), int64(len(whose)))
		return tx.Exec(`UPDATE policy SET document = ?, updated = ? WHERE arn = ?`, in.PolicyDocument, now, p.arn)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeletePolicy removes a policy that is attached to nobody.
func (d *Directory) DeletePolicy(ctx context.Context, in *api.DeletePolicyInput) (*api.DeletePolicyOutput, error) {
	err := d.update(ctx, func(tx *db.Tx, account string) error {
		p, err := findOwnPolicy(tx, account, in.PolicyARN)
		if err != nil {
			return err
		}
		whose, err := attachments(tx, account, p.arn)
		if err != nil {
			return err
		}
		if len(whose) > 0 {
			return api.ResourceInUse("Cannot delete a policy attached to entities.")
		}
		return tx.Exec(`DELETE FROM policy WHERE arn = ?`, p.arn)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeletePolicyOutput{}, nil
}

// ListPolicies lists an account's own policies and those that AWS manages, by
// ARN.
func (d *Directory) ListPolicies(ctx context.Context, in *api.ListPoliciesInput) (*api.ListPoliciesOutput, error) {
	scope := api.Or(in.Scope, api.PolicyScopeAll)
	page, err := d.page(ctx, api.OpListPolicies, in.PageSize, in.PageToken, string(scope))
	if err != nil {
		return nil, err
	}
	type row struct {
		arn    string
		detail *api.PolicyDetail
	}
	var rows []row
	err = d.view(ctx, func(tx *db.Tx, account string) error {
		rows = nil
		counts := map[string]int64{}
		pairs, err := db.Collect(tx, scanText, `SELECT a.policy FROM policy_attachment a JOIN principal p ON p.id = a.principal_id WHERE p.account = ?`, account)
		if err != nil {
			return err
		}
		for _, arn := range pairs {
			counts[arn]++
		}
		if scope != api.PolicyScopeLocal {
			for name := range d.serve.managed {
				arn := "arn:aws" + managedPrefix + name
				rows = append(rows, row{arn, managedDetail(name, partition(ctx), counts[arn])})
			}
		}
		if scope == api.PolicyScopeManaged {
			return nil
		}
		own, err := db.Collect(tx, func(r *db.Rows) (p accountPolicy, err error) {
			err = p.scan(r)
			return p, err
		}, `SELECT `+policyColumns+` FROM policy WHERE account = ? AND arn > ? ORDER BY arn LIMIT ?`, account, page.after, page.limit+1)
		for _, p := range own {
			rows = append(rows, row{p.arn, p.detail(partition(ctx), counts[p.arn])})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.arn <= page.after })
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.arn, b.arn) })
	rows, next := cut(page, rows, func(r row) string { return r.arn })
	out := &api.ListPoliciesOutput{PolicyDetails: make([]api.PolicyDetail, 0, len(rows)), NextPageToken: next}
	for _, r := range rows {
		out.PolicyDetails = append(out.PolicyDetails, *r.detail)
	}
	return out, nil
}

func managedDetail(name, partition string, attached int64) *api.PolicyDetail {
	return &api.PolicyDetail{
		PolicyName: name, ARN: "arn:" + partition + managedPrefix + name, Path: "/", AttachmentCount: attached, Managed: true,
	}
}

const policyColumns = `arn, account, id, path, name, created, updated, document`

func (p *accountPolicy) scan(row interface{ Scan(...any) error }) error {
	return row.Scan(&p.arn, &p.account, &p.id, &p.path, &p.name, &p.created, &p.updated, &p.document)
}

func findPolicy(tx *db.Tx, account, arn string) (p accountPolicy, err error) {
	err = p.scan(tx.Row(`SELECT `+policyColumns+` FROM policy WHERE arn = ? AND account = ?`, arn, account))
	if errors.Is(err, db.ErrNoRows) {
		return p, noSuchPolicy(arn)
	}
	return p, err
}

// findOwnPolicy is findPolicy for what is to be changed, which AWS's are not.
func findOwnPolicy(tx *db.Tx, account, arn string) (accountPolicy, error) {
	kept, managed, ok := readPolicyARN(arn)
	switch {
	case !ok:
		return accountPolicy{}, noSuchPolicy(arn)
	case managed != "":
		return accountPolicy{}, api.InvalidParameters("Policy %s is managed by AWS and cannot be changed.", arn)
	}
	return findPolicy(tx, account, kept)
}

// attachable returns the ARN, as it is kept, of a policy that an account may
// use, and its document.
func (s *Serve) attachable(tx *db.Tx, account, arn string) (kept, document string, err error) {
	kept, managed, ok := readPolicyARN(arn)
	if !ok {
		return "", "", noSuchPolicy(arn)
	}
	if managed == "" {
		p, err := findPolicy(tx, account, kept)
		return kept, p.document, err
	}
	m, ok := s.managed[managed]
	if !ok {
		return "", "", noSuchPolicy(arn)
	}
	return kept, m.document, nil
}

// attachments lists whom of an account a policy is attached to.
func attachments(tx *db.Tx, account, arn string) ([]principal, error) {
	return db.Collect(tx, func(r *db.Rows) (p principal, err error) {
		err = p.scan(r)
		return p, err
	}, `SELECT `+principalColumns+` FROM policy_attachment a JOIN principal p ON p.id = a.principal_id
		WHERE a.policy = ? AND p.account = ? ORDER BY p.kind, p.folded`, arn, account)
}
