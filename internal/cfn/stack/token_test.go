package stack_test

import (
	"testing"

	"larder/internal/cfn/stack"
	"larder/internal/db"
	"larder/internal/db/dbtest"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, nil)
		ctx := t.Context()
		topic := func(name string) []byte {
			return []byte("Resources: {A: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: " + name + "}}}")
		}
		create := stack.CreateInput{Account: account, Region: region, Name: "stack-a", Token: "one", Template: topic("one")}
		create2 := create
		create2.Tags = []stack.Tag{{Key: "a", Value: "b"}}
		st := h.create(create)
		update := stack.UpdateInput{Account: account, Region: region, Stack: "stack-a", Token: "two", Template: topic("two")}
		update2 := update
		update2.Template = topic("three")
		remove := stack.DeleteInput{Account: account, Region: region, Stack: st.ID, Token: "three"}
		remove2 := remove
		remove2.Role = "arn:aws:iam::111111111111:role/r"

		same := func(what string, got stack.Stack, err error) {
			t.Helper()
			if err != nil || got.ID != st.ID {
				t.Errorf("%s: %s, %v; want %s", what, got.ID, err, st.ID)
			}
		}
		refused := func(what, token string, err error) {
			t.Helper()
			e, ok := stack.AsError(err)
			if !ok || e.Code != "TokenAlreadyExistsException" ||
				e.Message != "The client request token "+token+" has already been used for this stack. Retry the request with a different client request token" {
				t.Errorf("%s: %v", what, err)
			}
		}
		got, err := h.Create(ctx, create)
		same("a creation repeated", got, err)
		_, err = h.Create(ctx, create2)
		refused("another creation", "one", err)

		next, err := h.Update(ctx, update)
		same("an update", next, err)
		h.wait(next)
		got, err = h.Update(ctx, update)
		same("an update repeated", got, err)
		byARN := update
		byARN.Stack = st.ID
		_, err = h.Update(ctx, byARN)
		refused("the same, asked for otherwise", "two", err)
		_, err = h.Update(ctx, update2)
		refused("another update", "two", err)
		update2.Token = "one"
		_, err = h.Update(ctx, update2)
		refused("an update under the creation's token", "one", err)

		if err := h.Delete(ctx, remove); err != nil {
			t.Fatal(err)
		}
		h.wait(h.describe(st.ID))
		if err := h.Delete(ctx, remove); err != nil {
			t.Errorf("a deletion repeated: %v", err)
		}
		refused("another deletion", "three", h.Delete(ctx, remove2))
		_, err = h.Create(ctx, create)
		refused("the creation of a stack that is gone", "one", err)
		create.Token = "four"
		if again := h.create(create); again.ID == st.ID || again.Status != stack.CreateComplete {
			t.Errorf("a creation under another token: %+v", again)
		}
		refused("the deletion of another stack of the name", "three", h.Delete(ctx, stack.DeleteInput{Account: account, Region: region, Stack: "stack-a", Token: "three"}))
	})
}

func TestTokenOfExecution(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.New(t), nil)
	cs, err := h.CreateChangeSet(t.Context(), stack.ChangeSetInput{
		UpdateInput: stack.UpdateInput{Account: account, Region: region, Stack: "stack-a", Template: []byte(chain)}, Name: "c", Creates: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	in := stack.ExecuteInput{Account: account, Region: region, Name: cs.ID, Token: "one"}
	for range 2 {
		st, kind, err := h.Execute(t.Context(), in)
		if err != nil || st.ID != cs.Stack || kind != stack.KindCreate {
			t.Fatalf("%s %s, %v", st.ID, kind, err)
		}
		h.wait(st)
	}
	in.DisableRollback = true
	if _, _, err := h.Execute(t.Context(), in); err == nil {
		t.Error("the token served for another request")
	}
}
