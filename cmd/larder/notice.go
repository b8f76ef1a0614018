package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"larder/internal/engine/external"
	"larder/internal/fetch"
	"larder/internal/id"
	"larder/internal/provisioning"
)

// noticeFlags are who is told of provisioned products that change.
type noticeFlags struct {
	Webhook       []location          `help:"Endpoints that are told of every provisioned product's changes, as CloudEvents." placeholder:"URL"`
	WebhookSecret secret              `help:"What signs requests to webhooks." placeholder:"SECRET"`
	Topic         map[string]location `help:"The endpoint that a topic's ARN stands for." placeholder:"ARN=URL;…"`
	TopicSecret   secrets             `help:"What signs requests to a topic's endpoint." placeholder:"ARN=SECRET;…"`
	NoticeTries   int                 `help:"How often a notice is tried, at growing intervals, before it is a dead letter; 50 times take about seven hours." default:"${tries}" placeholder:"N"`
}

// targets are the webhooks, and the topics by ARN. A setting that can be seen
// to lead nowhere is an error.
func (f *noticeFlags) targets(client *fetch.Client) ([]provisioning.Target, map[string]provisioning.Target, error) {
	var errs []error
	check := func(setting string, at location) {
		if err := client.Check(string(at)); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", setting, err))
		}
	}
	var webhooks []provisioning.Target
	seen := map[string]bool{}
	for _, at := range f.Webhook {
		check("webhook", at)
		if seen[at.String()] { // its name among dead letters
			errs = append(errs, fmt.Errorf("--webhook: %s is given twice", at))
		}
		seen[at.String()] = true
		webhooks = append(webhooks, provisioning.Target{URL: string(at), Secret: string(f.WebhookSecret)})
	}
	if f.WebhookSecret != "" && len(webhooks) == 0 {
		errs = append(errs, errors.New("--webhook-secret: there are no webhooks"))
	}
	topics := make(map[string]provisioning.Target, len(f.Topic))
	for _, arn := range slices.Sorted(maps.Keys(f.Topic)) {
		if a, err := id.ParseARN(arn); err != nil || a.Service != "sns" {
			errs = append(errs, fmt.Errorf("--topic: %s is no ARN of a topic", arn))
		}
		check("topic", f.Topic[arn])
		topics[arn] = provisioning.Target{URL: string(f.Topic[arn]), Secret: string(f.TopicSecret[arn])}
	}
	errs = append(errs, f.TopicSecret.check("topic-secret", func(arn string) bool { _, ok := topics[arn]; return ok }))
	if f.NoticeTries < 0 {
		errs = append(errs, errors.New("--notice-tries may not be negative"))
	}
	return webhooks, topics, errors.Join(errs...)
}

// outward is whom the server tells what happens: engines, webhooks, topics.
type outward struct {
	client   *fetch.Client
	courier  *fetch.Courier // posts for runs
	engines  map[string]external.Endpoint
	webhooks []provisioning.Target
	topics   map[string]provisioning.Target
}

// Bounds of what those who are told answer, and of how long a run waits for it.
const (
	maxReply      = 1 << 20
	replyPatience = 10 * time.Second
)

// outward judges the settings of everybody who is told something.
func (p *parts) outward() (outward, error) {
	policy := p.posting
	policy.MaxBytes = maxReply
	client, err := fetch.New(policy)
	if err != nil {
		return outward{}, err
	}
	policy.Timeout = replyPatience
	brief, err := fetch.New(policy)
	if err != nil {
		return outward{}, err
	}
	engines, err := p.engines.endpoints(client)
	webhooks, topics, wrong := p.notices.targets(client)
	return outward{client, fetch.NewCourier(brief), engines, webhooks, topics}, errors.Join(err, wrong, p.engines.checkDeadlines())
}
