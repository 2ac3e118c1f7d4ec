package kernel

import (
	"slices"
	"testing"
)

func TestOtherKernelsAreUsed(t *testing.T) {
	before := active
	defer Use(before.name)
	names := Names()
	if names[0] != before.name || names[len(names)-1] != "generic" {
		t.Errorf("found %v, %s first and generic last expected", names, before.name)
	}
	var followed []string
	Follow(func(name string) { followed = append(followed, name) })
	defer func() { followers = followers[:len(followers)-1] }()
	if err := Use("generic"); err != nil {
		t.Fatal(err)
	}
	if name, _ := Name(); name != "generic" || !slices.Equal(Names(), []string{"generic"}) {
		t.Errorf("found %s and %v, generic expected", name, Names())
	}
	if !slices.Equal(followed, []string{before.name, "generic"}) {
		t.Errorf("a follower heard of %v", followed)
	}
	if err := Use("sse9"); err == nil || active.name != "generic" {
		t.Errorf("found %v for kernels that there are not, and %s in use", err, active.name)
	}
}
