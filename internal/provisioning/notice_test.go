package provisioning

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/engine"
	"larder/internal/engine/enginetest"
	"larder/internal/workflow"
)

// listeners take what is posted.
type listeners struct {
	mu    sync.Mutex
	heard map[string][]heard // by URL
	fail  func(url string, body []byte) bool
}

type heard struct {
	header http.Header
	body   string
}

func (l *listeners) post(_ context.Context, url string, header http.Header, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil && l.fail(url, body) {
		return errors.New("nobody listens")
	}
	l.heard[url] = append(l.heard[url], heard{header.Clone(), string(body)})
	return nil
}

func (l *listeners) at(url string) []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard[url])
}

// listening opens the world again with a webhook and a topic.
func (w *world) listening(l *listeners) {
	w.t.Helper()
	if err := w.stop(); err != nil {
		w.t.Fatal(err)
	}
	w.post = l.post
	w.webhooks = []Target{{URL: "https://hook?key=hidden", Secret: "hush"}}
	w.topics = map[string]Target{"arn:aws:sns:us-east-1:123456789012:mapped": {URL: "https://topic"}}
	w.open()
}

// quiet waits until there is nothing more to tell; dead letters stay.
func (w *world) quiet() {
	w.t.Helper()
	for ; ; breathe() {
		var left int
		err := w.db.View(w.t.Context(), func(tx *db.Tx) error {
			return tx.Row(`SELECT COUNT(*) FROM run WHERE definition = ?`, noticeRun).Scan(&left)
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if left == 0 {
			return
		}
	}
}

// statusesHeard are the changes that a webhook heard of, those of records
// marked as such.
func statusesHeard(t *testing.T, all []heard) []string {
	t.Helper()
	var out []string
	for _, h := range all {
		var e struct {
			Type, Subject, Sequence string
			Data                    struct{ ProvisionedProductID, RecordID, PlanID, PreviousStatus, Status string }
		}
		if err := json.Unmarshal([]byte(h.body), &e); err != nil {
			t.Fatalf("%s: %v", h.body, err)
		}
		change := e.Data.PreviousStatus + " to " + e.Data.Status
		switch {
		case e.Type == "larder.record.status" && e.Subject == e.Data.RecordID:
			change = "record " + change
		case e.Type == "larder.plan.status" && e.Subject == e.Data.PlanID:
			change = "plan " + change
		case e.Type != "larder.provisionedproduct.status" || e.Subject != e.Data.ProvisionedProductID:
			t.Errorf("%s", h.body)
		}
		out = append(out, change)
	}
	return out
}

// launchHeard is what a webhook hears of a launch.
var launchHeard = []string{
	"record  to CREATED", " to UNDER_CHANGE", "record CREATED to IN_PROGRESS", "record IN_PROGRESS to SUCCEEDED", "UNDER_CHANGE to AVAILABLE",
}

// stackStatuses are those that a topic heard.
func stackStatuses(t *testing.T, topic string, all []heard) []string {
	t.Helper()
	var states []string
	for _, h := range all {
		var m struct{ Type, MessageID, TopicArn, Message string }
		if err := json.Unmarshal([]byte(h.body), &m); err != nil || m.Type != "Notification" || m.TopicArn != topic || m.MessageID != h.header.Get("X-Amz-Sns-Message-Id") {
			t.Fatalf("%s: %v", h.body, err)
		}
		for line := range strings.Lines(m.Message) {
			if status, ok := strings.CutPrefix(line, "ResourceStatus='"); ok {
				states = append(states, strings.TrimRight(status, "'\n"))
			}
		}
	}
	return states
}

func TestNotices(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		tries := map[string]int{}
		l := &listeners{heard: map[string][]heard{}}
		l.fail = func(url string, body []byte) bool { tries[url+string(body)]++; return tries[url+string(body)] <= 2 }
		w.listening(l)
		in := w.launch("mine")
		in.NotificationArns = []string{"arn:aws:sns:us-east-1:123456789012:mapped", "arn:aws:sns:us-east-1:123456789012:other"}
		out, err := w.client.ProvisionProduct(as(admin), in)
		if err != nil {
			t.Fatal(err)
		}
		done := w.ended(out.RecordDetail.RecordId).RecordDetail
		warning := []api.RecordError{{
			Code: "NotificationWarning", Description: "Topic arn:aws:sns:us-east-1:123456789012:other is mapped to no endpoint in the server's settings: nothing is sent to it.",
		}}
		if diff := cmp.Diff(warning, done.RecordErrors); diff != "" || done.Status != api.RecordStatusSucceeded {
			t.Errorf("%s (-want +got):\n%s", done.Status, diff)
		}
		bye, err := w.client.TerminateProvisionedProduct(as(admin), &api.TerminateProvisionedProductInput{ProvisionedProductName: new("mine"), TerminateToken: "t"})
		if err != nil {
			t.Fatal(err)
		}
		w.ended(bye.RecordDetail.RecordId)
		w.quiet()
		events := l.at("https://hook?key=hidden")
		want := append(slices.Clone(launchHeard),
			"record  to CREATED", "AVAILABLE to UNDER_CHANGE", "record CREATED to IN_PROGRESS", "record IN_PROGRESS to SUCCEEDED", "UNDER_CHANGE to ")
		if diff := cmp.Diff(want, statusesHeard(t, events)); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		for _, h := range events {
			mac := hmac.New(sha256.New, []byte("hush"))
			mac.Write([]byte(h.body))
			if h.header.Get("X-Larder-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) || h.header.Get("Content-Type") != "application/cloudevents+json" {
				t.Errorf("header %v", h.header)
			}
		}
		states := stackStatuses(t, in.NotificationArns[0], l.at("https://topic"))
		if diff := cmp.Diff([]string{"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"}, states); diff != "" {
			t.Errorf("topic (-want +got):\n%s", diff)
		}
	})
}

// TestNoticesOfFailures has an update roll back, a launch fail before there is
// anything, and a change that only a record tells of.
func TestNoticesOfFailures(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		l := &listeners{heard: map[string][]heard{}}
		w.listening(l)
		const topic = "arn:aws:sns:us-east-1:123456789012:mapped"
		w.constrain("NOTIFICATION", `{"NotificationArns":["`+topic+`"]}`)
		w.ended(w.provision(admin, "mine").RecordId)
		why := &engine.Failure{Reason: "no capacity"}
		beats := 0 // of the update; they come one after another
		w.engine.OnAdvance = func(_ context.Context, f *enginetest.Fake, c engine.Change) (engine.Progress, error) {
			if c.Kind == engine.Create {
				return engine.Progress{Failure: why}, nil
			}
			if beats++; beats == 1 {
				return engine.Progress{State: engine.Again, Physical: c.Physical, RollingBack: true, Failure: why}, nil
			}
			return engine.Progress{Physical: c.Physical, Failure: why}, nil
		}
		w.change(&api.UpdateProvisionedProductInput{ProvisionedProductName: new("mine")})
		w.ended(w.provision(admin, "worse").RecordId)
		mine := w.describe("mine")
		if _, err := w.client.UpdateProvisionedProductProperties(as(admin), &api.UpdateProvisionedProductPropertiesInput{
			ProvisionedProductId: mine.Id, IdempotencyToken: "p", ProvisionedProductProperties: map[api.PropertyKey]string{api.PropertyKeyOwner: admin.ARN},
		}); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		of := func(name string, all []heard) []heard {
			product := w.describe(name).Id
			return slices.DeleteFunc(all, func(h heard) bool { return !strings.Contains(h.body, product) })
		}
		want := append(slices.Clone(launchHeard),
			"record  to CREATED", "AVAILABLE to UNDER_CHANGE", "record CREATED to IN_PROGRESS", "record IN_PROGRESS to IN_PROGRESS_IN_ERROR",
			"record IN_PROGRESS_IN_ERROR to FAILED", "UNDER_CHANGE to TAINTED",
			"record  to CREATED", "record CREATED to IN_PROGRESS", "record IN_PROGRESS to SUCCEEDED")
		const hook = "https://hook?key=hidden"
		if diff := cmp.Diff(want, statusesHeard(t, of("mine", l.at(hook)))); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		want = []string{"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"}
		if diff := cmp.Diff(want, stackStatuses(t, topic, of("mine", l.at("https://topic")))); diff != "" {
			t.Errorf("topic (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"CREATE_IN_PROGRESS", "CREATE_FAILED"}, stackStatuses(t, topic, of("worse", l.at("https://topic")))); diff != "" {
			t.Errorf("topic of what never was (-want +got):\n%s", diff)
		}
	})
}

// TestNoticesOfPlans has one plan be deleted and one be executed.
func TestNoticesOfPlans(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		l := &listeners{heard: map[string][]heard{}}
		w.listening(l)
		topics := []string{"arn:aws:sns:us-east-1:123456789012:mapped"}
		first, second := w.plan("mine", w.artifact), w.plan("mine", w.artifact)
		first.NotificationArns, second.NotificationArns, second.IdempotencyToken = topics, topics, "second"
		if _, err := w.client.DeleteProvisionedProductPlan(as(admin), &api.DeleteProvisionedProductPlanInput{
			PlanId: w.planned(first).ProvisionedProductPlanDetails.PlanId,
		}); err != nil {
			t.Fatal(err)
		}
		w.quiet() // order is kept within a product, and the second plan makes another
		w.execute(w.planned(second).ProvisionedProductPlanDetails.PlanId)
		w.quiet()
		made := []string{" to PLAN_IN_PROGRESS", "plan  to CREATE_IN_PROGRESS", "plan CREATE_IN_PROGRESS to CREATE_SUCCESS"}
		want := slices.Concat(made, []string{"plan CREATE_SUCCESS to ", "PLAN_IN_PROGRESS to "}, made, []string{
			"plan CREATE_SUCCESS to EXECUTE_IN_PROGRESS", "record  to CREATED", "PLAN_IN_PROGRESS to UNDER_CHANGE",
			"plan EXECUTE_IN_PROGRESS to EXECUTE_SUCCESS", "record CREATED to IN_PROGRESS", "record IN_PROGRESS to SUCCEEDED", "UNDER_CHANGE to AVAILABLE",
		})
		if diff := cmp.Diff(want, statusesHeard(t, l.at("https://hook?key=hidden"))); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		states := stackStatuses(t, topics[0], l.at("https://topic"))
		if diff := cmp.Diff([]string{"REVIEW_IN_PROGRESS", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"}, states); diff != "" {
			t.Errorf("topic (-want +got):\n%s", diff)
		}
	})
}

// TestDeadLetters has a webhook refuse one event for good; what follows is
// told all the same.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		l := &listeners{heard: map[string][]heard{}}
		l.fail = func(_ string, body []byte) bool { return strings.Contains(string(body), `"status":"UNDER_CHANGE"`) }
		w.listening(l)
		rec := w.provision(admin, "mine")
		w.ended(rec.RecordId)
		w.quiet()
		rest := slices.DeleteFunc(slices.Clone(launchHeard), func(change string) bool { return change == " to UNDER_CHANGE" })
		if diff := cmp.Diff(rest, statusesHeard(t, l.at("https://hook?key=hidden"))); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		letters, err := w.client.ListDeadLetters(as(admin), &api.ListDeadLettersInput{})
		if err != nil || len(letters.DeadLetters) != 1 {
			t.Fatalf("%+v, %v", letters, err)
		}
		d := letters.DeadLetters[0]
		if d.Id != rec.RecordId+"/provisionedproduct/UNDER_CHANGE" || d.Target != "https://hook" || d.LastError != "nobody listens" || d.ProvisionedProductId != rec.ProvisionedProductId {
			t.Errorf("%+v", d)
		}
		// Sent again when somebody listens.
		l.mu.Lock()
		l.fail = nil
		l.mu.Unlock()
		if _, err := w.client.RedeliverDeadLetters(as(admin), &api.RedeliverDeadLettersInput{}); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		if heard := statusesHeard(t, l.at("https://hook?key=hidden")); len(heard) != len(launchHeard) || heard[len(heard)-1] != " to UNDER_CHANGE" {
			t.Errorf("heard %v", heard)
		}
		if letters, err := w.client.ListDeadLetters(as(admin), &api.ListDeadLettersInput{}); err != nil || len(letters.DeadLetters) != 0 {
			t.Errorf("%+v, %v", letters, err)
		}
	})
}

// busy is the error of a post that was not tried.
type busy struct{}

func (busy) Error() string        { return "it is another's turn" }
func (busy) Again() time.Duration { return time.Millisecond }

// TestNoticesTurnedAway has the webhook be busy more often than a notice is
// tried: that is no try, and only a notice that grows old is given up.
func TestNoticesTurnedAway(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, w *world) {
		l := &listeners{heard: map[string][]heard{}}
		w.listening(l)
		var left, ahead atomic.Int64
		left.Store(20)
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		w.post = func(ctx context.Context, url string, header http.Header, body []byte) error {
			if left.Add(-1) >= 0 {
				return busy{}
			}
			return l.post(ctx, url, header, body)
		}
		w.open()
		w.ended(w.provision(admin, "mine").RecordId)
		w.quiet()
		if diff := cmp.Diff(launchHeard, statusesHeard(t, l.at("https://hook?key=hidden"))); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		left.Store(math.MaxInt64)
		w.ended(w.provision(admin, "worse").RecordId)
		ahead.Store(int64(25 * time.Hour))
		w.quiet()
		letters, err := w.client.ListDeadLetters(as(admin), &api.ListDeadLettersInput{})
		if err != nil || len(letters.DeadLetters) != len(launchHeard) || letters.DeadLetters[0].LastError != "it is another's turn" {
			t.Errorf("%+v, %v", letters, err)
		}
	})
}

// TestNoticesSurvive kills the server at each beat of a delivery: every change
// is heard at least once, in order.
func TestNoticesSurvive(t *testing.T) {
	t.Parallel()
	for _, point := range []workflow.Point{workflow.Begun, workflow.Decided, workflow.Recorded} {
		for beat := range 4 {
			t.Run(point.String()+" "+string(rune('0'+beat)), func(t *testing.T) {
				t.Parallel()
				run(t, func(t *testing.T, w *world) {
					l := &listeners{heard: map[string][]heard{}}
					w.listening(l)
					seen := 0
					w.setFault(func(p workflow.Point, b workflow.Beat) error {
						if p != point || b.Step != "deliver" {
							return nil
						}
						w.mu.Lock()
						defer w.mu.Unlock()
						if seen++; seen-1 == beat {
							return workflow.ErrCrash
						}
						return nil
					})
					rec := w.provision(admin, "mine")
					for ; ; breathe() {
						select {
						case <-w.dead:
							w.open()
						default:
						}
						var left int
						if err := w.db.View(t.Context(), func(tx *db.Tx) error { return tx.Row(`SELECT COUNT(*) FROM run`).Scan(&left) }); err != nil {
							t.Fatal(err)
						}
						if left == 0 {
							break
						}
					}
					if s := w.ended(rec.RecordId).RecordDetail.Status; s != api.RecordStatusSucceeded {
						t.Errorf("record ended %s", s)
					}
					heard := slices.Compact(statusesHeard(t, l.at("https://hook?key=hidden")))
					if diff := cmp.Diff(launchHeard, heard); diff != "" {
						t.Errorf("heard (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}
