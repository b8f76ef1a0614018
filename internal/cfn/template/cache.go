package template

import (
	"container/list"
	"sync"
)

// Cache parses templates and keeps the ones used last, so that a template
// launched often is parsed once. It is safe for concurrent use; two callers
// that ask for the same unknown template at once both parse it.
type Cache struct {
	limits Limits
	bytes  int

	mu    sync.Mutex
	size  int
	order *list.List               // of *cached, the one used last in front
	known map[string]*list.Element // by digest
}

type cached struct {
	digest   string
	size     int
	template *Template
}

// A template takes about this many times its text in memory.
const footprint = 8

// NewCache makes a cache whose templates take about so many bytes of memory.
func NewCache(limits Limits, bytes int) *Cache {
	return &Cache{limits: limits, bytes: bytes, order: list.New(), known: map[string]*list.Element{}}
}

// Parse is [Parse] with the cache's limits; digest stands for src and for
// nothing else. Faulty templates are not kept.
func (c *Cache) Parse(digest string, src []byte) (*Template, error) {
	c.mu.Lock()
	if at, ok := c.known[digest]; ok {
		c.order.MoveToFront(at)
		t := at.Value.(*cached).template
		c.mu.Unlock()
		return t, nil
	}
	c.mu.Unlock()
	t, err := Parse(src, c.limits)
	if err != nil {
		return nil, err
	}
	c.keep(&cached{digest: digest, size: footprint * len(src), template: t})
	return t, nil
}

func (c *Cache) keep(entry *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[entry.digest]; ok || entry.size > c.bytes {
		return
	}
	c.known[entry.digest] = c.order.PushFront(entry)
	c.size += entry.size
	for c.size > c.bytes {
		last := c.order.Back()
		dropped := c.order.Remove(last).(*cached)
		delete(c.known, dropped.digest)
		c.size -= dropped.size
	}
}
