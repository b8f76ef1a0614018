package api

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// seeds gives a fuzzer a valid body of each operation and some odd ones.
func seeds(f *testing.F, shape func(m *testModel, op string) string) {
	m := readModels(f)
	for _, op := range Ops() {
		f.Add(uint16(op), mustJSON(f, m.maximal(f, shape(m, op.String()), 0)))
	}
	for _, body := range []string{
		``, `{}`, `{"Id":"\ud83d\ude00"}`, `{"X":[{"Y":[null,1e5,-0.0]}]}`, `{"Tags":[{"Key":"a"}]}`, `{"Id":"a","Id":"b"}`,
		`{"PortfolioDetail":{"CreatedTime":"2021-07-16T15:20:24-05:00"}}`, `{"PageSize":1e2}`, "{\"Id\":\"\xff\"}",
	} {
		f.Add(uint16(OpDescribePortfolio), []byte(body))
	}
}

// What the decoder takes is JSON; it never panics, and refuses with its own
// codes. What it took is written and read again without a change.
func FuzzDecodeInput(f *testing.F) {
	seeds(f, func(m *testModel, op string) string { return m.Operations[op].Input.Shape })
	f.Fuzz(func(t *testing.T, number uint16, body []byte) {
		op := Op(number)
		in, err := DecodeInput(op, body)
		if err != nil {
			switch code := Code(err); {
			case in != nil:
				t.Fatalf("answered %v beside %v", in, err)
			case code == CodeUnknownOperation && !op.known():
			case code == CodeSerialization, code == CodeValidation && utf8.ValidString(err.Error()):
			default:
				t.Fatal(err)
			}
			return
		}
		checkJSON(t, body)
		if err := Validate(op, in); err != nil && Code(err) != CodeValidation {
			t.Fatal(err)
		}
		again, err := DecodeInput(op, AppendInput(nil, op, in))
		if err != nil {
			t.Fatalf("%v in %s", err, AppendInput(nil, op, in))
		}
		if diff := cmp.Diff(in, again); diff != "" {
			t.Error(diff)
		}
	})
}

// The same of answers.
func FuzzDecodeOutput(f *testing.F) {
	seeds(f, func(m *testModel, op string) string { return m.Operations[op].Output.Shape })
	f.Fuzz(func(t *testing.T, number uint16, body []byte) {
		op := Op(number)
		out, err := DecodeOutput(op, body)
		if err != nil {
			if code := Code(err); code != CodeSerialization && op.known() {
				t.Fatal(err)
			}
			return
		}
		checkJSON(t, body)
		again, err := DecodeOutput(op, AppendOutput(nil, op, out))
		if err != nil {
			t.Fatalf("%v in %s", err, AppendOutput(nil, op, out))
		}
		if diff := cmp.Diff(out, again); diff != "" {
			t.Error(diff)
		}
	})
}

func checkJSON(t *testing.T, body []byte) {
	t.Helper()
	if d := (&decoder{text: string(body)}); d.peek() == 0 && d.at == len(body) {
		return // an empty body stands for an empty object
	}
	if !json.Valid(body) {
		t.Errorf("took what is not JSON: %q", body)
	}
}

// Whatever text goes out comes back, with what is not UTF-8 replaced.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é😀\u2028", "\xff\xed\xa0\x80a", "\xf0\x9f"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want, got string
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &want); err != nil {
			t.Fatal(err)
		}
		body := appendText(nil, text)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		if got != want {
			t.Errorf("%q came back as %q", text, got)
		}
		d := &decoder{text: string(body)}
		if got := d.str(); d.err != nil || got != want {
			t.Errorf("%q was read as %q, %v", body, got, d.err)
		}
	})
}
