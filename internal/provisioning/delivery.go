package provisioning

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/id"
	"larder/internal/seal"
	"larder/internal/workflow"
)

// noticeRun is the run that tells one target of one product's changes, in
// order.
const noticeRun = "notice/v1"

// DefaultNoticeTries is how often a notice is tried: for about seven hours.
const DefaultNoticeTries = 50

// noticeAge is how old a notice may get that is turned away time and again.
const noticeAge = 24 * time.Hour

// The time between two tries doubles from noticeBackoff to noticeDelay.
const (
	noticeBackoff = time.Second
	noticeDelay   = 10 * time.Minute
)

// errMore has an ending run go on: a notice came in the meantime.
var errMore = errors.New("provisioning: another notice has come")

// deliver is the beat of a noticeRun: the first notice is sent until it is
// taken or given up. Everything after it waits, which keeps the order.
func (p *Provisioning) deliver(ctx context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var name string
	if err := json.Unmarshal(b.Input, &name); err != nil {
		return workflow.Verdict{}, err
	}
	pp := id.ProvisionedProduct(b.Subject)
	var (
		n    notice
		end  int64
		over bool
		told bool
	)
	err := p.db.View(ctx, func(tx *db.Tx) (err error) {
		n, err = firstNotice(tx, pp, name)
		if told = errors.Is(err, db.ErrNoRows); told {
			end, over, err = lineEnd(tx, pp, name)
		}
		return err
	})
	if err == nil && told {
		return workflow.End().Write(func(tx *db.Tx) error {
			if left, err := leaveLine(tx, pp, name, end, over); err != nil || left {
				return err
			}
			return errMore
		}), nil
	}
	if err != nil {
		return workflow.Verdict{}, err
	}
	tries := 0
	if b.State != nil {
		if err := json.Unmarshal(b.State, &tries); err != nil {
			return workflow.Verdict{}, err
		}
	}
	sent := p.send(ctx, &n)
	var turned interface {
		error
		Again() time.Duration
	}
	turnedAway := errors.As(sent, &turned)
	switch tries++; {
	case sent == nil:
		return workflow.Again(0).Keep(json.RawMessage("0")).Noted("delivered " + n.ID).Write(n.remove), nil
	case ctx.Err() != nil:
		return workflow.Verdict{}, context.Cause(ctx)
	case turnedAway && b.Now.Sub(n.Time) < noticeAge:
		return workflow.Again(turned.Again()).Noted(n.ID + " waits for its turn"), nil
	case turnedAway || tries >= p.tries:
		return workflow.Again(0).Keep(json.RawMessage("0")).Noted("gave up " + n.ID).Write(func(tx *db.Tx) error { return n.bury(tx, sent.Error()) }), nil
	default:
		delay := min(p.backoff<<min(tries-1, 20), noticeDelay)
		return workflow.Again(delay).Keep(json.RawMessage(stored(tries))).Noted(fmt.Sprintf("%s was not taken, try %d: %v", n.ID, tries, sent)), nil
	}
}

// send posts a notice in the form that its target is used to.
func (p *Provisioning) send(ctx context.Context, n *notice) error {
	target, ok := p.target(n.Target)
	if !ok {
		return errors.New("the target is configured no more")
	}
	header := http.Header{}
	var body []byte
	if n.toWebhook() {
		header.Set("Content-Type", "application/cloudevents+json")
		body = n.cloudEvent()
	} else {
		header.Set("Content-Type", "text/plain; charset=UTF-8") // as SNS does
		header.Set("X-Amz-Sns-Message-Type", "Notification")
		header.Set("X-Amz-Sns-Message-Id", n.messageID())
		header.Set("X-Amz-Sns-Topic-Arn", n.Target)
		body = n.snsMessage()
	}
	if target.Secret != "" {
		header.Set(seal.SignatureHeader, seal.Signature(target.Secret, body))
	}
	return p.post(ctx, target.URL, header, body)
}

// arn is the product's.
func (n *notice) arn() string {
	return id.ProvisionedProductARN(n.Region, n.Account, n.Name, n.Provisioned).String()
}

// cloudEvent is the notice as CloudEvents 1.0 shapes it, in structured mode.
func (n *notice) cloudEvent() []byte {
	subject := string(n.Provisioned)
	switch n.Of {
	case ofRecord:
		subject = string(n.Record)
	case ofPlan:
		subject = string(n.Plan)
	}
	type data struct {
		ProvisionedProductID string `json:"provisionedProductId"`
		Name                 string `json:"provisionedProductName"`
		From                 string `json:"previousStatus,omitempty"`
		Status               string `json:"status,omitempty"` // none of a product that is gone
		Message              string `json:"statusMessage,omitempty"`
		Record               string `json:"recordId,omitempty"`
		Type                 string `json:"recordType,omitempty"`
		Plan                 string `json:"planId,omitempty"`
		Product              string `json:"productId"`
		Version              string `json:"provisioningArtifactId"`
		Physical             string `json:"physicalId,omitempty"`
		Account              string `json:"account"`
		Region               string `json:"region"`
	}
	return []byte(stored(struct {
		Version  string `json:"specversion"`
		ID       string `json:"id"`
		Source   string `json:"source"`
		Type     string `json:"type"`
		Subject  string `json:"subject"`
		Time     string `json:"time"`
		Sequence string `json:"sequence"` // sorts as text
		Content  string `json:"datacontenttype"`
		Data     data   `json:"data"`
	}{
		"1.0", n.ID, n.arn(), "larder." + n.Of + ".status", subject, n.Time.Format(time.RFC3339Nano),
		fmt.Sprintf("%020d", n.N), "application/json",
		data{
			string(n.Provisioned), n.Name, n.From, n.To, n.Message, string(n.Record), n.Type, string(n.Plan),
			string(n.Product), string(n.Version), n.Physical, n.Account, n.Region,
		},
	}))
}

// messageID is a UUID that is the same each time the notice is sent.
func (n *notice) messageID() string {
	sum := sha256.Sum256([]byte(n.Target + " " + n.ID))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8 of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// snsMessage is the notice as SNS envelopes what CloudFormation writes.
func (n *notice) snsMessage() []byte {
	at := n.Time.Format("2006-01-02T15:04:05.000Z")
	var text strings.Builder
	for _, line := range [][2]string{
		{"StackId", n.Physical}, {"Timestamp", at}, {"EventId", n.messageID()}, {"LogicalResourceId", n.stackName()}, {"Namespace", n.Account},
		{"PhysicalResourceId", n.Physical}, {"ResourceProperties", "null"}, {"ResourceStatus", n.stackStatus()}, {"ResourceStatusReason", n.Message},
		{"ResourceType", n.resourceType()}, {"StackName", n.stackName()}, {"ClientRequestToken", string(n.Record)},
	} {
		fmt.Fprintf(&text, "%s='%s'\n", line[0], line[1])
	}
	return []byte(stored(struct {
		Type, MessageId, TopicArn, Subject, Message, Timestamp string
	}{"Notification", n.messageID(), n.Target, "AWS CloudFormation Notification", text.String(), at}))
}

// stackName is the name in the stack's ARN: that of a stack which was taken
// over is its own. A stack's events about itself bear it as logical id, too.
func (n *notice) stackName() string {
	if _, rest, ok := strings.Cut(n.Physical, "/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return "SC-" + n.Account + "-" + string(n.Provisioned)
}

// The types of what a product is to CloudFormation.
const (
	stackResource    = "AWS::CloudFormation::Stack"
	stackSetResource = "AWS::CloudFormation::StackSet"
)

// resourceType is what the product is, by its ARN.
func (n *notice) resourceType() string {
	if arn, err := id.ParseARN(n.Physical); err == nil && strings.HasPrefix(arn.Resource, "stackset/") {
		return stackSetResource
	}
	return stackResource
}

// stackStatus says the change in CloudFormation's terms; "" of one that is
// none of a stack. That an operation is under way is told by its record, which
// says so once there is something that is under change.
func (n *notice) stackStatus() string {
	a := actOf(&record{recordData: recordData{Act: n.Act}})
	switch n.Of {
	case ofRecord:
		return underWay(a.kind, api.RecordStatus(n.To))
	case ofPlan:
		return ""
	}
	outcome, _ := after(api.ProvisionedProductStatus(n.From), a.succeeded)
	switch to := api.ProvisionedProductStatus(n.To); {
	case to == api.ProvisionedProductStatusPlanInProgress:
		return "REVIEW_IN_PROGRESS"
	case to == api.ProvisionedProductStatusUnderChange:
		return ""
	case to == gone:
		return "DELETE_COMPLETE"
	case to == outcome:
		return string(a.kind) + "_COMPLETE"
	case a.kind == engine.Delete, n.Physical == "", n.resourceType() == stackSetResource: // nothing that could be rolled back
		return string(a.kind) + "_FAILED"
	case a.kind == engine.Create:
		return "ROLLBACK_COMPLETE"
	default:
		return "UPDATE_ROLLBACK_COMPLETE"
	}
}

// underWay is the status of a stack that is under change; "" for a record's
// other statuses.
func underWay(kind engine.Kind, status api.RecordStatus) string {
	switch {
	case kind == "": // properties changed, which is no operation of an engine
		return ""
	case status == api.RecordStatusInProgress:
		return string(kind) + "_IN_PROGRESS"
	case status != api.RecordStatusInProgressInError:
		return ""
	case kind == engine.Create:
		return "ROLLBACK_IN_PROGRESS"
	default:
		return string(kind) + "_ROLLBACK_IN_PROGRESS"
	}
}
