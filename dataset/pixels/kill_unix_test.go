//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pixels

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

// TestKilled kills a child process at every change that it makes to the disk. The next
// program finds the earlier state or the new one, and removes what is left of the child.
func TestKilled(t *testing.T) {
	const dirVariable, cacheVariable, numberVariable = "PIXELS_TEST_FOLDER", "PIXELS_TEST_CACHE", "PIXELS_TEST_CHANGE"
	if dir := os.Getenv(dirVariable); dir != "" {
		n := 0
		fmt.Sscan(os.Getenv(numberVariable), &n)
		atomicfile.Before = func(string, string) error {
			if n--; n == 0 {
				self, _ := os.FindProcess(os.Getpid())
				self.Kill()
				select {}
			}
			return nil
		}
		mustLoad(t, dir, four, Options{Dir: os.Getenv(cacheVariable)})
		return
	}
	dir, cache := folderOf(t, map[string][]byte{"a": grey(1), "b": grey(2)}), t.TempDir()
	s, err := Load(context.Background(), listOf(t, dir), four, Options{Dir: cache})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for n := 1; ; n++ {
		put(t, dir, "c", grey(uint8(10+n)), longAgo)
		put(t, dir, "d", grey(uint8(100+n)), longAgo.AddDate(0, 0, n))
		put(t, dir, "c", grey(uint8(10+n)), longAgo.AddDate(0, 0, n))
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), dirVariable+"="+dir, cacheVariable+"="+cache, fmt.Sprint(numberVariable, "=", n))
		out, err := child.CombinedOutput()
		s, loadErr := Load(context.Background(), listOf(t, dir), four, Options{Dir: cache})
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		if got, want := firsts(s), []int{1, 2, 10 + n, 100 + n}; !slices.Equal(got, want) {
			t.Fatalf("killed at change %d: got %v, want %v", n, got, want)
		}
		s.Close()
		if err == nil {
			if n < 8 {
				t.Errorf("the child made %d changes", n-1)
			}
			break
		}
		if child.ProcessState.ExitCode() != -1 {
			t.Fatalf("change %d: %v: %s", n, err, out)
		}
	}
	// Places are written by the next program that has something to write.
	put(t, dir, "e", grey(77), longAgo)
	mustLoad(t, dir, four, Options{Dir: cache})
	if left, err := filepath.Glob(filepath.Join(cache, "*", ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// TestTwoAtOnce loads one folder from several goroutines, whose locks are as those of
// programs: one makes the pixels, and the others wait for it.
func TestTwoAtOnce(t *testing.T) {
	content := map[string][]byte{}
	for i := range 40 {
		content[fmt.Sprintf("%02d", i)] = grey(uint8(i))
	}
	dir, cache := folderOf(t, content), t.TempDir()
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			s, err := Load(context.Background(), listOf(t, dir), four, Options{Dir: cache})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for i, v := range firsts(s) {
				if i != v {
					t.Errorf("got %d, want %d", v, i)
				}
			}
		})
	}
	wait.Wait()
	if got := shelved(t, cache); len(got) != 1 {
		t.Errorf("got files %v, want 1", got)
	}
}

// TestFolderThatCannotBeWritten says which folder it is, and what helps.
func TestFolderThatCannotBeWritten(t *testing.T) {
	dir, file := folderOf(t, map[string][]byte{"a": grey(1)}), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Load(context.Background(), listOf(t, dir), four, Options{Dir: file})
	if want := "cache folder " + file + ": not a directory (--cache"; !contains(err, want) {
		t.Errorf("got error %v, want %s", err, want)
	}
}
