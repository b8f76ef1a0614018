package stack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"larder/internal/cfn/stack"
)

// changedResources is the template of manyResources with something else in
// every resource.
func changedResources(text []byte) []byte {
	return []byte(strings.NewReplacer(
		`${AWS::StackName} `, `${AWS::StackName} new `, `"VisibilityTimeout": 300`, `"VisibilityTimeout": 301`, `"Protocol": "sqs"`, `"Protocol": "sqs", "RawMessageDelivery": true`,
		`"Key": "group"`, `"Key": "set"`, `["/", [`, `["-", [`,
	).Replace(string(text)))
}

// BenchmarkChangeSet makes a change set in which every resource changes, and
// reads it with the values of all properties.
func BenchmarkChangeSet(b *testing.B) {
	for _, n := range []int{500, 5000} {
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			h := newBench(b, n)
			st := h.create(b, "stack-a")
			next := changedResources(h.text)
			for i := 0; b.Loop(); i++ {
				cs, err := h.CreateChangeSet(b.Context(), stack.ChangeSetInput{
					UpdateInput: stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Template: next},
					Name:        fmt.Sprintf("changes-%d", i),
				})
				if err != nil {
					b.Fatal(err)
				}
				changes, err := h.Changes(b.Context(), &cs, true)
				if err != nil || len(changes) != n || changes[0].AfterContext == "" {
					b.Fatalf("%d changes, %v", len(changes), err)
				}
			}
		})
	}
}

// BenchmarkUpdate carries updates in which every resource changes in place.
func BenchmarkUpdate(b *testing.B) {
	h := newBench(b, 500)
	update := h.updates(b)
	for b.Loop() {
		update()
	}
}

// BenchmarkAgedUpdate updates a stack of ten resources that has been updated
// often before.
func BenchmarkAgedUpdate(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("updates=%d", n), func(b *testing.B) {
			h := newBench(b, 10)
			update := h.updates(b)
			for range n {
				update()
			}
			for b.Loop() {
				update()
			}
		})
	}
}

// updates makes a stack and returns how to change everything in it, there and
// back.
func (h bench) updates(b *testing.B) func() {
	st := h.create(b, "stack-a")
	texts := [][]byte{changedResources(h.text), h.text}
	i := 0
	return func() {
		now, err := h.Update(context.Background(), stack.UpdateInput{Account: account, Region: region, Stack: st.ID, Template: texts[i%2]})
		if err != nil {
			b.Fatal(err)
		}
		i++
		h.wait(b, now, stack.UpdateComplete)
	}
}
