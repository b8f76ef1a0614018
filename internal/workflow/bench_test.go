package workflow_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"larder/internal/db"
	"larder/internal/db/dbtest"
	"larder/internal/workflow"
)

// A run of three steps, from the request that starts it to its end, on a
// durable embedded database and on PostgreSQL: one after another, and many at
// once.
func BenchmarkRun(b *testing.B) {
	durable := func(b *testing.B) *db.DB {
		d, err := db.Open(context.Background(), db.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = d.Close() })
		return d
	}
	for name, open := range map[string]func(b *testing.B) *db.DB{
		"sqlite":   durable,
		"postgres": func(b *testing.B) *db.DB { return dbtest.Postgres(b) },
	} {
		for _, clients := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/clients=%d", name, clients), func(b *testing.B) {
				benchmarkRun(b, open(b), clients)
			})
		}
	}
}

func benchmarkRun(b *testing.B, d *db.DB, clients int) {
	ended := sync.Map{} // run → chan
	r := workflow.New(d, workflow.Options{})
	step := func(context.Context, workflow.Beat) (workflow.Verdict, error) { return workflow.Next(), nil }
	last := func(_ context.Context, beat workflow.Beat) (workflow.Verdict, error) {
		return workflow.End().Write(func(tx *db.Tx) error {
			tx.OnCommit(func() {
				done, _ := ended.LoadAndDelete(beat.Run)
				close(done.(chan struct{}))
			})
			return nil
		}), nil
	}
	r.Register(workflow.Definition{Name: "bench/v1", Steps: []workflow.Step{
		{Name: "one", Beat: step}, {Name: "two", Beat: step}, {Name: "three", Beat: last},
	}})
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- r.Run(ctx) }()
	if err := r.Idle(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var count atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				n := count.Add(1)
				if n > int64(b.N) {
					return
				}
				id := fmt.Sprintf("run-%010d", n*7919%1_000_003)
				done := make(chan struct{})
				ended.Store(id, done)
				err := d.Update(ctx, func(tx *db.Tx) error {
					return r.Start(tx, workflow.Begin{ID: id, Definition: "bench/v1", Subject: "rec-x", Account: "000000000000", Region: "us-east-1"})
				})
				if err != nil {
					b.Error(err)
					return
				}
				<-done
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	stop()
	if err := <-over; err != nil {
		b.Error(err)
	}
}
