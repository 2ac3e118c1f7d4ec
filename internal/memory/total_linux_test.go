package memory

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestGroupLimits(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"memory.max":                          "max\n",
		"a/memory.max":                        "3000\n",
		"a/b/memory.max":                      "4000\n",
		"memory/memory.limit_in_bytes":        "9223372036854771712\n",
		"memory/docker/memory.limit_in_bytes": "5000\n",
		"cpu/docker/memory.limit_in_bytes":    "1\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string][]int64{
		"0::/a/b\n":  {4000, 3000},
		"0::/\n":     nil,
		"0::/../x\n": nil,
		"8:pids:/\n4:memory:/docker/not-here\n1:cpu:/docker\n": {5000, 9223372036854771712},
		"nonsense": nil,
	} {
		if got := groupLimits(root, groups); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", groups, got, want)
		}
	}
}

func TestTotal(t *testing.T) {
	if n := Total(); n < 1<<26 || n > 1<<50 {
		t.Errorf("found %d bytes", n)
	}
}
