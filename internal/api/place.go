package api

import (
	"strconv"
	"strings"
)

// maxDepth bounds how deep a body may nest. The deepest input of the models
// nests 5 structures and lists; unknown members may nest a little further.
const maxDepth = 32

// A place is one level of the way to a value: a member of a structure, an
// element of a list or an entry of a map.
type place struct {
	name  string // of the member, or key of the entry
	index int    // of the element or member, from 1; 0 before the first
	kind  placeKind
}

type placeKind uint8

const (
	inStructure placeKind = iota
	inList
	inMap
)

// pathOf renders the way to a value as AWS writes it in its messages:
// provisioningParameters.1.member.key. Members begin with a small letter;
// list elements count from 1.
func pathOf(places []place) string {
	var b strings.Builder
	for i, p := range places {
		if i > 0 {
			b.WriteByte('.')
		}
		switch p.kind {
		case inStructure:
			if p.name != "" {
				b.WriteString(strings.ToLower(p.name[:1]))
				b.WriteString(p.name[1:])
			}
		case inList:
			b.WriteString(strconv.Itoa(p.index))
			b.WriteString(".member")
		case inMap:
			b.WriteString(p.name)
			b.WriteString(".member")
		}
	}
	return b.String()
}
