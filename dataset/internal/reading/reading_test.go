package reading

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAll(t *testing.T) {
	ctx := t.Context()
	for _, size := range []int64{0, 3, 5, 9} { // a file may grow and shrink
		if data, err := All(ctx, iotest.OneByteReader(strings.NewReader("12345")), size, 9); err != nil || string(data) != "12345" {
			t.Errorf("size %d: %q, %v", size, data, err)
		}
	}
	if _, err := All(ctx, strings.NewReader("12345"), 0, 4); err == nil || err.Error() != "found more than 4 bytes, at most that expected" {
		t.Errorf("error %v", err)
	}
	if _, err := All(ctx, iotest.ErrReader(errors.New("torn")), 0, 4); err == nil || err.Error() != "torn" {
		t.Errorf("error %v", err)
	}
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		done := make([]int, n)
		if err := Each(t.Context(), n, func(i int) { done[i]++ }); err != nil {
			t.Fatal(err)
		}
		for i, times := range done {
			if times != 1 {
				t.Errorf("%d was done %d times", i, times)
			}
		}
	}
}

func TestNamed(t *testing.T) {
	_, missing := os.Stat(filepath.Join(t.TempDir(), "1.jpg"))
	for _, err := range []error{nil, context.Canceled, context.DeadlineExceeded} {
		if got := Named("a", err); got != err {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	if got := Named("a", missing); !errors.Is(got, fs.ErrNotExist) || strings.Count(got.Error(), "a: ") != 1 || strings.Contains(got.Error(), "1.jpg") {
		t.Errorf("error %v", got)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.jpg")
	if err := os.WriteFile(path, []byte("12345"), 0o666); err != nil {
		t.Fatal(err)
	}
	if data, err := File(t.Context(), path, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := File(t.Context(), path, 4); err == nil || err.Error() != path+": found 5 bytes, at most 4 expected" {
		t.Errorf("error %v", err)
	}
}
