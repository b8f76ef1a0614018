package stack

import (
	"container/list"
	"sync"
)

// residents keeps the state of stacks in operation between beats. A state is
// taken out while a beat works on it, so no two ever share one, and it counts
// only while the stack's row bears its mark.
type residents struct {
	mu    sync.Mutex
	max   int // resources of all states together
	held  int
	order *list.List // of *live, newest first
	index map[string]*list.Element
}

func newResidents(size int) *residents {
	return &residents{max: size, order: list.New(), index: map[string]*list.Element{}}
}

// take removes and returns the state of a stack if it is the one that mark
// stands for.
func (c *residents) take(stack, mark string) *live {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.index[stack]
	if !ok {
		return nil
	}
	l := c.remove(e)
	if l.stack.mark != mark {
		return nil
	}
	return l
}

func (c *residents) put(l *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.index[l.stack.ID]; ok {
		c.remove(e)
	}
	c.index[l.stack.ID] = c.order.PushFront(l)
	c.held += len(l.items)
	for c.held > c.max && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

func (c *residents) remove(e *list.Element) *live {
	l := c.order.Remove(e).(*live)
	delete(c.index, l.stack.ID)
	c.held -= len(l.items)
	return l
}
