// Package examples holds products that a team could really offer. They are
// files to copy; "larder demo" publishes them and tests launch each of them.
package examples

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed products/*/*.yaml
var files embed.FS

// Products returns the names of the example products, sorted.
func Products() []string {
	entries, err := fs.ReadDir(files, "products")
	if err != nil {
		panic(err) // the folder is embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// Template returns the template of an example product.
func Template(product string) ([]byte, error) {
	return files.ReadFile(path.Join("products", product, "template.yaml"))
}
