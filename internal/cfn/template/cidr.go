package template

import (
	"math/big"
	"net/netip"
	"strconv"
	"strings"

	"larder/internal/cfn/schema"
)

// maxCidrs is how many blocks Fn::Cidr gives at most (its reference).
const maxCidrs = 256

// cidr evaluates Fn::Cidr: count blocks of 2^bits addresses each, from the
// start of the given block. IPv4 without bits takes 8, as AWS does.
func (ev *evaluator) cidr(n *Node) (schema.Value, *Error) {
	var texts [3]string
	secret := false
	for i := range n.items {
		text, hidden, unknown, err := ev.argument(n, i)
		switch {
		case err != nil:
			return nil, err
		case unknown != nil:
			return unknown.value(), nil
		}
		texts[i] = strings.TrimSpace(text)
		secret = secret || hidden
	}
	if schema.HoldsPlaceholder(texts[0]) {
		return plainOrSecret(texts[0], secret), nil
	}
	block, failure := netip.ParsePrefix(texts[0])
	if failure != nil {
		return nil, fault("Template error: Fn::Cidr: '%s' is not a valid CIDR block", texts[0])
	}
	count, failure := strconv.Atoi(texts[1])
	if failure != nil || count < 1 || count > maxCidrs {
		return nil, fault("Template error: Fn::Cidr: the count must be between 1 and %d", maxCidrs)
	}
	bits := 8
	if len(n.items) == 3 {
		if bits, failure = strconv.Atoi(texts[2]); failure != nil {
			return nil, fault("Template error: Fn::Cidr: the number of subnet bits must be an integer")
		}
	}
	blocks, ok := subnets(block, count, bits)
	if !ok {
		return nil, fault("Template error: Fn::Cidr: %s does not hold %d blocks of %d bits", block, count, bits)
	}
	list := make([]any, len(blocks))
	for i, b := range blocks {
		list[i] = plainOrSecret(b.String(), secret)
	}
	return list, ev.spend(32 * len(list))
}

// subnets returns the first count blocks of 2^bits addresses of a block.
func subnets(block netip.Prefix, count, bits int) ([]netip.Prefix, bool) {
	width := block.Addr().BitLen()
	length := width - bits
	if bits < 1 || length < block.Bits() || length > width {
		return nil, false
	}
	if room := length - block.Bits(); room < 31 && count > 1<<room {
		return nil, false
	}
	first := block.Masked().Addr()
	at := new(big.Int).SetBytes(first.AsSlice())
	step := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	out := make([]netip.Prefix, 0, count)
	buf := make([]byte, width/8)
	for range count {
		addr, _ := netip.AddrFromSlice(at.FillBytes(buf))
		out = append(out, netip.PrefixFrom(addr, length))
		at.Add(at, step)
	}
	return out, true
}
