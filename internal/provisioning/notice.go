package provisioning

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/id"
)

// A Target is where changes of status are told: a server-wide webhook, or the
// endpoint that a topic's ARN stands for.
type Target struct {
	URL    string
	Secret string // signs what is sent; "" for nothing
}

// webhookTarget begins the name of a webhook among targets (see
// [Target.name]); those of topics are their ARNs.
const webhookTarget = "webhook:"

// name is that of a webhook among targets: its URL without password and
// query, which may be secret and would stand in rows and answers.
func (t Target) name() string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return webhookTarget
	}
	return webhookTarget + (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// A notice is one change of status, of a product or of a record or a plan about
// it, to be told to one target.
type notice struct {
	Provisioned id.ProvisionedProduct
	Target      string
	N           int64 // the order in which the product's notices are told
	Account     string
	Region      string
	Dead        bool
	LastError   string
	noticeData
}

// noticeData is what is told.
type noticeData struct {
	ID       string    // unique, and the same each time it is sent
	Of       string    // what has the status: ofProduct, ofRecord or ofPlan
	Name     string    // of the provisioned product
	From, To string    // "" for what does not exist yet, or no more
	Message  string    `json:",omitempty"`
	Record   id.Record `json:",omitempty"`
	Type     string    `json:",omitempty"` // of the record
	Plan     id.Plan   `json:",omitempty"` // that the change belongs to
	Act      string    // what changes the product, by the name of its run
	Product  id.Product
	Version  id.Artifact
	Physical string `json:",omitempty"`
	Time     time.Time
}

// What has a status that is told, as the types of events name it.
const (
	ofProduct = "provisionedproduct"
	ofRecord  = "record"
	ofPlan    = "plan"
)

// targets are who wants to hear of a product with these topics.
func (p *Provisioning) targets(topics []string) []string {
	var all []string
	for _, hook := range p.webhooks {
		all = append(all, hook.name())
	}
	for _, topic := range topics {
		if _, mapped := p.topics[topic]; mapped && !slices.Contains(all, topic) {
			all = append(all, topic)
		}
	}
	return all
}

// target finds where a name leads; false if it is configured no more.
func (p *Provisioning) target(name string) (Target, bool) {
	if strings.HasPrefix(name, webhookTarget) {
		i := slices.IndexFunc(p.webhooks, func(t Target) bool { return t.name() == name })
		if i < 0 {
			return Target{}, false
		}
		return p.webhooks[i], true
	}
	t, ok := p.topics[name]
	return t, ok
}

// unmapped warns in a record of topics that stand for no endpoint: nothing
// fails, but nobody hears.
func (p *Provisioning) unmapped(topics []string) []api.RecordError {
	var warnings []api.RecordError
	for _, topic := range topics {
		if _, mapped := p.topics[topic]; !mapped {
			warnings = append(warnings, api.RecordError{
				Code: "NotificationWarning", Description: "Topic " + topic + " is mapped to no endpoint in the server's settings: nothing is sent to it.",
			})
		}
	}
	return warnings
}

// tell has everybody hear that a record's status, or its product's, is
// another than it was. The product comes last: what is told then is the end.
func (p *Provisioning) tell(tx *db.Tx, pp *provisionedProduct, rec *record) error {
	targets := p.targets(rec.Change.Topics)
	if len(targets) == 0 {
		return nil
	}
	told := notice{
		Provisioned: pp.ID, Account: pp.Account, Region: pp.Region,
		noticeData: noticeData{
			Name: pp.Name, Record: rec.ID, Type: rec.Type, Plan: rec.Plan, Act: rec.Act, Product: rec.Product, Version: rec.Artifact, Physical: pp.Physical, Time: rec.Updated,
		},
	}
	told.Of, told.From = ofRecord, string(rec.was)
	for _, status := range rec.passed() {
		told.To = string(status)
		if failed := status == api.RecordStatusInProgressInError || status == api.RecordStatusFailed; failed && len(rec.Errors) > 0 {
			told.Message = rec.Errors[0].Description // what comes after it are causes and warnings
		}
		if err := p.announce(tx, told, targets); err != nil {
			return err
		}
		told.From = told.To
	}
	from := gone
	if pp.was != nil {
		from = pp.was.Status
	}
	if from == pp.Status {
		return nil
	}
	told.Of, told.From, told.To, told.Message = ofProduct, string(from), string(pp.Status), pp.StatusMessage
	return p.announce(tx, told, targets)
}

// tellPlan has webhooks hear that a plan's status is another than it was. What
// a plan does to its product is told of the product.
func (p *Provisioning) tellPlan(tx *db.Tx, n *plan) error {
	if n.was == n.Status {
		return nil
	}
	return p.announce(tx, notice{
		Provisioned: n.Provisioned, Account: n.Account, Region: n.Region,
		noticeData: noticeData{
			Of: ofPlan, From: string(n.was), To: string(n.Status), Message: n.Message, Name: n.Record.Name, Plan: n.ID, Act: n.Record.Act,
			Product: n.Product, Version: n.Record.Artifact, Physical: n.Record.Change.Physical, Time: n.Updated,
		},
	}, p.targets(nil))
}

// announce puts a notice on its way to each target that has a form for it.
func (p *Provisioning) announce(tx *db.Tx, n notice, targets []string) error {
	n.ID = cmp.Or(string(n.Record), string(n.Plan)) + "/" + n.Of + "/" + n.To
	for _, name := range targets {
		n.Target = name
		if !n.toWebhook() && n.stackStatus() == "" {
			continue
		}
		if err := p.enqueue(tx, &n); err != nil {
			return err
		}
	}
	return nil
}

// toWebhook reports whether a webhook is told, and not a topic.
func (n *notice) toWebhook() bool { return strings.HasPrefix(n.Target, webhookTarget) }

// insert puts the notice behind all others of its product and target. Its place
// is taken by a write: on PostgreSQL a look at those before it would conflict
// with whatever is told of other products meanwhile.
func (n *notice) insert(tx *db.Tx) error {
	err := tx.Row(`INSERT INTO notice_line (provisioned, target, n) VALUES (?, ?, ?)
		ON CONFLICT (provisioned, target) DO UPDATE SET n = CASE WHEN notice_line.n < excluded.n THEN excluded.n ELSE notice_line.n + 1 END
		RETURNING n`, n.Provisioned, n.Target, n.Time.UnixMicro()).Scan(&n.N)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO notice (provisioned, target, n, account, region, dead, last_error, data) VALUES (?, ?, ?, ?, ?, 0, '', ?)`,
		n.Provisioned, n.Target, n.N, n.Account, n.Region, stored(n.noticeData))
}

// lineEnd reads how far a line has come, and whether there will be more: a
// product that is gone has told everything.
func lineEnd(tx *db.Tx, pp id.ProvisionedProduct, target string) (n int64, over bool, err error) {
	err = tx.Row(`SELECT n, NOT EXISTS (SELECT 1 FROM provisioned_product p WHERE p.id = l.provisioned)
		FROM notice_line l WHERE provisioned = ? AND target = ?`, pp, target).Scan(&n, &over)
	return n, over, err
}

// leaveLine has a line stand still that has come to n; false if it went on.
// It writes, so that whoever adds to it meanwhile is not passed unseen.
func leaveLine(tx *db.Tx, pp id.ProvisionedProduct, target string, n int64, over bool) (bool, error) {
	statement := `UPDATE notice_line SET n = n + 1 WHERE provisioned = ? AND target = ? AND n = ?`
	if over {
		statement = `DELETE FROM notice_line WHERE provisioned = ? AND target = ? AND n = ?`
	}
	left, err := tx.ExecRows(statement, pp, target, n)
	return left == 1, err
}

const noticeColumns = "provisioned, target, n, account, region, dead, last_error, data"

func scanNotice(scan func(...any) error) (notice, error) {
	var n notice
	var data string
	if err := scan(&n.Provisioned, &n.Target, &n.N, &n.Account, &n.Region, &n.Dead, &n.LastError, &data); err != nil {
		return notice{}, err
	}
	return n, json.Unmarshal([]byte(data), &n.noticeData)
}

// firstNotice reads the next that a target is to be told of a product.
func firstNotice(tx *db.Tx, pp id.ProvisionedProduct, target string) (notice, error) {
	return scanNotice(tx.Row(`SELECT `+noticeColumns+` FROM notice
		WHERE provisioned = ? AND target = ? AND dead = 0 ORDER BY n LIMIT 1`, pp, target).Scan)
}

func (n *notice) remove(tx *db.Tx) error {
	return tx.Exec(`DELETE FROM notice WHERE provisioned = ? AND target = ? AND n = ?`, n.Provisioned, n.Target, n.N)
}

// bury makes it a dead letter.
func (n *notice) bury(tx *db.Tx, why string) error {
	return tx.Exec(`UPDATE notice SET dead = 1, last_error = ? WHERE provisioned = ? AND target = ? AND n = ?`, why, n.Provisioned, n.Target, n.N)
}
