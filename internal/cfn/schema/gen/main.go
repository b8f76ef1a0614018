// Command gen packs the resource type schemas, the hints and the shapes into
// types.bin, which package schema embeds. The form is described in pack.go.
//
// Usage (see the go:generate line in schema.go):
//
//	gen -data data -out types.bin
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	data := flag.String("data", "data", "directory of resource-schemas.jsonl.gz, hints.json and shapes.txt")
	out := flag.String("out", "types.bin", "file to write")
	flag.Parse()
	packed, err := build(*data)
	if err == nil {
		err = os.WriteFile(*out, packed, 0o644) //nolint:gosec // a source file like any other
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// build reads the sources in dir and returns the packed form.
func build(dir string) ([]byte, error) {
	types, err := readTypes(filepath.Join(dir, "resource-schemas.jsonl.gz"))
	if err != nil {
		return nil, err
	}
	hints, err := readHints(filepath.Join(dir, "hints.json"))
	if err != nil {
		return nil, err
	}
	shapes, err := readShapes(filepath.Join(dir, "shapes.txt"))
	if err != nil {
		return nil, err
	}
	for name := range shapes {
		if _, ok := types[name]; !ok {
			return nil, fmt.Errorf("shapes.txt: no type %s", name)
		}
	}
	return pack(types, hints, shapes)
}
