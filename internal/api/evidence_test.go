package api

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"larder/internal/evidencetest"
)

// onTheWire turns what the AWS CLI shows back into what AWS sent, as the CLI
// writes some times as text. And it settles where AWS is of two minds, as its
// answers tell "" and absent apart by what was once given: we always leave out
// an artifact's empty description, and always send a product's empty texts.
func onTheWire(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			value[name] = onTheWire(member)
		}
		if _, isArtifact := value["Guidance"]; isArtifact && value["Description"] == "" {
			delete(value, "Description")
		}
		if _, isSummary := value["HasDefaultPath"]; isSummary {
			for _, name := range []string{"Distributor", "SupportDescription", "SupportEmail", "SupportUrl"} {
				if _, given := value[name]; !given {
					value[name] = ""
				}
			}
		}
	case []any:
		for i := range value {
			value[i] = onTheWire(value[i])
		}
	case string:
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return json.Number(appendTimestamp(nil, at))
		}
	}
	return value
}

// What AWS answered is answered again to the letter: the same members, the
// same empty ones, the same numbers.
func TestAnswersOfAWS(t *testing.T) {
	t.Parallel()
	recorded := evidencetest.JSON[[]struct {
		Operation string
		Output    json.RawMessage
	}](t, "cli-outputs.json")
	byName := map[string]Op{}
	for _, op := range Ops() {
		byName[strings.ToLower(op.String())] = op
	}
	var matched atomic.Int64
	t.Cleanup(func() {
		t.Logf("evidence: Service Catalog's answers, decoded and encoded again: %d of %d", matched.Load(), len(recorded))
	})
	for _, r := range recorded {
		t.Run(r.Operation, func(t *testing.T) {
			t.Parallel()
			op, ok := byName[strings.ReplaceAll(r.Operation, "-", "")]
			if !ok {
				t.Fatal("there is no such operation")
			}
			want := onTheWire(parse(t, r.Output))
			out, err := DecodeOutput(op, r.Output)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, parse(t, AppendOutput(nil, op, out))); diff != "" {
				t.Errorf("answered otherwise (-AWS +Larder):\n%s", diff)
				return
			}
			matched.Add(1)
		})
	}
}
