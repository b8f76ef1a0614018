package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/engine/external"
	"larder/internal/fetch"
	"larder/internal/provisioning"
)

func TestOutward(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:sns:us-east-1:123456789012:t"
	p := parts{
		engines: engineFlags{
			Engine:       map[string]location{"EXTERNAL": "https://engine.example"},
			EngineParser: map[string]location{"EXTERNAL": "https://parser.example", "TERRAFORM_CLOUD": "https://parser.example/tfc"},
			EngineSecret: secrets{"EXTERNAL": "hush"},
		},
		notices: noticeFlags{
			Webhook: []location{"https://a.example?k=v", "https://b.example"}, WebhookSecret: "quiet",
			Topic: map[string]location{arn: "https://t.example"}, TopicSecret: secrets{arn: "silent"},
		},
	}
	got, err := p.outward()
	if err != nil {
		t.Fatal(err)
	}
	want := outward{
		engines: map[string]external.Endpoint{
			"EXTERNAL":        {URL: "https://engine.example", Parser: "https://parser.example", Secret: "hush"},
			"TERRAFORM_CLOUD": {Parser: "https://parser.example/tfc"},
		},
		webhooks: []provisioning.Target{{URL: "https://a.example?k=v", Secret: "quiet"}, {URL: "https://b.example", Secret: "quiet"}},
		topics:   map[string]provisioning.Target{arn: {URL: "https://t.example", Secret: "silent"}},
	}
	got.client, got.courier = nil, nil
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outward{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOutwardRefused has settings that can be seen to lead nowhere.
func TestOutwardRefused(t *testing.T) {
	t.Parallel()
	at := func(name string, l location) map[string]location { return map[string]location{name: l} }
	for words, p := range map[string]parts{
		"CLOUD_FORMATION_TEMPLATE is no type of products that an engine": {engines: engineFlags{Engine: at("CLOUD_FORMATION_TEMPLATE", "https://x")}},
		"--engine-parser: http://x: http is not allowed":                 {engines: engineFlags{EngineParser: at("EXTERNAL", "http://x")}},
		"--engine-secret: nothing is configured for EXTERNAL":            {engines: engineFlags{EngineSecret: secrets{"EXTERNAL": "x"}}},
		"--engine-secret takes NAME=SECRET":                              {engines: engineFlags{EngineSecret: secrets{"": "x"}}},
		"--deadline and --grace may not be negative":                     {engines: engineFlags{Deadline: -1}},
		"QUEUE is no type of provisioned products":                       {engines: engineFlags{ProductDeadline: map[string]time.Duration{"QUEUE": 1}}},
		"that of EXTERNAL must be positive":                              {engines: engineFlags{ProductDeadline: map[string]time.Duration{"EXTERNAL": 0}}},
		"--webhook: https://x is given twice":                            {notices: noticeFlags{Webhook: []location{"https://x?a", "https://x?b"}}},
		"--webhook-secret: there are no webhooks":                        {notices: noticeFlags{WebhookSecret: "x"}},
		"arn:aws:sqs:a:1:x is no ARN of a topic":                         {notices: noticeFlags{Topic: at("arn:aws:sqs:a:1:x", "https://x")}},
		"--topic: ftp://x: scheme":                                       {notices: noticeFlags{Topic: at("arn:aws:sns:a:1:x", "ftp://x")}},
		"--topic-secret: nothing is configured for y":                    {notices: noticeFlags{TopicSecret: secrets{"y": "x"}}},
		"--notice-tries may not be negative":                             {notices: noticeFlags{NoticeTries: -1}},
		"S3 endpoint":                                                    {posting: fetch.Policy{S3Endpoint: "x"}},
	} {
		if _, err := p.outward(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for l, want := range map[location]string{
		"": "", "postgres://u:p@h/db?sslmode=x": "postgres://h/db", "host=h password=p": masked, "https://h/a?k": "https://h/a",
	} {
		if got := l.String(); got != want {
			t.Errorf("%q is shown as %q, want %q", string(l), got, want)
		}
	}
}
