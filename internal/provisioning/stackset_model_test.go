package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"larder/internal/api"
	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
	"larder/internal/workflow/workflowtest"
)

// The model: what a product that is a stack set comes to, act by act, whatever
// is asked for, fails, and is killed. How a set goes about its instances, step
// by step, is the model of its own room.

// A fleetScript is what is asked of one product.
type fleetScript struct {
	Accounts, Regions []string // of the constraint
	Control           bool
	Fates             []map[fleetPlace]string // by the value of the parameter Fate
	Acts              []fleetAct
	Kills             map[int]string // beats at which the server is killed: begun, decided, recorded
}

type fleetPlace struct{ account, region string }

// A fleetAct is one call.
type fleetAct struct {
	Does              string   // launch, UPDATE, CREATE, DELETE or terminate
	Accounts, Regions []string // nil: not named
	Fate              int      // of a launch or an UPDATE; -1 keeps the value
	Count, Percentage *int     // tolerance
	All               bool     // at once, where nothing can fail
	Ignore, Retain    bool     // of a termination
}

var (
	fleetAccounts = []string{"111111111111", "222222222222", "333333333333"}
	fleetRegions  = []string{"eu-west-1", "us-east-1", "us-west-2"}
)

func fleetScripts() *rapid.Generator[fleetScript] {
	some := func(t *rapid.T, of []string) []string {
		return rapid.Permutation(of).Draw(t, "some")[:rapid.IntRange(1, len(of)).Draw(t, "number")]
	}
	return rapid.Custom(func(t *rapid.T) fleetScript {
		s := fleetScript{
			Accounts: some(t, fleetAccounts), Regions: some(t, fleetRegions),
			Control: rapid.IntRange(0, 3).Draw(t, "control") > 0, Kills: map[int]string{},
		}
		for range 3 {
			fates := map[fleetPlace]string{}
			for _, a := range fleetAccounts {
				for _, r := range fleetRegions {
					fates[fleetPlace{a, r}] = rapid.SampledFrom([]string{"fine", "fine", "fine", "fine", "fails", "sticks"}).Draw(t, "fate")
				}
			}
			s.Fates = append(s.Fates, fates)
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "acts") {
			a := fleetAct{Does: "launch", Fate: rapid.IntRange(0, 2).Draw(t, "fate")}
			if i > 0 {
				a.Does = rapid.SampledFrom([]string{"UPDATE", "UPDATE", "UPDATE", "CREATE", "DELETE", "terminate"}).Draw(t, "does")
				a.Fate = rapid.IntRange(-1, 2).Draw(t, "fate")
			}
			from := func(constraint, all []string) []string {
				switch rapid.IntRange(0, 7).Draw(t, "names") {
				case 0, 1, 2:
					return some(t, constraint)
				case 3:
					return some(t, all) // perhaps outside
				}
				return nil
			}
			a.Accounts, a.Regions = from(s.Accounts, fleetAccounts), from(s.Regions, fleetRegions)
			switch rapid.IntRange(0, 2).Draw(t, "tolerance") {
			case 1:
				a.Count = new(rapid.IntRange(0, 3).Draw(t, "count"))
			case 2:
				a.Percentage = new(rapid.SampledFrom([]int{0, 33, 34, 66, 67, 100}).Draw(t, "percentage"))
			}
			a.All = rapid.Bool().Draw(t, "all")
			if a.Does == "terminate" {
				a.Ignore, a.Retain = rapid.IntRange(0, 3).Draw(t, "ignore") == 0, rapid.IntRange(0, 3).Draw(t, "retain") == 0
			}
			s.Acts = append(s.Acts, a)
		}
		for range rapid.IntRange(0, 4).Draw(t, "kills") {
			s.Kills[rapid.IntRange(0, 200).Draw(t, "kill")] = rapid.SampledFrom([]string{"begun", "decided", "recorded"}).Draw(t, "at")
		}
		return s
	})
}

// template is one version whose stacks have the fate that the parameter names.
func (s *fleetScript) template() string {
	var b strings.Builder
	b.WriteString("Parameters:\n  Fate: {Type: String, Default: F0}\nMappings:\n")
	for i, fates := range s.Fates {
		fmt.Fprintf(&b, "  F%d:\n", i)
		for _, r := range fleetRegions {
			fmt.Fprintf(&b, "    %s: {", r)
			for k, a := range fleetAccounts {
				fmt.Fprintf(&b, "%s'%s': %s", []string{"", ", "}[min(k, 1)], a, fates[fleetPlace{a, r}])
			}
			b.WriteString("}\n")
		}
	}
	b.WriteString(`Conditions:
  Fails: !Equals [!FindInMap [!Ref Fate, !Ref 'AWS::Region', !Ref 'AWS::AccountId'], fails]
  Sticks: !Equals [!FindInMap [!Ref Fate, !Ref 'AWS::Region', !Ref 'AWS::AccountId'], sticks]
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Ref Fate}}
  Unlucky: {Type: 'AWS::SQS::Queue', Condition: Fails}
  Sticky: {Type: 'AWS::SQS::Queue', Condition: Sticks}
`)
	return b.String()
}

func (s *fleetScript) constraint() string {
	text, _ := json.Marshal(map[string]any{"Version": "1.0", "Properties": map[string]any{
		"AccountList": s.Accounts, "RegionList": s.Regions, "AdminRole": "arn:aws:iam::123456789012:role/admin", "ExecutionRole": "exec",
		"StackInstanceControl": map[bool]string{true: "ALLOWED", false: "NOT_ALLOWED"}[s.Control],
	}})
	return string(text)
}

// TestAnyFleet plays any script on the embedded database.
func TestAnyFleet(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := fleetScripts().Draw(rt, "script")
		if err := s.play(t, d); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSomeFleets plays some, always the same ones, on the other database.
func TestSomeFleets(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	n := 10
	if testing.Short() {
		n = 2
	}
	for seed := range n {
		s := fleetScripts().Example(seed)
		if err := s.play(t, d); err != nil {
			t.Fatalf("script %d %+v: %v", seed, s, err)
		}
	}
}

func (s *fleetScript) play(t *testing.T, d *db.DB) error {
	templates := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, s.template()) }))
	defer templates.Close()
	var f *fleet
	_, _, err := workflowtest.Carry(t, d, func(_ testing.TB, e workflowtest.Env) workflowtest.World {
		var world workflowtest.World
		f, world = newFleet(t, s, e, templates)
		return world
	}, func(n int, p workflow.Point, _ workflow.Beat) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.kills[n] == p.String() {
			delete(f.kills, n)
			return workflow.ErrCrash
		}
		return nil
	})
	return errors.Join(f.fault, err)
}

// A fleet is what the specification knows of the product.
type fleet struct {
	*world
	script *fleetScript

	mu    sync.Mutex
	kills map[int]string

	status api.ProvisionedProductStatus
	fate   int // that the set has
	places map[fleetPlace]*fleetInstance
	done   int   // acts that are over
	fault  error // the first that the specification does not allow
}

// A fleetInstance is a stack instance.
type fleetInstance struct {
	status string // CURRENT, OUTDATED or INOPERABLE
	stack  string // "", whole, dead or stuck
	sticky bool   // it has had what cannot be deleted
}

func newFleet(t *testing.T, s *fleetScript, e workflowtest.Env, templates *httptest.Server) (*fleet, workflowtest.World) {
	life := &spreadLife{}
	world := spreadWorld(t, e, templates, life, s.constraint())
	f := &fleet{world: life.world, script: s, kills: map[int]string{}, places: map[fleetPlace]*fleetInstance{}}
	for n, at := range s.Kills {
		f.kills[n] = at
	}
	life.play = f.beat
	world.Dump = func(context.Context) (string, error) { return "", nil }
	return f, world
}

// beat plays the script: it asks for one act after the other, waits for its
// end, and holds what has come of it against the model.
func (f *fleet) beat(_ context.Context, b workflow.Beat) (workflow.Verdict, error) {
	var s stage
	if b.State != nil {
		if err := json.Unmarshal(b.State, &s); err != nil {
			return workflow.Verdict{}, err
		}
	}
	if s.Act == len(f.script.Acts) || f.failed() {
		return workflow.End(), nil
	}
	next := func(s stage) (workflow.Verdict, error) {
		return workflow.Again(time.Minute).Keep([]byte(stored(s))), nil
	}
	a := f.script.Acts[s.Act]
	over := f.done > s.Act // it was judged before the server died
	if s.Record == "" {
		record, err := f.ask(s.Act, a)
		switch {
		case over:
			return next(stage{Act: s.Act + 1})
		case api.Code(err) == "ResourceNotFoundException" && a.Does == "terminate" && f.status != gone:
			// The termination was over before the server died: only its record tells.
			history, err := f.client.ListRecordHistory(as(admin), &api.ListRecordHistoryInput{PageSize: new(1)})
			if err != nil {
				return workflow.Verdict{}, err
			}
			return next(stage{Act: s.Act, Record: history.RecordDetails[0].RecordId})
		case err != nil && api.Code(err) == "":
			return workflow.Verdict{}, err
		case err != nil:
			f.refused(a, err)
			f.done = s.Act + 1
			return next(stage{Act: s.Act + 1})
		}
		return next(stage{Act: s.Act, Record: record.RecordId})
	}
	out, err := f.client.DescribeRecord(as(admin), &api.DescribeRecordInput{Id: s.Record})
	if err != nil {
		return workflow.Verdict{}, err
	}
	switch out.RecordDetail.Status {
	case api.RecordStatusSucceeded, api.RecordStatusFailed:
	default:
		return next(s)
	}
	if !over {
		f.judge(a, out)
		f.done = s.Act + 1
	}
	return next(stage{Act: s.Act + 1})
}

// ask makes the call of an act; repeated, it is the same.
func (f *fleet) ask(i int, a fleetAct) (*api.RecordDetail, error) {
	ctx, name, token := as(admin), "fleet", fmt.Sprintf("act-%d", i)
	fate := fmt.Sprintf("F%d", a.Fate)
	preferences := api.UpdateProvisioningPreferences{
		StackSetAccounts: a.Accounts, StackSetRegions: a.Regions,
		StackSetFailureToleranceCount: a.Count, StackSetFailureTolerancePercentage: a.Percentage,
	}
	if a.All && f.script.calm() {
		preferences.StackSetMaxConcurrencyPercentage = new(100)
	}
	switch a.Does {
	case "launch":
		in := f.launch(name)
		in.ProvisioningParameters = []api.ProvisioningParameter{{Key: new("Fate"), Value: &fate}}
		in.ProvisioningPreferences = &api.ProvisioningPreferences{
			StackSetAccounts: preferences.StackSetAccounts, StackSetRegions: preferences.StackSetRegions,
			StackSetFailureToleranceCount: a.Count, StackSetFailureTolerancePercentage: a.Percentage,
			StackSetMaxConcurrencyPercentage: preferences.StackSetMaxConcurrencyPercentage,
		}
		out, err := f.client.ProvisionProduct(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	case "terminate":
		out, err := f.client.TerminateProvisionedProduct(ctx, &api.TerminateProvisionedProductInput{
			ProvisionedProductName: &name, TerminateToken: token, IgnoreErrors: &a.Ignore, RetainPhysicalResources: &a.Retain,
		})
		if err != nil {
			return nil, err
		}
		return out.RecordDetail, nil
	}
	preferences.StackSetOperationType = new(api.StackSetOperationType(a.Does))
	in := &api.UpdateProvisionedProductInput{ProvisionedProductName: &name, UpdateToken: token, ProvisioningPreferences: &preferences}
	in.ProvisioningParameters = []api.UpdateProvisioningParameter{{Key: new("Fate"), Value: &fate}}
	if a.Fate < 0 {
		in.ProvisioningParameters[0] = api.UpdateProvisioningParameter{Key: new("Fate"), UsePreviousValue: new(true)}
	}
	out, err := f.client.UpdateProvisionedProduct(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.RecordDetail, nil
}

// calm reports whether nothing can fail in the script, so that it does not
// matter what is under way at the same time.
func (s *fleetScript) calm() bool {
	for _, fates := range s.Fates {
		for _, fate := range fates {
			if fate != "fine" {
				return false
			}
		}
	}
	return true
}

func (f *fleet) failed() bool { return f.fault != nil }

func (f *fleet) forbid(format string, args ...any) {
	if f.fault == nil {
		f.fault = fmt.Errorf("act %d %+v: "+format, append([]any{f.done, f.script.Acts[f.done]}, args...)...)
	}
}

// allowed reports whether the call of an act is accepted.
func (f *fleet) allowed(a fleetAct) bool {
	standing := f.status == api.ProvisionedProductStatusAvailable || f.status == api.ProvisionedProductStatusTainted
	inside := !slices.ContainsFunc(a.Accounts, func(v string) bool { return !slices.Contains(f.script.Accounts, v) }) &&
		!slices.ContainsFunc(a.Regions, func(v string) bool { return !slices.Contains(f.script.Regions, v) })
	switch a.Does {
	case "launch":
		return inside
	case "terminate":
		return f.status != gone
	case "UPDATE":
		return standing && inside
	default:
		return standing && inside && f.script.Control
	}
}

func (f *fleet) refused(a fleetAct, err error) {
	want := "InvalidParametersException"
	if f.status == gone && a.Does != "launch" {
		want = "ResourceNotFoundException"
	}
	if f.allowed(a) || api.Code(err) != want {
		f.forbid("refused in %q: %v", f.status, err)
	}
}

// judge holds what an act has come to against what the model foresees.
func (f *fleet) judge(a fleetAct, out *api.DescribeRecordOutput) {
	if !f.allowed(a) {
		f.forbid("accepted in %q", f.status)
		return
	}
	failures, whole := f.foresee(a)
	r := out.RecordDetail
	want := api.RecordStatusSucceeded
	if !whole && !a.Ignore {
		want = api.RecordStatusFailed
	}
	if r.Status != want || r.ProvisionedProductType != typeStackSet {
		f.forbid("record %+v, want %s", r, want)
	}
	told := slices.DeleteFunc(r.RecordErrors, func(e api.RecordError) bool { return e.Code == codeRemedy })
	if whole && len(told) != 0 || !whole && len(told) != 1+failures {
		f.forbid("%d errors for %d failures: %+v", len(told), failures, told)
	}
	if makes := a.Does != "terminate"; makes != (len(out.RecordOutputs) == 1) {
		f.forbid("outputs %+v", out.RecordOutputs)
	}
	pp, err := f.client.DescribeProvisionedProduct(as(admin), &api.DescribeProvisionedProductInput{Name: new("fleet")})
	if f.status == gone {
		if api.Code(err) != "ResourceNotFoundException" {
			f.forbid("it is not gone: %+v, %v", pp, err)
		}
		f.places = map[fleetPlace]*fleetInstance{}
		return
	}
	if err != nil || pp.ProvisionedProductDetail.Status != f.status {
		f.forbid("product %+v, %v, want %s", pp, err, f.status)
		return
	}
	var lines []string
	for _, account := range fleetAccounts {
		for _, region := range fleetRegions {
			if i := f.places[fleetPlace{account, region}]; i != nil {
				lines = append(lines, fmt.Sprintf("%s %s %s", account[:3], region, i.status))
			}
		}
	}
	if got := f.instances("fleet"); got != strings.Join(lines, "\n") {
		f.forbid("instances\n%s\nwant\n%s", got, strings.Join(lines, "\n"))
	}
}

// foresee takes the model through an act, and tells how many places fail and
// whether all that was asked for is done.
func (f *fleet) foresee(a fleetAct) (failures int, whole bool) {
	accounts, regions := a.Accounts, a.Regions
	if accounts == nil {
		accounts = f.script.Accounts
	}
	if regions == nil {
		regions = f.script.Regions
	}
	tainted := func(whole bool) {
		f.status = api.ProvisionedProductStatusAvailable
		if !whole {
			f.status = api.ProvisionedProductStatusTainted
		}
	}
	switch a.Does {
	case "launch":
		f.fate = a.Fate
		failures, whole = f.roll(a, accounts, regions, f.enlist(accounts, regions), f.bring)
		tainted(whole)
		if !slices.ContainsFunc(f.every(), func(i *fleetInstance) bool { return i.status == "CURRENT" }) {
			f.status = api.ProvisionedProductStatusError
		}
	case "UPDATE":
		chosen := a.Accounts != nil && a.Regions != nil
		if chosen && len(f.present(accounts, regions)) < len(accounts)*len(regions) {
			tainted(false)
			return 0, false
		}
		if a.Fate >= 0 && a.Fate != f.fate {
			f.fate = a.Fate
			for _, i := range f.every() {
				if i.status == "CURRENT" {
					i.status = "OUTDATED"
				}
			}
		}
		concerned := f.present(accounts, regions)
		if !chosen {
			concerned = slices.DeleteFunc(concerned, func(at fleetPlace) bool { return f.places[at].status == "INOPERABLE" })
		}
		failures, whole = f.roll(a, accounts, regions, concerned, f.bring)
		tainted(whole)
	case "CREATE":
		failures, whole = f.roll(a, accounts, regions, f.enlist(accounts, regions), f.bring)
		tainted(whole)
	case "DELETE":
		failures, whole = f.roll(a, accounts, regions, f.present(accounts, regions), f.remove)
		tainted(whole)
	default:
		f.status = gone
		if a.Retain {
			return 0, true
		}
		a.Count, a.Percentage = new(len(f.places)), nil
		failures, whole = f.roll(a, fleetAccounts, fleetRegions, f.present(fleetAccounts, fleetRegions), f.remove)
		if !whole && !a.Ignore {
			tainted(false)
		}
	}
	return failures, whole
}

func (f *fleet) every() (all []*fleetInstance) {
	for _, i := range f.places {
		all = append(all, i)
	}
	return all
}

// present are the places that have an instance.
func (f *fleet) present(accounts, regions []string) (at []fleetPlace) {
	for _, a := range accounts {
		for _, r := range regions {
			if f.places[fleetPlace{a, r}] != nil {
				at = append(at, fleetPlace{a, r})
			}
		}
	}
	return at
}

// enlist makes the instances that there are not.
func (f *fleet) enlist(accounts, regions []string) []fleetPlace {
	for _, a := range accounts {
		for _, r := range regions {
			if f.places[fleetPlace{a, r}] == nil {
				f.places[fleetPlace{a, r}] = &fleetInstance{status: "OUTDATED"}
			}
		}
	}
	return f.present(accounts, regions)
}

// roll goes through places, region by region and by account within one, until
// more fails in a region than may.
func (f *fleet) roll(a fleetAct, accounts, regions []string, concerned []fleetPlace, step func(fleetPlace) bool) (failures int, whole bool) {
	whole = true
	for _, region := range regions {
		in := slices.DeleteFunc(slices.Clone(concerned), func(at fleetPlace) bool { return at.region != region })
		slices.SortFunc(in, func(a, b fleetPlace) int { return strings.Compare(a.account, b.account) })
		tolerance := 0
		switch {
		case a.Count != nil:
			tolerance = *a.Count
		case a.Percentage != nil:
			tolerance = len(in) * *a.Percentage / 100
		}
		failed := 0
		for n, at := range in {
			if !step(at) {
				failed, failures, whole = failed+1, failures+1, false
			}
			if failed > tolerance && (n < len(in)-1 || region != regions[len(regions)-1]) {
				return failures, false
			}
		}
	}
	return failures, whole
}

// bring brings an instance up to the set.
func (f *fleet) bring(at fleetPlace) bool {
	i, fate := f.places[at], f.script.Fates[f.fate][at]
	switch {
	case i.status == "CURRENT":
		return true
	case i.status == "INOPERABLE":
		return false
	case fate == "fails":
		if i.stack != "whole" {
			i.stack = "dead"
		}
		return false
	}
	i.sticky = i.stack == "whole" && i.sticky || fate == "sticks"
	i.status, i.stack = "CURRENT", "whole"
	return true
}

// remove takes an instance away.
func (f *fleet) remove(at fleetPlace) bool {
	i := f.places[at]
	if i.stack == "stuck" || i.stack == "whole" && i.sticky {
		i.status, i.stack = "INOPERABLE", "stuck"
		return false
	}
	delete(f.places, at)
	return true
}
