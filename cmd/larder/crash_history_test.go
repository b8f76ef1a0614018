package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"larder/internal/api"
)

// A deed is what one entry of a history does to the product of a name.
type deed string

// The deeds. All but ended and planned are requests; those two the server does
// by itself, at some time between the request and whoever saw them first.
const (
	looks     deed = "describe"
	launches  deed = "launch"
	updates   deed = "update"
	ends      deed = "terminate"
	plans     deed = "plan"
	executes  deed = "execute"
	discards  deed = "delete plan"
	recordEnd deed = "record ends"
	planEnd   deed = "plan ends"
)

// A verdict is how a request was answered.
type verdict string

const (
	granted verdict = "done"
	refused verdict = "refused"
	missing verdict = "not found"
)

// asked is a deed's input.
type asked struct {
	deed deed
	name string // of the product
	of   string // the id of the product, plan or record that it is about
	lost bool   // an answer was lost to a kill, and it was asked again
}

// answer is its output.
type answer struct {
	verdict               verdict
	product, record, plan string
	status                string
	good                  string // the last record that made the product what it is
}

// A spec is what a name stands for, by the rules of docs/lifecycle.md, as far
// as clients can tell.
type spec struct {
	product string // its id; "" if there is none
	status  api.ProvisionedProductStatus
	last    string // its newest record
	open    string // the record under way; anyRecord if its answer was lost
	doing   deed   // what that record does
	plan    string
	phase   phase
	base    string // the newest record when the plan was made
	good    string // the last record that made the product what it is
}

// anyRecord is the record of a termination whose answer nobody got.
const anyRecord = "?"

// A phase is where a plan stands.
type phase string

const (
	phaseMaking    phase = "making"
	phaseReady     phase = "ready"
	phaseFailed    phase = "failed"
	phaseExecuting phase = "executing"
	phaseExecuted  phase = "executed"
)

// stable reports whether the product may be updated or planned for.
func (s spec) stable() bool {
	return s.status == api.ProvisionedProductStatusAvailable || s.status == api.ProvisionedProductStatusTainted
}

// executable reports whether the plan may be executed.
func (s spec) executable() bool {
	return s.phase == phaseReady && s.base == s.last && (s.stable() || s.status == api.ProvisionedProductStatusPlanInProgress)
}

// after returns what a name may stand for after a deed was answered so; none
// if that answer is not to be had.
func (s spec) after(in asked, out answer) []spec {
	if in.lost && out.verdict == missing {
		return append(s.answered(in, out), s.unheard(in)...)
	}
	return s.answered(in, out)
}

// unheard is what a request leaves behind whose first answer was lost, and
// which finds nothing when it is asked again: it may have removed it.
func (s spec) unheard(in asked) []spec {
	switch {
	case in.deed == ends && s.product == in.of && s.terminable():
		return s.begun(ends, anyRecord)
	case in.deed == discards && s.plan == in.of && s.phase != phaseExecuting:
		return s.discarded()
	}
	return nil
}

func (s spec) terminable() bool {
	return s.stable() || s.status == api.ProvisionedProductStatusError
}

// answered is after without lost answers.
func (s spec) answered(in asked, out answer) []spec {
	only := func(is bool) []spec { // nothing changes
		if is {
			return []spec{s}
		}
		return nil
	}
	exists, planned := s.product != "", s.plan == in.of
	switch in.deed {
	case looks:
		if out.verdict == missing {
			return only(!exists)
		}
		return only(s.product == out.product && string(s.status) == out.status && s.good == out.good && (s.last == out.record || s.open == anyRecord))
	case launches:
		if out.verdict == refused {
			return only(exists)
		}
		if !exists {
			return spec{product: out.product}.begun(launches, out.record)
		}
	case updates:
		switch {
		case out.verdict == missing:
			return only(!exists)
		case out.verdict == refused:
			return only(exists && !s.stable())
		case s.stable() && s.product == out.product:
			return s.begun(updates, out.record)
		}
	case ends:
		switch {
		case out.verdict == missing:
			return only(s.product != in.of)
		case out.verdict == refused:
			return only(s.product == in.of && !s.terminable())
		case s.terminable() && s.product == in.of:
			return s.begun(ends, out.record)
		}
	case plans:
		able := !exists || s.stable() && s.plan == ""
		if out.verdict == refused {
			return only(!able)
		}
		if able && (!exists || s.product == out.product) {
			s.plan, s.phase, s.base = out.plan, phaseMaking, s.last
			if !exists {
				s.product, s.status = out.product, api.ProvisionedProductStatusPlanInProgress
			}
			return []spec{s}
		}
	case executes:
		switch {
		case out.verdict == missing:
			return only(!planned)
		case out.verdict == refused:
			return only(planned && !s.executable())
		case planned && s.executable():
			s.phase = phaseExecuting
			act := updates
			if s.status == api.ProvisionedProductStatusPlanInProgress {
				act = launches
			}
			return s.begun(act, out.record)
		}
	case discards:
		switch {
		case out.verdict == missing:
			return only(!planned)
		case out.verdict == refused:
			return only(planned && s.phase == phaseExecuting)
		case planned && s.phase != phaseExecuting:
			return s.discarded()
		}
	case planEnd:
		if planned && s.phase == phaseMaking {
			s.phase = phaseReady
			if out.status != string(api.ProvisionedProductPlanStatusCreateSuccess) {
				s.phase = phaseFailed
			}
			return []spec{s}
		}
	case recordEnd:
		if s.open == in.of || s.open == anyRecord && s.doing == ends {
			return s.ended(in.of, out.status == string(api.RecordStatusSucceeded))
		}
	}
	return nil
}

// begun is the product with a record under way.
func (s spec) begun(act deed, record string) []spec {
	s.status, s.doing = api.ProvisionedProductStatusUnderChange, act
	s.open, s.last = record, record
	return []spec{s}
}

// ended is the product after its record has ended.
func (s spec) ended(record string, well bool) []spec {
	switch {
	case well && s.doing == ends:
		return []spec{{}}
	case well:
		s.status, s.good = api.ProvisionedProductStatusAvailable, record
	case s.doing == launches:
		s.status = api.ProvisionedProductStatusError
	default:
		s.status = api.ProvisionedProductStatusTainted
	}
	s.open, s.doing = "", ""
	if s.phase == phaseExecuting {
		s.phase = phaseExecuted
	}
	return []spec{s}
}

// discarded is the product without its plan, which is all that there is of
// one that was never launched.
func (s spec) discarded() []spec {
	if s.status == api.ProvisionedProductStatusPlanInProgress {
		return []spec{{}}
	}
	s.plan, s.phase, s.base = "", "", ""
	return []spec{s}
}

// namesModel is the specification that histories are held to, name by name.
func namesModel() porcupine.Model {
	of := func(states []spec) []any {
		all := make([]any, len(states))
		for i, s := range states {
			all[i] = s
		}
		return all
	}
	m := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			var names []string
			by := map[string][]porcupine.Operation{}
			for _, op := range history {
				name := op.Input.(asked).name
				if by[name] == nil {
					names = append(names, name)
				}
				by[name] = append(by[name], op)
			}
			parts := make([][]porcupine.Operation, len(names))
			for i, name := range names {
				parts[i] = by[name]
			}
			return parts
		},
		Init: func() []any { return []any{spec{}} },
		Step: func(state, input, output any) []any { return of(state.(spec).after(input.(asked), output.(answer))) },
		DescribeOperation: func(input, output any) string {
			in, out := input.(asked), output.(answer)
			text := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s: %s %s %s %s %s", in.deed, in.name, in.of, out.verdict, out.product, out.record, out.plan, out.status)), " ")
			if in.lost {
				text += " (asked again)"
			}
			return text
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
	return m.ToModel()
}

// judgeTime bounds how long the history of one name is judged. It is done in
// milliseconds, unless it is wrong.
const judgeTime = 20 * time.Second

// judge fails the test for every name whose history no order of its deeds
// explains, and tells the history: * marks what the longest explanation of its
// beginning leaves out.
func judge(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	model := namesModel()
	for _, part := range model.Partition(history) {
		result, info := porcupine.CheckOperationsVerbose(model, part, judgeTime)
		if result == porcupine.Ok {
			continue
		}
		explained := map[string]bool{}
		line := func(op porcupine.Operation) string {
			return fmt.Sprintf("%9.3f to %9.3f ms  %s", float64(op.Call)/1e6, float64(op.Return)/1e6, model.DescribeOperation(op.Input, op.Output))
		}
		var longest []porcupine.Operation
		for _, explanation := range info.PartialLinearizationsOperations()[0] {
			if len(explanation) > len(longest) {
				longest = explanation
			}
		}
		for _, op := range longest {
			explained[line(op)] = true
		}
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		var text strings.Builder
		for _, op := range part {
			mark := " "
			if !explained[line(op)] {
				mark = "*"
			}
			fmt.Fprintf(&text, "%s %s\n", mark, line(op))
		}
		verdict := "is not linearizable"
		if result == porcupine.Unknown {
			verdict = "was not judged in time"
		}
		t.Errorf("the history of %s %s:\n%s", part[0].Input.(asked).name, verdict, text.String())
	}
}
