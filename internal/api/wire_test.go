package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// Each archive in testdata is a conversation with the waist: a request's body
// (named by its operation) is followed by what is read of it and what is sent
// of that again, or by the error; an answer's body likewise. -update rewrites
// all but the bodies.
func TestWire(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archive", err)
	}
	byName := map[string]Op{}
	for _, op := range Ops() {
		byName[op.String()] = op
	}
	for _, path := range archives {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rewritten := &txtar.Archive{Comment: archive.Comment}
			for _, file := range archive.Files {
				direction, name, given := strings.Cut(file.Name, " ")
				if !given {
					continue // an expectation
				}
				op, ok := byName[name]
				if !ok {
					t.Fatalf("there is no operation %s", name)
				}
				rewritten.Files = append(rewritten.Files, file)
				body := bytes.TrimSuffix(file.Data, []byte("\n"))
				switch direction {
				case "request":
					rewritten.Files = append(rewritten.Files, requestFiles(op, body)...)
				case "answer":
					rewritten.Files = append(rewritten.Files, answerFiles(op, body)...)
				default:
					t.Fatalf("%q is neither request nor answer", file.Name)
				}
			}
			text := txtar.Format(rewritten)
			if *update {
				if err := os.WriteFile(path, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			there, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(there), string(text)); diff != "" {
				t.Errorf("go test -run TestWire -update rewrites (-there +now):\n%s", diff)
			}
		})
	}
}

func requestFiles(op Op, body []byte) []txtar.File {
	in, err := DecodeInput(op, body)
	if err == nil {
		err = Validate(op, in)
	}
	if err != nil {
		return errorFiles(err)
	}
	return []txtar.File{
		{Name: "read", Data: line([]byte(show(reflect.ValueOf(in))))},
		{Name: "sent", Data: indented(AppendInput(nil, op, in))},
	}
}

func answerFiles(op Op, body []byte) []txtar.File {
	out, err := DecodeOutput(op, body)
	if err != nil {
		return errorFiles(err)
	}
	return []txtar.File{
		{Name: "read", Data: line([]byte(show(reflect.ValueOf(out))))},
		{Name: "sent", Data: indented(AppendOutput(nil, op, out))},
	}
}

func errorFiles(err error) []txtar.File {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = Errorf(CodeInternalFailure, "%v", err)
	}
	return []txtar.File{{Name: "error", Data: indented(AppendError(nil, e))}}
}

func line(text []byte) []byte { return append(text, '\n') }

// indented breaks a body into lines, so that a difference can be read.
func indented(body []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		return line([]byte(err.Error()))
	}
	return line(b.Bytes())
}

// Each exception has one form on the wire.
func TestAppendError(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*Error{
		`{"__type":"DuplicateResourceException","Message":"a \"b\""}`:                         DuplicateResource("a %q", "b"),
		`{"__type":"InvalidParametersException","Message":"No launch paths found"}`:           InvalidParameters("No launch paths found"),
		`{"__type":"InvalidStateException","Message":"é"}`:                                    InvalidState("é"),
		`{"__type":"LimitExceededException","Message":"20"}`:                                  LimitExceeded("%d", 20),
		`{"__type":"OperationNotSupportedException","Message":"100%"}`:                        OperationNotSupported("100%%"),
		`{"__type":"ResourceInUseException","Message":"in use"}`:                              ResourceInUse("in use"),
		`{"__type":"ResourceNotFoundException","Message":"Portfolio not found: port-1"}`:      ResourceNotFound("Portfolio not found: %s", "port-1"),
		`{"__type":"TagOptionNotMigratedException","Message":"\ufffd"}`:                       TagOptionNotMigrated("\xff"),
		`{"__type":"AccessDeniedException","Message":""}`:                                     AccessDenied(""),
		`{"__type":"ValidationException","Message":"a\nb"}`:                                   InvalidInput("a\nb"),
		`{"__type":"UnsupportedOperationException","Message":"CopyProduct is not built yet"}`: Unsupported(OpCopyProduct),
	} {
		if got := string(AppendError(nil, err)); got != want {
			t.Errorf("%s, not %s", got, want)
		}
		if err.Status != 400 {
			t.Errorf("%s has status %d", err.Code, err.Status)
		}
	}
}
