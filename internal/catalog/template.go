package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"larder/internal/db"
	"larder/internal/engine"
)

// templates remembers bodies and what engines read out of them. Both are
// named by digest and never change, so nothing is ever invalidated.
type templates struct {
	mu     sync.Mutex
	bodies map[string][]byte
	size   int // of all bodies
	read   map[string]*engine.Template
}

const (
	maxBodies = 32 << 20 // bytes
	maxRead   = 4096
)

func newTemplates() *templates {
	return &templates{bodies: map[string][]byte{}, read: map[string]*engine.Template{}}
}

func (t *templates) body(digest string) ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	body, ok := t.bodies[digest]
	return body, ok
}

func (t *templates) keepBody(digest string, body []byte) {
	if len(body) > maxBodies/8 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, had := t.bodies[digest]; had {
		return
	}
	for other, b := range t.bodies { // any will do: all are one read away
		if t.size+len(body) <= maxBodies {
			break
		}
		delete(t.bodies, other)
		t.size -= len(b)
	}
	t.bodies[digest] = body
	t.size += len(body)
}

func (t *templates) template(artifactID string) (*engine.Template, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	read, ok := t.read[artifactID]
	return read, ok
}

func (t *templates) keepTemplate(artifactID string, read *engine.Template) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other := range t.read {
		if len(t.read) < maxRead {
			break
		}
		delete(t.read, other)
	}
	t.read[artifactID] = read
}

// ArtifactBody returns the body kept under digest: the template or the
// archive. Bodies never change, so recent ones are served from memory. The
// caller must not alter it.
func (c *Catalog) ArtifactBody(ctx context.Context, digest string) ([]byte, error) {
	if body, ok := c.templates.body(digest); ok {
		return body, nil
	}
	var body []byte
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		body, err = db.Blob(tx, digest)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: body %s: %w", digest, err)
	}
	c.templates.keepBody(digest, body)
	return body, nil
}

// described returns what the engine read out of a version when it was
// created, nil if it never was.
func (c *Catalog) described(tx *db.Tx, a artifact) (*engine.Template, error) {
	if read, ok := c.templates.template(string(a.ID)); ok {
		return read, nil
	}
	var text []byte
	err := tx.Row(`SELECT template FROM artifact WHERE id = ? AND product = ?`, a.ID, a.Product).Scan(&text)
	if err != nil {
		return nil, err
	}
	var read *engine.Template
	if len(text) > 0 {
		read = new(engine.Template)
		if err := decode(text, read, a.ID); err != nil {
			return nil, err
		}
	}
	c.templates.keepTemplate(string(a.ID), read)
	return read, nil
}

// errNoEngine says that nothing here can read a version's type.
var errNoEngine = errors.New("no engine is configured for this type")

// describe has the engine read a body.
func (c *Catalog) describe(ctx context.Context, a engine.Artifact) (*engine.Template, error) {
	e := c.engine(a.Type)
	if e == nil {
		return nil, &engine.Failure{Reason: errNoEngine.Error()}
	}
	read, err := e.Describe(ctx, a)
	if err != nil {
		return nil, err
	}
	return &read, nil
}

func encodeTemplate(read *engine.Template) (string, error) {
	if read == nil {
		return "", nil
	}
	text, err := json.Marshal(read)
	if err != nil {
		return "", fmt.Errorf("catalog: encode a template's description: %w", err)
	}
	return string(text), nil
}
