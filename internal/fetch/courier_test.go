package fetch_test

import (
	"errors"
	"net/http"
	"testing"

	"larder/internal/fetch"
)

// TestCourier posts to an endpoint that answers when it is told to.
func TestCourier(t *testing.T) {
	t.Parallel()
	arrived, answers := make(chan struct{}), make(chan int)
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		w.WriteHeader(<-answers)
	})
	other := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := fetch.NewCourier(newClient(t, local))
	ended := make(chan error)
	post := func() { ended <- c.Post(t.Context(), at, nil, []byte("x")) }
	for range 4 {
		go post()
		<-arrived
	}
	go post()
	turned, ok := errors.AsType[*fetch.Turned](<-ended)
	if !ok || turned.Again() <= 0 || turned.URL != at {
		t.Fatalf("a fifth post: %v", turned)
	}
	if err := c.Post(t.Context(), other, nil, nil); err != nil {
		t.Errorf("another endpoint: %v", err)
	}
	for range 3 {
		answers <- http.StatusOK
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	answers <- http.StatusServiceUnavailable
	wants(t, <-ended, fetch.Status, "503")
}
