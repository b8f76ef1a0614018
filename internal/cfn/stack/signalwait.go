package stack

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"larder/internal/cfn/changeset"
	"larder/internal/cfn/jsontext"
	"larder/internal/cfn/resource"
	"larder/internal/cfn/schema"
	"larder/internal/cfn/template"
	"larder/internal/db"
)

// A wait is what a resource awaits that exists but is not complete: signals of
// those who work on it.
type wait struct {
	Count   int     `json:"count"`
	Timeout int64   `json:"timeout"` // ms
	Until   int64   `json:"until,omitempty"`
	Handle  *handle `json:"handle,omitempty"` // whose signals count; nil: the resource's own

	// Of groups. A percentage of the signals must tell of success; the others
	// may fail or stay away.
	Percent int    `json:"percent,omitempty"`
	Batch   int    `json:"batch,omitempty"` // of a rolling update: each has the whole time
	Words   string `json:"words,omitempty"` // of the timeout, as the policy has it

	Told      []string `json:"told,omitempty"` // the signals that events tell of
	Simulated bool     `json:"simulated,omitempty"`
}

func readWait(r *jsontext.Reader) *wait {
	var w wait
	for name := range r.Members() {
		switch name {
		case "count":
			w.Count = r.Int()
		case "timeout":
			w.Timeout = r.Int64()
		case "until":
			w.Until = r.Int64()
		case "handle":
			w.Handle = readHandle(r)
		case "percent":
			w.Percent = r.Int()
		case "batch":
			w.Batch = r.Int()
		case "words":
			w.Words = r.String()
		case "told":
			w.Told = r.Strings()
		case "simulated":
			w.Simulated = r.Bool()
		default:
			r.Skip()
		}
	}
	return &w
}

func readHandle(r *jsontext.Reader) *handle {
	var h handle
	for name := range r.Members() {
		switch name {
		case "stack":
			h.Stack = r.String()
		case "logicalId":
			h.LogicalID = r.String()
		case "generation":
			h.Generation = r.Int()
		default:
			r.Skip()
		}
	}
	return &h
}

// Durations of AWS's policies.
const (
	defaultSignalTimeout = "PT5M"
	defaultPauseTime     = "PT15M" // of a rolling update that waits for signals
	maxSignalTimeout     = 12 * time.Hour
)

// foreignLook is how often a wait condition looks at a handle of another stack.
const foreignLook = time.Second

// waitOf returns what a resource awaits when it has been made; nil if
// nothing. A reason says what is wrong with its policy.
func (t *turn) waitOf(it *item) (w *wait, reason string, err error) {
	r, ok := t.l.eval.Resource(it.LogicalID)
	if !ok {
		return nil, "", nil
	}
	switch it.Type {
	case waitConditionType, groupType, "AWS::EC2::Instance":
	default:
		return nil, "", nil // AWS knows creation policies of these alone
	}
	policy, reason, err := t.policyOf(r.CreationPolicy)
	asked, given := policy["ResourceSignal"].(map[string]schema.Value)
	switch {
	case reason != "" || err != nil:
		return nil, reason, err
	case !given && it.Type == waitConditionType:
		return t.conditionWait(it)
	case !given:
		return nil, "", nil
	}
	w = &wait{Count: 1, Simulated: t.simulatesSignals(hasUserData)}
	if it.Type == groupType {
		w.Percent = 100
		if group, ok := policy["AutoScalingCreationPolicy"].(map[string]schema.Value); ok {
			w.Percent, reason = whole(group, "MinSuccessfulInstancesPercent", 100, 100)
		}
	}
	if reason == "" {
		w.Count, reason = whole(asked, "Count", 1, math.MaxInt32)
	}
	if reason == "" {
		w.Timeout, w.Words, reason = timeoutOf(asked, "Timeout", defaultSignalTimeout)
	}
	if reason != "" {
		return nil, "CreationPolicy: " + reason, nil
	}
	if w.Count == 0 {
		return nil, "", nil
	}
	return w, "", nil
}

const groupType = "AWS::AutoScaling::AutoScalingGroup"

// conditionWait is the wait of a wait condition on its handle.
func (t *turn) conditionWait(it *item) (w *wait, reason string, err error) {
	for _, required := range []string{"Handle", "Timeout"} {
		if scalarText(it.given[required]) == "" {
			return nil, "Property " + required + " cannot be empty.", nil
		}
	}
	h, ok := t.s.handleOf(scalarText(it.given["Handle"]))
	if !ok {
		return nil, "", fmt.Errorf("stack %s: %s was made with a handle that is none", t.l.stack.ID, it.LogicalID)
	}
	w = &wait{Count: 1, Handle: &h}
	if w.Count, reason = whole(it.given, "Count", 1, math.MaxInt32); reason != "" {
		return nil, reason, nil
	}
	seconds, reason := whole(it.given, "Timeout", 0, int(maxSignalTimeout/time.Second))
	if reason != "" {
		return nil, reason, nil
	}
	w.Timeout = int64(seconds) * 1000
	w.Simulated = t.simulatesSignals(func(e *template.Evaluation, r *template.Resource) bool { return isTold(e, r, h.LogicalID) })
	if w.Simulated {
		it.Warn = "WARNING: what would signal " + h.LogicalID + " is only simulated, so nothing was awaited and Data is a placeholder"
		w.Count = min(w.Count, maxSignals)
		data := make(map[string]schema.Value, w.Count)
		for i := range w.Count {
			data["simulated-"+strconv.Itoa(i+1)] = schema.Placeholder(it.LogicalID, "Data")
		}
		it.model.Properties["Data"], err = dataOf(data)
	}
	return w, "", err
}

// rollingWait is what a group awaits whose instances an update replaces;
// nil if it awaits nothing.
func (t *turn) rollingWait(it *item) (w *wait, reason string, err error) {
	r, ok := t.l.eval.Resource(it.LogicalID)
	if !ok || it.Type != groupType || it.Former == nil {
		return nil, "", nil
	}
	policy, reason, err := t.policyOf(r.UpdatePolicy)
	rolling, given := policy["AutoScalingRollingUpdate"].(map[string]schema.Value)
	if !given || scalarText(rolling["WaitOnResourceSignals"]) != "true" || reason != "" || err != nil {
		return nil, reason, err
	}
	former, err := t.s.given(t.l, it.Former.Properties, it.Former.Secrets, it.LogicalID)
	if err != nil {
		return nil, "", err
	}
	if !replacesInstances(former, it.given) {
		return nil, "", nil
	}
	w = &wait{Simulated: t.simulatesSignals(hasUserData)}
	size := "DesiredCapacity"
	if it.given[size] == nil {
		size = "MinSize"
	}
	w.Count, reason = whole(it.given, size, 0, math.MaxInt32)
	if reason == "" {
		w.Percent, reason = whole(rolling, "MinSuccessfulInstancesPercent", 100, 100)
	}
	if reason == "" {
		w.Batch, reason = whole(rolling, "MaxBatchSize", 1, 100)
	}
	if reason == "" {
		w.Timeout, w.Words, reason = timeoutOf(rolling, "PauseTime", defaultPauseTime)
	}
	least := 0
	if reason == "" {
		least, reason = whole(rolling, "MinInstancesInService", 0, math.MaxInt32)
	}
	if reason != "" {
		return nil, "UpdatePolicy: " + reason, nil
	}
	if w.Count == 0 {
		return nil, "", nil
	}
	w.Batch = min(max(w.Batch, 1), w.Count)
	t.tell(it, fmt.Sprintf("Rolling update initiated. Terminating %d obsolete instance(s) in batches of %d, while keeping at least %d instance(s) in service. "+
		"Waiting on resource signals with a timeout of %s when new instances are added to the autoscaling group.", w.Count, w.Batch, least, w.Words), false)
	return w, "", nil
}

// replacesInstances reports whether a change of a group's properties makes
// its instances obsolete (User Guide, UpdatePolicy).
func replacesInstances(before, after map[string]schema.Value) bool {
	launches := func(properties map[string]schema.Value) map[string]schema.Value {
		of := map[string]schema.Value{}
		for _, name := range []string{"LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "VPCZoneIdentifier"} {
			if v, ok := properties[name]; ok {
				of[name] = v
			}
		}
		return of
	}
	return changeset.Decide(nil, launches(before), launches(after)) != changeset.Unchanged
}

// policyOf evaluates a creation or update policy.
func (t *turn) policyOf(n *template.Node) (policy map[string]schema.Value, reason string, err error) {
	if n == nil {
		return nil, "", nil
	}
	v, _, err := t.l.eval.Value(n, t.l)
	if refusal, ok := AsError(err); ok {
		return nil, refusal.Message, nil
	}
	policy, _ = v.(map[string]schema.Value)
	return policy, "", err
}

// simulatesSignals reports whether signals are taken to have been given. In
// the mode that looks for it, that is if one of the template's resources is
// of the kind that would give them.
func (t *turn) simulatesSignals(gives func(*template.Evaluation, *template.Resource) bool) bool {
	switch t.s.signals {
	case SignalsSimulated:
		return true
	case SignalsAwaited:
		return false
	}
	return slices.ContainsFunc(t.l.eval.Resources(), func(r *template.Resource) bool { return gives(t.l.eval, r) })
}

// hasUserData reports whether a resource is, or launches, a machine that runs
// a script of the template.
func hasUserData(_ *template.Evaluation, r *template.Resource) bool {
	return r.Properties != nil && mentions(r.Properties, "UserData")
}

func mentions(n *template.Node, key string) bool {
	for i := range n.Len() {
		if n.Kind() == template.KindMap && n.Key(i) == key || mentions(n.At(i), key) {
			return true
		}
	}
	return false
}

// isTold reports whether a resource that would run code is told of a handle.
func isTold(e *template.Evaluation, r *template.Resource, handle string) bool {
	refers := func(n *template.Node) bool {
		return n != nil && slices.ContainsFunc(e.References(n), func(ref template.Reference) bool { return ref.Name == handle })
	}
	runs := r.Type == "AWS::Lambda::Function" || r.Type == stackType || strings.HasPrefix(r.Type, "Custom::") ||
		r.Type == "AWS::CloudFormation::CustomResource" || hasUserData(e, r)
	return refers(r.Metadata) || runs && refers(r.Properties)
}

// expect notes what an item that an update makes or changes is to await.
func (t *turn) expect(it *item) (reason string, err error) {
	await := t.waitOf
	if it.inPlace() {
		await = t.rollingWait
	}
	it.Wait, reason, err = await(it)
	return reason, err
}

// forget has the signals of an item that ends dropped, and those to a handle
// that goes.
func (t *turn) forget(it *item) {
	switch {
	case it.Wait != nil && it.Wait.Handle == nil && it.Wait.Until > 0:
		t.unheard = append(t.unheard, resourceSource(it.LogicalID, t.l.stack.Journal.First))
	case it.Type == waitHandleType && it.Status == DeleteInProgress:
		t.unheard = append(t.unheard, handle{LogicalID: it.LogicalID, Generation: it.Generation}.source())
	}
}

// listens begins the wait of an item that exists, if it awaits something, and
// reports whether it is not complete before that has come.
func (t *turn) listens(it *item) bool {
	w := it.Wait
	switch {
	case w == nil || t.l.stack.Journal.Phase == undoing:
		return false
	case w.Until > 0:
		return true
	case w.Simulated:
		for i := range min(w.Count, maxSignals) {
			if w.Handle == nil && it.Type != waitConditionType {
				t.tell(it, received(signalSuccess, t.instance(it, i)), false)
			}
		}
		return false
	}
	t.await(it)
	t.did = true
	return true
}

// await gives the item, or its next batch, the whole time to be signaled.
func (t *turn) await(it *item) {
	w := it.Wait
	w.Until = t.now.UnixMilli() + w.Timeout
	it.Due, it.Rule = w.Until, ""
	t.touch(it)
	if w.Batch > 0 {
		n := min(w.Batch, w.Count-len(w.Told))
		t.tell(it, fmt.Sprintf("New instance(s) added to autoscaling group - Waiting on %d resource signal(s) with a timeout of %s.", n, w.Words), false)
	}
}

// listening reports whether an item awaits signals now.
func (it *item) listening() bool { return it.Wait != nil && it.Wait.Until > 0 && it.inProgress() }

// instance is the id of the i-th instance that signals for an item.
func (t *turn) instance(it *item, i int) string {
	if it.Type != groupType {
		return it.Physical
	}
	return madeUp("AWS::EC2::Instance::Id", fmt.Sprintf("%s/%d/%d", it.Physical, it.Turn, i), t.l.stack.Region)
}

func received(status, uniqueID string) string {
	return fmt.Sprintf("Received %s signal with UniqueId %s", status, uniqueID)
}

// hear reads what the items that wait have been told, and ends those that
// need wait no longer.
func (t *turn) hear(ctx context.Context) error {
	var waiting []*item
	for _, it := range t.l.open {
		if it.listening() {
			waiting = append(waiting, it)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	heard := make([][]cue, len(waiting))
	err := t.s.db.View(ctx, func(tx *db.Tx) (err error) {
		for i, it := range waiting {
			stack, source := t.source(it)
			if heard[i], err = signalsOf(tx, stack, source); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, it := range waiting {
		switch {
		case it.Wait.Handle != nil:
			err = t.judgeCondition(it, heard[i])
		case it.Wait.Percent > 0:
			t.judgeGroup(it, heard[i])
		default:
			t.judge(it, heard[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// source is where the signals of an item that waits are kept.
func (t *turn) source(it *item) (stack, source string) {
	if h := it.Wait.Handle; h != nil {
		return h.Stack, h.source()
	}
	return t.l.stack.ID, resourceSource(it.LogicalID, t.l.stack.Journal.First)
}

// judgeCondition decides about a wait condition by what its handle was told.
func (t *turn) judgeCondition(it *item, heard []cue) error {
	w := it.Wait
	data := make(map[string]schema.Value, len(heard))
	for _, g := range heard {
		switch g.Status {
		case signalSuccess:
			data[g.UniqueID] = g.Data
		case signalFailure:
			t.end(it, it.failure(), fmt.Sprintf("WaitCondition received failed message: '%s' for uniqueId: %s", g.Reason, g.UniqueID))
			return nil
		default:
			t.end(it, it.failure(), "Unparsable WaitCondition data")
			return nil
		}
	}
	switch {
	case len(data) >= w.Count:
		text, err := dataOf(data)
		if err != nil {
			return err
		}
		it.model.Properties = maps.Clone(it.model.Properties)
		it.model.Properties["Data"] = text
		if err := t.keepRow(it); err != nil {
			return err
		}
		t.achieve(it)
	case t.now.UnixMilli() >= w.Until:
		t.end(it, it.failure(), fmt.Sprintf("WaitCondition timed out. Received %d conditions when expecting %d", len(data), w.Count))
	}
	return nil
}

// judge decides about a resource that fails with the first failure.
func (t *turn) judge(it *item, heard []cue) {
	w := it.Wait
	for _, g := range heard {
		if g.Status == signalFailure {
			t.end(it, it.failure(), received(signalFailure, g.UniqueID))
			return
		}
	}
	t.relate(it, heard)
	switch missing := w.Count - len(heard); {
	case missing <= 0:
		t.achieve(it)
	case t.now.UnixMilli() >= w.Until:
		t.end(it, it.failure(), fmt.Sprintf("Failed to receive %d resource signal(s) within the specified duration", missing))
	}
}

// judgeGroup decides about a group, of which some may fail. In a rolling
// update the time counts for each batch.
func (t *turn) judgeGroup(it *item, heard []cue) {
	w := it.Wait
	before := len(w.Told)
	t.relate(it, heard)
	successes, failures := 0, 0
	for _, g := range heard {
		if g.Status == signalSuccess {
			successes++
		} else {
			failures++
		}
	}
	needed := (w.Count*w.Percent + 99) / 100
	const unable = "Received %d %s signal(s) out of %d.  Unable to satisfy %d%% MinSuccessfulInstancesPercent requirement"
	switch {
	case failures > w.Count-needed:
		t.end(it, it.failure(), fmt.Sprintf(unable, failures, signalFailure, w.Count, w.Percent))
	case len(heard) >= w.Count:
		t.achieve(it)
	case t.now.UnixMilli() >= w.Until:
		if w.Batch > 0 {
			missing := w.Batch - len(heard)%w.Batch
			t.tell(it, fmt.Sprintf("Failed to receive %d resource signal(s) for the current batch.  Each resource signal timeout is counted as a FAILURE.", missing), false)
		}
		if successes >= needed {
			t.achieve(it)
			break
		}
		t.end(it, it.failure(), fmt.Sprintf(unable, successes, signalSuccess, w.Count, w.Percent))
	case w.Batch > 0 && len(heard)/w.Batch > before/w.Batch:
		t.await(it)
	}
}

// relate tells of the signals that no event has told of yet.
func (t *turn) relate(it *item, heard []cue) {
	for _, g := range heard {
		key := g.Status + " " + g.UniqueID
		if slices.Contains(it.Wait.Told, key) {
			continue
		}
		it.Wait.Told = append(it.Wait.Told, key)
		t.tell(it, received(g.Status, g.UniqueID), false)
	}
}

// whole reads a whole number of a policy; a reason says that it is none.
func whole(in map[string]schema.Value, name string, otherwise, most int) (n int, reason string) {
	if in[name] == nil {
		return otherwise, ""
	}
	n, err := strconv.Atoi(scalarText(in[name]))
	if err != nil || n < 0 || n > most {
		return 0, fmt.Sprintf("%s must be a whole number from 0 to %d", name, most)
	}
	return n, ""
}

// timeoutOf reads a duration of a policy, in milliseconds.
func timeoutOf(in map[string]schema.Value, name, otherwise string) (ms int64, words, reason string) {
	words = otherwise
	if in[name] != nil {
		words = scalarText(in[name])
	}
	d, ok := parseDuration(words)
	if !ok || d > maxSignalTimeout {
		return 0, "", fmt.Sprintf("%s must be an ISO 8601 duration of at most 12 hours, such as PT15M", name)
	}
	return d.Milliseconds(), words, ""
}

var duration = regexp.MustCompile(`^PT(?:([0-9]{1,4})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})S)?$`)

// parseDuration reads the part of ISO 8601 that policies use: PT1H30M10S.
func parseDuration(text string) (d time.Duration, ok bool) {
	parts := duration.FindStringSubmatch(text)
	if parts == nil || text == "PT" {
		return 0, false
	}
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(parts[i+1]) // digits, or nothing
		d += time.Duration(n) * unit
	}
	return d, true
}

// scalarText is the text of a string, number or boolean; "" of what is none.
func scalarText(v schema.Value) string {
	text, _, _ := plain(v)
	return text
}

// dataOf is what Fn::GetAtt gives for the Data of a wait condition: an object
// of what each signal brought, as text.
func dataOf(data map[string]schema.Value) (string, error) {
	text, err := resource.EncodeProperties(data)
	return string(text), err
}
