package stack

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"larder/internal/cfn/jsontext"
)

// A pack is what one beat changed: resources as they stand after it, and what
// happened.
type pack struct {
	Token  string      `json:"token,omitempty"`
	Items  []entry     `json:"items,omitempty"`
	Events []happening `json:"events,omitempty"`
}

// An entry is a resource of a stack as the stack sees it, with all that is
// needed to delete it without its template. The resource itself is a row of
// the table of what exists.
type entry struct {
	LogicalID  string            `json:"id"`
	Place      int               `json:"place"` // in the template's order
	Type       string            `json:"type"`
	Status     Status            `json:"status"`
	Reason     string            `json:"reason,omitempty"`
	Physical   string            `json:"physical,omitempty"`
	At         int64             `json:"at"` // ms
	Generation int               `json:"generation,omitempty"`
	Properties json.RawMessage   `json:"properties,omitempty"` // as evaluated, secrets masked
	Secrets    map[string]string `json:"secrets,omitempty"`    // sealed, by JSON pointer into Properties
	Depends    []string          `json:"depends,omitempty"`
	Policy     string            `json:"policy,omitempty"`   // DeletionPolicy
	Complete   bool              `json:"complete,omitempty"` // it was created once

	Stuck string `json:"stuck,omitempty"` // why it can never be removed

	// Of updates. Each physical resource is an entry of its own, so that a
	// logical id may have one that is wanted and others that are to go.
	Turn       int     `json:"turn,omitempty"`       // the stack's generation when an update last began with it
	Former     *former `json:"former,omitempty"`     // what an unsettled update changed in place
	Next       *next   `json:"next,omitempty"`       // what it is to be once the update is settled
	Unsettled  bool    `json:"unsettled,omitempty"`  // its nested stack is to be told that the update is settled
	Superseded string  `json:"superseded,omitempty"` // it is to go, or went; Delete or Retain says how
	Lost       bool    `json:"lost,omitempty"`       // it was to go and could not; nothing brings it back
	Balked     int64   `json:"balked,omitempty"`     // first pack of the operation in which undoing it failed

	// What is under way.
	Due    int64           `json:"due,omitempty"`   // ms: look again then
	Hang   bool            `json:"hang,omitempty"`  // until canceled
	Fail   string          `json:"fail,omitempty"`  // how it will end when due
	Rule   string          `json:"rule,omitempty"`  // the rule that decided these
	Warn   string          `json:"warn,omitempty"`  // to be shown when it ends
	Asked  bool            `json:"asked,omitempty"` // a handler outside was, or is about to be, asked to create it
	Wait   *wait           `json:"wait,omitempty"`  // for signals
	Kept   json.RawMessage `json:"kept,omitempty"`
	Faults int             `json:"faults,omitempty"` // errors of its handler in a row
}

// former is what a resource was given before an update.
type former struct {
	Properties json.RawMessage   `json:"properties,omitempty"`
	Secrets    map[string]string `json:"secrets,omitempty"`
}

// next is what becomes of a resource when an update is settled.
type next struct {
	Leaves  string   `json:"leaves,omitempty"` // the stack; Delete or Retain says how
	Place   int      `json:"place"`
	Policy  string   `json:"policy,omitempty"`
	Depends []string `json:"depends,omitempty"`
}

// A happening is an event at rest.
type happening struct {
	Item   int    `json:"i"`            // index into the pack's items; -1: the stack itself
	ID     string `json:"id,omitempty"` // of an event of the stack; others' follow from what they are
	Status Status `json:"s"`
	Reason string `json:"r,omitempty"`
	Early  bool   `json:"e,omitempty"` // the physical id was not known yet
	At     int64  `json:"t"`           // ms

	Physical string `json:"p,omitempty"` // if it was another at the time
}

const (
	stackItem = -1
	stackType = "AWS::CloudFormation::Stack"
)

func decodePack(body string) (p pack, err error) {
	r := jsontext.NewReader(body)
	for name := range r.Members() {
		switch name {
		case "token":
			p.Token = r.String()
		case "items":
			for range r.Items() {
				p.Items = append(p.Items, readEntry(r))
			}
		case "events":
			for range r.Items() {
				p.Events = append(p.Events, readHappening(r))
			}
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return pack{}, fmt.Errorf("stack pack: %w", err)
	}
	return p, nil
}

func readEntry(r *jsontext.Reader) (e entry) {
	for name := range r.Members() {
		switch name {
		case "id":
			e.LogicalID = r.String()
		case "place":
			e.Place = r.Int()
		case "type":
			e.Type = r.String()
		case "status":
			e.Status = Status(r.String())
		case "reason":
			e.Reason = r.String()
		case "physical":
			e.Physical = r.String()
		case "at":
			e.At = r.Int64()
		case "generation":
			e.Generation = r.Int()
		case "properties":
			e.Properties = r.Raw()
		case "secrets":
			e.Secrets = r.StringMap()
		case "depends":
			e.Depends = r.Strings()
		case "policy":
			e.Policy = r.String()
		case "complete":
			e.Complete = r.Bool()
		case "stuck":
			e.Stuck = r.String()
		case "turn":
			e.Turn = r.Int()
		case "former":
			e.Former = readFormer(r)
		case "next":
			e.Next = readNext(r)
		case "unsettled":
			e.Unsettled = r.Bool()
		case "superseded":
			e.Superseded = r.String()
		case "lost":
			e.Lost = r.Bool()
		case "balked":
			e.Balked = r.Int64()
		case "due":
			e.Due = r.Int64()
		case "hang":
			e.Hang = r.Bool()
		case "fail":
			e.Fail = r.String()
		case "rule":
			e.Rule = r.String()
		case "warn":
			e.Warn = r.String()
		case "asked":
			e.Asked = r.Bool()
		case "wait":
			e.Wait = readWait(r)
		case "kept":
			e.Kept = r.Raw()
		case "faults":
			e.Faults = r.Int()
		default:
			r.Skip()
		}
	}
	return e
}

func readFormer(r *jsontext.Reader) *former {
	var f former
	for name := range r.Members() {
		switch name {
		case "properties":
			f.Properties = r.Raw()
		case "secrets":
			f.Secrets = r.StringMap()
		default:
			r.Skip()
		}
	}
	return &f
}

func readNext(r *jsontext.Reader) *next {
	var n next
	for name := range r.Members() {
		switch name {
		case "leaves":
			n.Leaves = r.String()
		case "place":
			n.Place = r.Int()
		case "policy":
			n.Policy = r.String()
		case "depends":
			n.Depends = r.Strings()
		default:
			r.Skip()
		}
	}
	return &n
}

func readHappening(r *jsontext.Reader) (h happening) {
	for name := range r.Members() {
		switch name {
		case "i":
			h.Item = r.Int()
		case "id":
			h.ID = r.String()
		case "s":
			h.Status = Status(r.String())
		case "r":
			h.Reason = r.String()
		case "e":
			h.Early = r.Bool()
		case "t":
			h.At = r.Int64()
		case "p":
			h.Physical = r.String()
		default:
			r.Skip()
		}
	}
	return h
}

func (p pack) encode() (string, error) {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // properties are shown as they are kept
	err := e.Encode(p)
	return text.String(), err
}

// eventTime is the form of time in an event's id.
const eventTime = "2006-01-02T15:04:05.000Z"

// event expands the pack's n-th event.
func (p pack) event(st *Stack, n int) Event {
	h := p.Events[n]
	at := time.UnixMilli(h.At).UTC()
	e := Event{ID: h.ID, Status: h.Status, Reason: h.Reason, Time: at, Token: p.Token}
	if h.Item == stackItem {
		e.LogicalID, e.Type, e.Physical = st.Name, stackType, st.ID
		return e
	}
	item := p.Items[h.Item]
	e.LogicalID, e.Type, e.Properties = item.LogicalID, item.Type, string(item.Properties)
	switch {
	case h.Physical != "":
		e.Physical = h.Physical
	case !h.Early:
		e.Physical = item.Physical
	}
	e.ID = item.LogicalID + "-" + string(h.Status) + "-" + at.Format(eventTime)
	return e
}
