package changeset

import (
	"fmt"

	"larder/internal/cfn/jsontext"
)

// Encode writes changes as they marshal, for keeping.
func Encode(changes []Change) string {
	size := 2
	for i := range changes {
		size += changes[i].size()
	}
	b := append(make([]byte, 0, size), '[')
	for i := range changes {
		if i > 0 {
			b = append(b, ',')
		}
		b = changes[i].append(b)
	}
	return string(append(b, ']'))
}

// size is about how much a change takes to write.
func (ch *Change) size() int {
	const names, quotes = 256, 9.0 / 8 // the quotes in a context are escaped
	size := names + int(quotes*float64(len(ch.BeforeContext)+len(ch.AfterContext)))
	for i := range ch.Details {
		size += names + ch.Details[i].Target.size()
	}
	return size
}

// appendText writes a member that is a string, unless it is empty.
func appendText[S ~string](b []byte, name string, s S) []byte {
	if s == "" {
		return b
	}
	return jsontext.AppendString(append(b, name...), s)
}

func (ch *Change) append(b []byte) []byte {
	b = append(b, `{"Action":`...)
	b = jsontext.AppendString(b, ch.Action)
	b = appendText(b, `,"PolicyAction":`, ch.PolicyAction)
	b = jsontext.AppendString(append(b, `,"LogicalResourceId":`...), ch.LogicalID)
	b = appendText(b, `,"PhysicalResourceId":`, ch.PhysicalID)
	b = jsontext.AppendString(append(b, `,"ResourceType":`...), ch.Type)
	b = appendText(b, `,"Replacement":`, ch.Replacement)
	b = append(b, `,"Scope":[`...)
	for i, attribute := range ch.Scope {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsontext.AppendString(b, attribute)
	}
	b = append(b, `],"Details":[`...)
	for i := range ch.Details {
		if i > 0 {
			b = append(b, ',')
		}
		b = ch.Details[i].append(b)
	}
	b = append(b, ']')
	b = appendText(b, `,"ChangeSetId":`, ch.ChangeSetID)
	b = appendText(b, `,"BeforeContext":`, ch.BeforeContext)
	b = appendText(b, `,"AfterContext":`, ch.AfterContext)
	return append(b, '}')
}

func (d *Detail) append(b []byte) []byte {
	t := &d.Target
	b = jsontext.AppendString(append(b, `{"Target":{"Attribute":`...), t.Attribute)
	b = appendText(b, `,"Name":`, t.Name)
	b = jsontext.AppendString(append(b, `,"RequiresRecreation":`...), t.RequiresRecreation)
	b = appendText(b, `,"Path":`, t.Path)
	if t.BeforeValue != nil {
		b = jsontext.AppendString(append(b, `,"BeforeValue":`...), *t.BeforeValue)
	}
	if t.AfterValue != nil {
		b = jsontext.AppendString(append(b, `,"AfterValue":`...), *t.AfterValue)
	}
	b = appendText(b, `,"AttributeChangeType":`, t.ChangeType)
	b = jsontext.AppendString(append(b, `},"Evaluation":`...), d.Evaluation)
	b = jsontext.AppendString(append(b, `,"ChangeSource":`...), d.ChangeSource)
	b = appendText(b, `,"CausingEntity":`, d.CausingEntity)
	return append(b, '}')
}

// Decode reads changes that were kept.
func Decode(text string) ([]Change, error) {
	changes := []Change{}
	r := jsontext.NewReader(text)
	for range r.Items() {
		changes = append(changes, readChange(r))
	}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	return changes, nil
}

func readChange(r *jsontext.Reader) (ch Change) {
	for name := range r.Members() {
		switch name {
		case "PolicyAction":
			ch.PolicyAction = PolicyAction(r.String())
		case "Action":
			ch.Action = Action(r.String())
		case "LogicalResourceId":
			ch.LogicalID = r.String()
		case "PhysicalResourceId":
			ch.PhysicalID = r.String()
		case "ResourceType":
			ch.Type = r.String()
		case "Replacement":
			ch.Replacement = Replacement(r.String())
		case "Scope":
			ch.Scope = append([]string{}, r.Strings()...)
		case "Details":
			ch.Details = []Detail{}
			for range r.Items() {
				ch.Details = append(ch.Details, readDetail(r))
			}
		case "ChangeSetId":
			ch.ChangeSetID = r.String()
		case "BeforeContext":
			ch.BeforeContext = r.String()
		case "AfterContext":
			ch.AfterContext = r.String()
		default:
			r.Skip()
		}
	}
	return ch
}

func readDetail(r *jsontext.Reader) (d Detail) {
	for name := range r.Members() {
		switch name {
		case "Target":
			d.Target = readTarget(r)
		case "Evaluation":
			d.Evaluation = Evaluation(r.String())
		case "ChangeSource":
			d.ChangeSource = Source(r.String())
		case "CausingEntity":
			d.CausingEntity = r.String()
		default:
			r.Skip()
		}
	}
	return d
}

func readTarget(r *jsontext.Reader) (t Target) {
	for name := range r.Members() {
		switch name {
		case "Attribute":
			t.Attribute = r.String()
		case "Name":
			t.Name = r.String()
		case "RequiresRecreation":
			t.RequiresRecreation = r.String()
		case "Path":
			t.Path = r.String()
		case "BeforeValue":
			t.BeforeValue = new(r.String())
		case "AfterValue":
			t.AfterValue = new(r.String())
		case "AttributeChangeType":
			t.ChangeType = ChangeType(r.String())
		default:
			r.Skip()
		}
	}
	return t
}
