package template

// Zones returns the zones of a region as most accounts see them: a, b and c,
// except where AWS has more or other ones. It is what Fn::GetAZs gives where
// [Env] says nothing else.
func Zones(region string) []string {
	letters := "abc"
	switch region {
	case "us-east-1":
		letters = "abcdef"
	case "us-west-2", "ap-northeast-2":
		letters = "abcd"
	case "ap-northeast-1":
		letters = "acd"
	case "ca-central-1":
		letters = "abd"
	case "us-west-1":
		letters = "ac"
	}
	zones := make([]string, len(letters))
	for i := range zones {
		zones[i] = region + letters[i:i+1]
	}
	return zones
}
