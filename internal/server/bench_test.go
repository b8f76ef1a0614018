package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"larder/internal/api"
	"larder/internal/identity"
	"larder/internal/sigv4"
)

// BenchmarkRequest carries DescribePortfolio over the loopback, signed and
// verified, on as many connections as there are processors times eight. The
// floor is a bare handler that reads the body, verifies the signature and
// answers as many bytes.
func BenchmarkRequest(b *testing.B) {
	const secret = "secret"
	out := &api.DescribePortfolioOutput{PortfolioDetail: &api.PortfolioDetail{
		ARN: "arn:aws:catalog:us-east-1:000000000000:portfolio/port-abcdefghijklm",
		Id:  "port-abcdefghijklm", DisplayName: "Portfolio", ProviderName: "Team",
		Description: strings.Repeat("d", 380), CreatedTime: time.Unix(1_700_000_000, 0),
	}}
	verify := func(v *sigv4.Verifier, r *http.Request, body []byte) (sigv4.Authorization, error) {
		auth, err := sigv4.Parse(r)
		if err == nil {
			err = v.Verify(r, body, auth, secret, time.Now())
		}
		return auth, err
	}
	b.Run("floor", func(b *testing.B) {
		var v sigv4.Verifier
		answer := api.AppendOutput(nil, api.OpDescribePortfolio, out)
		measure(b, secret, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				_, err = verify(&v, r, body)
			}
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write(answer)
		}))
	})
	b.Run("server", func(b *testing.B) {
		var v sigv4.Verifier
		measure(b, secret, New(Config{
			Invoke: api.Local(portfolio{out: out}, open),
			Authenticate: func(r *http.Request, body []byte) (identity.Caller, error) {
				auth, err := verify(&v, r, body)
				return identity.Caller{Account: auth.AccessKeyID}, err
			},
		}))
	})
}

type portfolio struct {
	api.Unimplemented
	out *api.DescribePortfolioOutput
}

func (p portfolio) DescribePortfolio(context.Context, *api.DescribePortfolioInput) (*api.DescribePortfolioOutput, error) {
	return p.out, nil
}

// measure sends one signed request over and over with a client that costs
// little, so that the figure is the server's.
func measure(b *testing.B, secret string, h http.Handler) {
	srv := httptest.NewServer(h)
	b.Cleanup(srv.Close)
	r := httptest.NewRequest(http.MethodPost, srv.URL+"/", strings.NewReader(describe.body))
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("X-Amz-Target", target+"DescribePortfolio")
	sigv4.Sign(r, []byte(describe.body), sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, "servicecatalog", "us-east-1", time.Now())
	var raw bytes.Buffer
	if err := r.Write(&raw); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		in := bufio.NewReader(conn)
		for pb.Next() {
			if _, err := conn.Write(raw.Bytes()); err != nil {
				b.Error(err)
				return
			}
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK {
				b.Errorf("answers %s %v", res.Status, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
