package stackset_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"larder/internal/cfn/stack"
	"larder/internal/cfn/stackset"
	"larder/internal/db"
	"larder/internal/seal"
	"larder/internal/workflow"
)

const three = `{"Resources": {
	"Topic": {"Type": "AWS::SNS::Topic"},
	"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 300}},
	"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Queue"}}}}}`

// wide are targets in a hundred accounts, or fewer, and as many regions as it
// takes.
func wide(instances int) stackset.Targets {
	var t stackset.Targets
	accounts := min(100, instances)
	for i := range accounts {
		t.Accounts = append(t.Accounts, fmt.Sprintf("%012d", 100_000_000_000+i))
	}
	for i := range instances / accounts {
		t.Regions = append(t.Regions, fmt.Sprintf("larder-east-%d", i+1))
	}
	return t
}

// BenchmarkRollOut measures an operation from the request to its end, with
// every instance, result, resource and event durably kept. The peak is that
// of the Go heap, looked at a hundred times a second.
func BenchmarkRollOut(b *testing.B) {
	for _, c := range []struct {
		name        string
		instances   int
		preferences stackset.Preferences
	}{
		{"1000", 1000, stackset.Preferences{ConcurrencyPercentage: new(100)}},
		{"10000", 10_000, stackset.Preferences{ConcurrencyPercentage: new(100)}},
		{"10000 one at a time", 10_000, stackset.Preferences{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				h := newBench(b)
				_, err := h.CreateSet(b.Context(), stackset.SetInput{Account: admin, Region: home, Content: stackset.Content{
					Name: "set-a", Template: []byte(three),
				}})
				if err != nil {
					b.Fatal(err)
				}
				peak := watch()
				b.StartTimer()
				id, err := h.CreateInstances(b.Context(), stackset.InstancesInput{
					Account: admin, Region: home, Set: "set-a", Targets: wide(c.instances), Preferences: c.preferences,
				})
				if err != nil {
					b.Fatal(err)
				}
				if err := h.runner.Idle(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				op, err := h.Operation(b.Context(), admin, home, "set-a", id)
				if err != nil || op.Status != stackset.Succeeded {
					b.Fatal(op, err)
				}
				b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
				h.close()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(c.instances), "µs/instance")
		})
	}
}

// bench is a store on disk with full durability.
type bench struct {
	*stackset.Sets
	runner *workflow.Runner
	close  func()
}

func newBench(b *testing.B) bench {
	d, err := db.Open(b.Context(), db.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	runner, keys := workflow.New(d, workflow.Options{}), seal.Ephemeral()
	stacks := stack.New(stack.Options{DB: d, Runner: runner, Keys: keys})
	sets := stackset.New(stackset.Options{DB: d, Runner: runner, Keys: keys, Stacks: stacks})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	return bench{sets, runner, func() {
		stop()
		if err := errors.Join(<-ended, d.Close()); err != nil && !strings.Contains(err.Error(), "canceled") {
			b.Error(err)
		}
	}}
}

// watch looks at the memory that the process has from the system until the
// returned function is called, which tells the most that was in use.
func watch() (peak func() uint64) {
	stop, over := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
			case <-stop:
				over <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-over
	}
}
