package testmode

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"larder/internal/api"
	"larder/internal/db"
)

// A snapshot is everything there was at a moment.
type snapshot struct {
	settings
	taken time.Time // by the product's clock
	image *db.Image
}

// Bounds of snapshots. They lie in memory, and are for the population of a
// test.
const (
	maxSnapshots = 64
	maxHeld      = 512 << 20 // bytes of all together
	maxName      = 128
)

// reset has everything as it is at the first start: no rows, the clock's own
// time, the rules of the settings. Calls and snapshots stay.
func (m *Mode) reset(ctx context.Context, _ *http.Request, _ []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := settings{}
	if m.o.Rules != nil {
		first.rules = *m.o.Rules
	}
	return done, m.replace(ctx, first, db.Clear)
}

// replace is write between the operations of the API and while no run is
// carried: afterwards nothing goes by what was before. Needs mu.
func (m *Mode) replace(ctx context.Context, s settings, fn func(*db.Tx) error) error {
	m.gate.Lock()
	defer m.gate.Unlock()
	bounded, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	err := m.runner.Pause(bounded, func(ctx context.Context) error { return m.write(ctx, s, fn) })
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return api.InvalidState("What is under way did not stop within %s; nothing was changed", m.patience)
	}
	return err
}

// takeSnapshot keeps everything there is under a name, in the place of what was
// kept under it. Operations that are under way are part of it.
func (m *Mode) takeSnapshot(ctx context.Context, r *http.Request, _ []byte) (any, error) {
	name := r.PathValue("name")
	if !isName(name) {
		return nil, api.InvalidInput("A snapshot's name has 1 to %d letters, digits, '.', '-' and '_'", maxName)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	former, again := m.snapshots[name]
	room := int64(maxHeld) - m.held
	switch {
	case again:
		room += former.image.Size()
	case len(m.snapshots) == maxSnapshots:
		return nil, api.InvalidInput("There are %d snapshots; delete one", maxSnapshots)
	}
	image, err := m.image(ctx, room)
	if errors.Is(err, db.ErrImageSize) {
		return nil, api.InvalidInput("All snapshots together may take %d MiB", maxHeld>>20)
	}
	if err != nil {
		return nil, err
	}
	if again {
		m.held -= former.image.Size()
	}
	m.held += image.Size()
	s := &snapshot{settings{m.rules, m.clock.ahead()}, m.clock.Now().UTC(), image}
	m.snapshots[name] = s
	return s.answer(name), nil
}

// image copies everything between the operations of the API, so that none is
// cut in half. Runs go on meanwhile: wherever they are, they can be resumed.
func (m *Mode) image(ctx context.Context, most int64) (image *db.Image, err error) {
	m.gate.Lock()
	defer m.gate.Unlock()
	err = m.db.View(ctx, func(tx *db.Tx) error {
		image, err = db.TakeImage(tx, most)
		return err
	})
	return image, err
}

// restoreSnapshot brings back what was kept: rows, rules and clock. Operations
// that were under way go on from where they were.
func (m *Mode) restoreSnapshot(ctx context.Context, r *http.Request, _ []byte) (any, error) {
	name := r.PathValue("name")
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.snapshots[name]
	if !ok {
		return nil, noSnapshot(name)
	}
	return s.answer(name), m.replace(ctx, s.settings, s.image.Restore)
}

func (m *Mode) dropSnapshot(_ context.Context, r *http.Request, _ []byte) (any, error) {
	name := r.PathValue("name")
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.snapshots[name]
	if !ok {
		return nil, noSnapshot(name)
	}
	delete(m.snapshots, name)
	m.held -= s.image.Size()
	return done, nil
}

func noSnapshot(name string) error {
	return api.ResourceNotFound("There is no snapshot %s", shown(name))
}

// snapshotAnswer is a snapshot as it is shown.
type snapshotAnswer struct {
	Name  string    `json:"name"`
	Taken time.Time `json:"taken"`
	Bytes int64     `json:"bytes"`
}

func (s *snapshot) answer(name string) snapshotAnswer {
	return snapshotAnswer{name, s.taken, s.image.Size()}
}

func (m *Mode) getSnapshots(context.Context, *http.Request, []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]snapshotAnswer, 0, len(m.snapshots))
	for name, s := range m.snapshots {
		all = append(all, s.answer(name))
	}
	slices.SortFunc(all, func(a, b snapshotAnswer) int { return cmp.Compare(a.Name, b.Name) })
	return struct {
		Snapshots []snapshotAnswer `json:"snapshots"`
	}{all}, nil
}

func isName(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}
