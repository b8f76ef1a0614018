package main

import (
	"net"
	"testing"
)

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                            "",
		"https://larder.example":      "larder.example",
		"http://larder.example:8420/": "larder.example",
		"ftp://larder.example":        "refused",
		"larder.example":              "refused",
		"https://larder.example/x":    "refused",
		"https://a@larder.example":    "refused",
		"https://larder.example?a=b":  "refused",
	} {
		got, err := signalFlags{PublicURL: given}.host()
		if err != nil {
			got = "refused"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", given, got, want)
		}
	}
	for _, test := range []struct {
		listen string
		parts  parts
		want   string // before the port
	}{
		{"127.0.0.1:0", parts{}, "http://127.0.0.1:"},
		{"0.0.0.0:0", parts{}, "http://localhost:"},
		{"0.0.0.0:0", parts{listen: listenFlags{PublicHost: []string{"larder.example"}}, tlsCert: "cert.pem"}, "https://larder.example:"},
		{"0.0.0.0:0", parts{signals: signalFlags{PublicURL: "https://larder.example"}}, "https://larder.example"},
	} {
		l, err := net.Listen("tcp", test.listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		s := &server{parts: test.parts, listener: l}
		want := test.want
		if test.parts.signals.PublicURL == "" {
			_, port, _ := net.SplitHostPort(l.Addr().String())
			want += port
		}
		if got := s.publicURL(); got != want {
			t.Errorf("%s: %s, want %s", test.listen, got, want)
		}
	}
}
