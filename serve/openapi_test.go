package serve

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/serve/page"
)

// TestOpenAPI holds openapi.yaml to the routes that there are.
func TestOpenAPI(t *testing.T) {
	text, err := fs.ReadFile(page.Files(), "openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var described, answered []string
	path := ""
	for _, m := range regexp.MustCompile(`(?m)^  (/\S*):$|^    (get|post|put|delete):$`).FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(m[1], "*")
		} else {
			described = append(described, strings.ToUpper(m[2])+" "+path)
		}
	}
	for _, r := range routes {
		answered = append(answered, r.method+" "+r.path)
	}
	slices.Sort(described)
	slices.Sort(answered)
	if !slices.Equal(described, answered) {
		t.Errorf("openapi.yaml has\n%s\nand the server\n%s", strings.Join(described, "\n"), strings.Join(answered, "\n"))
	}
}
