package template

import "slices"

// A Reference is a use of a parameter, a pseudo parameter or a resource.
type Reference struct {
	Node      *Node  // the Ref or GetAtt, or the part of a Sub
	Name      string // the parameter or logical id
	Attribute string // of a GetAtt; "" if a function gives it, or for a Ref
}

// GetAtt reports whether an attribute is meant, not the thing itself.
func (r Reference) GetAtt() bool { return r.Node.kind == KindGetAtt }

// references calls yield for every reference below n that is left when decide
// tells which branch of an Fn::If is taken. Without decide, nothing below an
// Fn::If counts.
func references(n *Node, decide func(condition string) bool, yield func(Reference)) {
	switch n.kind {
	case KindRef:
		yield(Reference{Node: n, Name: n.text})
		return
	case KindGetAtt:
		r := Reference{Node: n, Name: n.text}
		if attribute := n.At(0); attribute.kind == KindString {
			r.Attribute = attribute.text
		}
		yield(r)
	case KindIf:
		if len(n.items) != 2 {
			return // of a rule
		}
		switch {
		case decide == nil:
		case decide(n.text):
			references(&n.items[0], decide, yield)
		default:
			references(&n.items[1], decide, yield)
		}
		return
	}
	for i := range n.items {
		references(&n.items[i], decide, yield)
	}
}

// attributes returns the values of a resource that may refer to others.
func (r *Resource) attributes() [4]*Node {
	return [4]*Node{r.Properties, r.Metadata, r.CreationPolicy, r.UpdatePolicy}
}

// attributeName names the i-th of a resource's attributes.
func attributeName(i int) string {
	return [...]string{"Properties", "Metadata", "CreationPolicy", "UpdatePolicy"}[i]
}

// References returns every reference of the resource's properties, metadata
// and policies, whatever the conditions.
func (r *Resource) References() []Reference {
	var all []Reference
	add := func(ref Reference) { all = append(all, ref) }
	for _, n := range r.attributes() {
		if n != nil {
			everyReference(n, add)
		}
	}
	return all
}

func everyReference(n *Node, yield func(Reference)) {
	if n.kind == KindIf {
		for i := range n.items {
			everyReference(&n.items[i], yield)
		}
		return
	}
	if n.kind == KindRef || n.kind == KindGetAtt {
		references(n, nil, yield)
		return
	}
	for i := range n.items {
		everyReference(&n.items[i], yield)
	}
}

// definiteCycle finds resources that depend on each other whatever the
// parameters: those without a condition, and what is under no Fn::If.
func (t *Template) definiteCycle() *Error {
	edges := make([][]int, len(t.Resources))
	number := make(map[string]int, len(t.Resources))
	for i, r := range t.Resources {
		number[r.LogicalID] = i
	}
	for i, r := range t.Resources {
		if r.Condition != "" {
			continue
		}
		add := func(id string) {
			if j, ok := number[id]; ok && t.Resources[j].Condition == "" {
				edges[i] = append(edges[i], j)
			}
		}
		for _, id := range r.DependsOn {
			add(id)
		}
		for _, n := range r.attributes() {
			if n != nil {
				references(n, nil, func(ref Reference) { add(ref.Name) })
			}
		}
	}
	return circular(t.Resources, edges)
}

// circular refuses a graph in which resources wait for each other.
func circular(resources []*Resource, edges [][]int) *Error {
	in := cycles(edges)
	if in == nil {
		return nil
	}
	names := make([]string, len(in))
	for i, number := range in {
		names[i] = resources[number].LogicalID
	}
	slices.Sort(names)
	first := resources[in[0]]
	return fault("Circular dependency between resources: %s", bracketed(names)).at(first.node).under("Resources/" + first.LogicalID)
}

// cycles returns the nodes of a graph that lie on a cycle, in order: those
// that share a strongly connected component with another, or point at
// themselves. (Tarjan, with a stack of its own so that depth costs no call.)
func cycles(edges [][]int) []int {
	type frame struct{ node, next int }
	var (
		counter int
		order   = make([]int, len(edges)) // 0: not visited
		low     = make([]int, len(edges))
		onPath  = make([]bool, len(edges))
		path    []int
		calls   []frame
		found   []int
	)
	for root := range edges {
		if order[root] != 0 {
			continue
		}
		calls = append(calls[:0], frame{node: root})
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			v := f.node
			if f.next == 0 && order[v] == 0 {
				counter++
				order[v], low[v] = counter, counter
				path, onPath[v] = append(path, v), true
			}
			if f.next < len(edges[v]) {
				w := edges[v][f.next]
				f.next++
				switch {
				case order[w] == 0:
					calls = append(calls, frame{node: w})
				case onPath[w]:
					low[v] = min(low[v], order[w])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				parent := calls[len(calls)-1].node
				low[parent] = min(low[parent], low[v])
			}
			if low[v] != order[v] {
				continue
			}
			begin := len(path) - 1
			for path[begin] != v {
				begin--
			}
			component := path[begin:]
			path = path[:begin]
			for _, w := range component {
				onPath[w] = false
			}
			if len(component) > 1 || slices.Contains(edges[v], v) {
				found = append(found, component...)
			}
		}
	}
	slices.Sort(found)
	return found
}
