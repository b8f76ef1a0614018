package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"larder/internal/api"
)

// A client does one thing after another to names it shares with others.
type client struct {
	*crash
	id   int
	rand *rand.Rand
	n    int      // how much it has asked for
	open []string // its records whose end it has not seen
}

// errStop has a client stop: the test has failed, and says why.
var errStop = errors.New("the test has failed")

// work goes on until stop, and then until all it began has ended.
func (c *client) work(stop chan struct{}) {
	for {
		select {
		case <-stop:
			for len(c.open) > 0 {
				if c.follow(c.open[0]) != nil {
					return
				}
			}
			return
		default:
		}
		if err := c.act(nameOf(c.rand.IntN(crashNames))); err != nil {
			return
		}
	}
}

// nameOf is one of the names.
func nameOf(i int) string { return fmt.Sprintf("p-%02d", i) }

// act does something to a name.
func (c *client) act(name string) error {
	switch dice := c.rand.IntN(100); {
	case dice < 25:
		return c.launch(name)
	case dice < 50:
		return c.update(name)
	case dice < 60:
		return c.plan(name)
	case dice < 75:
		product, err := c.look(name)
		if err != nil || product == "" {
			return err
		}
		return c.terminate(name, product)
	case dice < 85 && len(c.open) > 0:
		return c.observe(c.open[c.rand.IntN(len(c.open))])
	default:
		_, err := c.look(name)
		return err
	}
}

// request asks until it is answered, and adds the answer to the history.
func (c *client) request(in asked, send func(context.Context, api.Client) (answer, error)) (answer, int64, error) {
	began := c.now()
	out, lost, err := c.ask(send)
	if err != nil {
		return answer{}, 0, c.fail(in, err)
	}
	in.lost = lost
	if out.verdict == granted && in.deed != looks {
		c.granted <- struct{}{}
	}
	c.note(porcupine.Operation{ClientId: c.id, Input: in, Call: began, Output: out, Return: c.now()})
	return out, began, nil
}

// stateRefusals are the codes by which a product's state refuses a request.
var stateRefusals = []string{"InvalidParametersException", "InvalidStateException", "ValidationException"}

// ask asks until it is answered; lost tells whether an answer was missed.
func (c *client) ask(send func(context.Context, api.Client) (answer, error)) (out answer, lost bool, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), crashPatience)
	defer cancel()
	for {
		n, err := c.pick(ctx, c.rand)
		if err != nil {
			return answer{}, lost, err
		}
		out, err := send(ctx, n.client())
		if err == nil {
			out.verdict = granted
			return out, lost, nil
		}
		refusal, ok := errors.AsType[*refusal](err)
		switch {
		case ok && refusal.code == api.CodeResourceNotFound:
			return answer{verdict: missing}, lost, nil
		case ok && slices.Contains(stateRefusals, refusal.code) && !strings.Contains(refusal.text, "token"):
			return answer{verdict: refused}, lost, nil
		}
		c.mu.Lock()
		dead := n.dead
		c.mu.Unlock()
		if !dead || ctx.Err() != nil {
			return answer{}, lost, err
		}
		lost = true
	}
}

// fail has the test fail, once.
func (c *client) fail(in asked, err error) error {
	if c.t.Context().Err() == nil {
		c.t.Errorf("%+v: %v", in, err)
		c.breaking.Do(func() { close(c.broken) })
	}
	return errStop
}

// token is new each time.
func (c *client) token() string {
	c.n++
	return fmt.Sprintf("c%d-%d", c.id, c.n)
}

// version picks what a product is to be: mostly something that can be made.
func (c *client) pickVersion() string {
	if dice := c.rand.IntN(10); dice < 2 {
		return "unlucky"
	} else if dice < 6 {
		return "first"
	}
	return "second"
}

// ordered keeps what a record was asked for.
func (c *client) ordered(o order, record string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.orders[record] != nil {
		c.t.Errorf("record %s answers two requests: %+v and %+v", record, *c.orders[record], o)
	}
	c.orders[record] = &o
	c.open = append(c.open, record)
}

func (c *client) launch(name string) error {
	token, version := c.token(), c.pickVersion()
	in := &api.ProvisionProductInput{
		ProductId: &c.product, ProvisioningArtifactId: new(c.version[version]), ProvisionedProductName: name, ProvisionToken: token,
		ProvisioningParameters: []api.ProvisioningParameter{{Key: new("Value"), Value: &token}},
	}
	out, began, err := c.request(asked{deed: launches, name: name}, func(ctx context.Context, s api.Client) (answer, error) {
		out, err := s.ProvisionProduct(ctx, in)
		if err != nil {
			return answer{}, err
		}
		return answer{product: out.RecordDetail.ProvisionedProductId, record: out.RecordDetail.RecordId}, nil
	})
	if err == nil && out.verdict == granted {
		c.ordered(order{deed: launches, name: name, product: out.product, version: version, value: token, asked: began}, out.record)
	}
	return err
}

func (c *client) update(name string) error {
	token, version := c.token(), c.pickVersion()
	in := &api.UpdateProvisionedProductInput{
		ProvisioningArtifactId: new(c.version[version]), ProvisionedProductName: &name, UpdateToken: token,
		ProvisioningParameters: []api.UpdateProvisioningParameter{{Key: new("Value"), Value: &token}},
	}
	out, began, err := c.request(asked{deed: updates, name: name}, func(ctx context.Context, s api.Client) (answer, error) {
		out, err := s.UpdateProvisionedProduct(ctx, in)
		if err != nil {
			return answer{}, err
		}
		return answer{product: out.RecordDetail.ProvisionedProductId, record: out.RecordDetail.RecordId}, nil
	})
	if err == nil && out.verdict == granted {
		c.ordered(order{deed: updates, name: name, product: out.product, version: version, value: token, asked: began}, out.record)
	}
	return err
}

func (c *client) terminate(name, product string) error {
	token := c.token()
	in := &api.TerminateProvisionedProductInput{ProvisionedProductId: &product, TerminateToken: token}
	out, began, err := c.request(asked{deed: ends, name: name, of: product}, func(ctx context.Context, s api.Client) (answer, error) {
		out, err := s.TerminateProvisionedProduct(ctx, in)
		if err != nil {
			return answer{}, err
		}
		return answer{product: product, record: out.RecordDetail.RecordId}, nil
	})
	if err == nil && out.verdict == granted {
		c.ordered(order{deed: ends, name: name, product: product, asked: began}, out.record)
	}
	return err
}

// plan plans, and executes the plan or not; in the end it is deleted.
func (c *client) plan(name string) error {
	token, version := c.token(), c.pickVersion()
	create := &api.CreateProvisionedProductPlanInput{
		PlanName: token, PlanType: api.ProvisionedProductPlanTypeCloudFormation, ProductId: c.product, ProvisioningArtifactId: c.version[version],
		ProvisionedProductName: name, IdempotencyToken: token,
		ProvisioningParameters: []api.UpdateProvisioningParameter{{Key: new("Value"), Value: &token}},
	}
	made, began, err := c.request(asked{deed: plans, name: name}, func(ctx context.Context, s api.Client) (answer, error) {
		out, err := s.CreateProvisionedProductPlan(ctx, create)
		if err != nil {
			return answer{}, err
		}
		return answer{product: out.ProvisionProductId, plan: out.PlanId}, nil
	})
	if err != nil || made.verdict != granted {
		return err
	}
	settled, err := c.settled(name, made.plan, began)
	if err != nil || !settled {
		return err
	}
	if c.rand.IntN(4) == 0 { // the product moves meanwhile, if it may
		if err := c.update(name); err != nil {
			return err
		}
		for len(c.open) > 0 {
			if err := c.follow(c.open[len(c.open)-1]); err != nil {
				return err
			}
		}
	}
	if c.rand.IntN(3) > 0 {
		execute := &api.ExecuteProvisionedProductPlanInput{PlanId: made.plan, IdempotencyToken: token}
		out, began, err := c.request(asked{deed: executes, name: name, of: made.plan}, func(ctx context.Context, s api.Client) (answer, error) {
			out, err := s.ExecuteProvisionedProductPlan(ctx, execute)
			if err != nil {
				return answer{}, err
			}
			return answer{product: made.product, record: out.RecordDetail.RecordId}, nil
		})
		if err != nil {
			return err
		}
		if out.verdict == granted {
			c.ordered(order{deed: executes, name: name, product: made.product, version: version, value: token, asked: began}, out.record)
			if err := c.follow(out.record); err != nil {
				return err
			}
		}
	}
	discard := &api.DeleteProvisionedProductPlanInput{PlanId: made.plan, IgnoreErrors: new(true)}
	_, _, err = c.request(asked{deed: discards, name: name, of: made.plan}, func(ctx context.Context, s api.Client) (answer, error) {
		_, err := s.DeleteProvisionedProductPlan(ctx, discard)
		return answer{}, err
	})
	return err
}

// breath parts two looks at what somebody else is doing: a hot loop would
// take the processor from what it waits for.
const breath = 10 * time.Millisecond

// settled waits until a plan is worked out; false if it is gone with its
// product.
func (c *client) settled(name, plan string, began int64) (bool, error) {
	in := asked{deed: planEnd, name: name, of: plan}
	for limit := time.Now().Add(crashPatience); time.Now().Before(limit); <-time.After(breath) {
		out, _, err := c.ask(func(ctx context.Context, s api.Client) (answer, error) {
			out, err := s.DescribeProvisionedProductPlan(ctx, &api.DescribeProvisionedProductPlanInput{PlanId: plan})
			if err != nil {
				return answer{}, err
			}
			return answer{status: string(out.ProvisionedProductPlanDetails.Status)}, nil
		})
		switch {
		case err != nil:
			return false, c.fail(in, err)
		case out.verdict == missing:
			return false, nil
		case out.status != string(api.ProvisionedProductPlanStatusCreateInProgress):
			c.note(porcupine.Operation{ClientId: c.id, Input: in, Call: began, Output: out, Return: c.now()})
			return true, nil
		}
	}
	return false, c.fail(in, errors.New("the plan is stuck"))
}

// follow waits until a record has ended.
func (c *client) follow(record string) error {
	for limit := time.Now().Add(crashPatience); time.Now().Before(limit); <-time.After(breath) {
		if err := c.observe(record); err != nil || !slices.Contains(c.open, record) {
			return err
		}
	}
	return c.fail(asked{deed: recordEnd, of: record}, errors.New("the record is stuck"))
}

// observe looks whether a record has ended. One that was acknowledged is
// always found.
func (c *client) observe(record string) error {
	c.mu.Lock()
	o := *c.orders[record]
	c.mu.Unlock()
	in := asked{deed: recordEnd, name: o.name, of: record}
	out, _, err := c.ask(func(ctx context.Context, s api.Client) (answer, error) {
		out, err := s.DescribeRecord(ctx, &api.DescribeRecordInput{Id: record})
		if err != nil {
			return answer{}, err
		}
		return answer{product: out.RecordDetail.ProvisionedProductId, status: string(out.RecordDetail.Status)}, nil
	})
	switch {
	case err != nil:
		return c.fail(in, err)
	case out.verdict != granted || out.product != o.product:
		return c.fail(in, fmt.Errorf("it was acknowledged for %+v, and answers %+v", o, out))
	case out.status == string(api.RecordStatusSucceeded), out.status == string(api.RecordStatusFailed):
		c.note(porcupine.Operation{ClientId: c.id, Input: in, Call: o.asked, Output: out, Return: c.now()})
		c.open = slices.DeleteFunc(c.open, func(r string) bool { return r == record })
	}
	return nil
}

// look describes a name and returns the id of what has it.
func (c *client) look(name string) (string, error) {
	out, _, err := c.request(asked{deed: looks, name: name}, func(ctx context.Context, s api.Client) (answer, error) {
		out, err := s.DescribeProvisionedProduct(ctx, &api.DescribeProvisionedProductInput{Name: &name})
		if err != nil {
			return answer{}, err
		}
		d := out.ProvisionedProductDetail
		return answer{product: d.Id, record: d.LastRecordId, good: d.LastSuccessfulProvisioningRecordId, status: string(d.Status)}, nil
	})
	return out.product, err
}
