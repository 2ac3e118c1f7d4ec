package collection

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dataset"
)

// serve starts an https server and makes it the only mirror of c, or one more.
func serve(t *testing.T, c *Collection, handler http.HandlerFunc) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	c.Mirrors = append(c.Mirrors, server.URL+"/")
	c.download.Transport = server.Client().Transport // trusts every server of httptest
}

// good serves what the mirrors have.
func good(contents map[string][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, compressed := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".gz")
		if b, ok := contents[name]; ok && compressed {
			w.Write(zip(b))
			return
		}
		http.NotFound(w, r)
	}
}

// left returns the paths of the files under root.
func left(t *testing.T, root string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

var allFiles = []string{"Tiny/raw/test-images", "Tiny/raw/test-labels", "Tiny/raw/train-images", "Tiny/raw/train-labels"}

func TestDownload(t *testing.T) {
	c, contents := tiny()
	var asked []string
	serve(t, c, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		good(contents)(w, r)
	})
	root := t.TempDir()
	seen := map[string]int64{}
	if err := c.Download(t.Context(), root, func(file string, done, total int64) {
		if done <= seen[file] || total != int64(len(contents[file])) {
			t.Errorf("%s: told of %d after %d, of %d", file, done, seen[file], total)
		}
		seen[file] = done
	}); err != nil {
		t.Fatal(err)
	}
	for name, b := range contents {
		if seen[name] != int64(len(b)) {
			t.Errorf("%s: the last that was told is %d of %d", name, seen[name], len(b))
		}
	}
	if got := left(t, root); !slices.Equal(got, allFiles) {
		t.Errorf("left %q, want %q", got, allFiles)
	}
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		if _, err := c.Open(root, split); err != nil {
			t.Error(err)
		}
	}

	// Again: what is there and can be read is left alone, what cannot is replaced.
	asked = nil
	write(t, filepath.Join(root, "Tiny/raw/test-labels"), contents["test-labels"][:5])
	if err := os.Remove(filepath.Join(root, "Tiny/raw/test-images")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "test-images.gz"), zip(contents["test-images"]))
	if err := c.Download(t.Context(), root, nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"/test-labels.gz"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if _, err := c.Open(root, dataset.Test); err != nil {
		t.Error(err)
	}
}

func TestDownloadErrors(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler func(contents map[string][]byte) http.HandlerFunc
		want    string // in the error
	}{
		{"not there", func(map[string][]byte) http.HandlerFunc { return http.NotFound }, "404 Not Found"},
		{"other bytes", func(contents map[string][]byte) http.HandlerFunc {
			contents["train-images"] = slices.Clone(contents["train-images"])
			contents["train-images"][100] ^= 1
			return good(contents)
		}, "SHA-256: found "},
		{"too few bytes", func(contents map[string][]byte) http.HandlerFunc {
			contents["train-images"] = contents["train-images"][:100]
			return good(contents)
		}, "size: found 100 bytes, expected 3152"},
		{"too many bytes", func(contents map[string][]byte) http.HandlerFunc {
			contents["train-images"] = make([]byte, 1<<20)
			return good(contents)
		}, "size: found more than 3152 bytes, expected 3152"},
		{"not compressed", func(contents map[string][]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { w.Write(contents["train-images"]) }
		}, "gzip: invalid header"},
		{"cut off", func(contents map[string][]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				b := zip(contents["train-images"])
				w.Write(b[:len(b)-9])
			}
		}, "unexpected EOF"},
		{"connection lost", func(contents map[string][]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000000")
				w.Write(zip(contents["train-images"])[:20])
				panic(http.ErrAbortHandler)
			}
		}, "EOF"},
		{"sent to http", func(map[string][]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.1:1"+r.URL.Path, http.StatusFound)
			}
		}, "redirect to http://127.0.0.1:1/train-images.gz: https expected"},
		{"sent in circles", func(map[string][]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.Path, http.StatusFound)
			}
		}, "more than 10 redirects"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, contents := tiny()
			serve(t, c, test.handler(contents))
			root := t.TempDir()
			err := c.Download(t.Context(), root, nil)
			if err == nil {
				t.Fatal("no error")
			}
			prefix := "tiny: train-images: " + c.Mirrors[0] + "train-images.gz: "
			if !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %q\nwant %q", err, prefix+test.want)
			}
			if got := left(t, root); got != nil {
				t.Errorf("left %q", got)
			}

			// The next mirror makes up for it.
			_, whole := tiny()
			serve(t, c, good(whole))
			if err := c.Download(t.Context(), root, nil); err != nil {
				t.Error(err)
			}
			if got := left(t, root); !slices.Equal(got, allFiles) {
				t.Errorf("left %q, want %q", got, allFiles)
			}
		})
	}
}

func TestDownloadEveryMirrorsWord(t *testing.T) {
	c, _ := tiny()
	serve(t, c, http.NotFound)
	serve(t, c, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	err := c.Download(t.Context(), t.TempDir(), nil)
	want := "tiny: train-images: " + c.Mirrors[0] + "train-images.gz: 404 Not Found; " + c.Mirrors[1] + "train-images.gz: 418 I'm a teapot"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestDownloadSilence gives a mirror up that says nothing, or nothing more.
func TestDownloadSilence(t *testing.T) {
	for _, said := range [][]byte{nil, zip(array(4, Side, Side))[:20]} {
		c, _ := tiny()
		c.download.Stall = 20 * time.Millisecond
		serve(t, c, func(w http.ResponseWriter, r *http.Request) {
			if said != nil {
				w.Write(said)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		root := t.TempDir()
		if err := c.Download(t.Context(), root, nil); err == nil || !strings.HasSuffix(err.Error(), ": nothing received for 20ms") {
			t.Errorf("after %d bytes: got %v", len(said), err)
		}
		if got := left(t, root); got != nil {
			t.Errorf("left %q", got)
		}
	}
}

func TestDownloadCancelled(t *testing.T) {
	c, contents := tiny()
	ctx, cancel := context.WithCancel(t.Context())
	serve(t, c, func(w http.ResponseWriter, r *http.Request) {
		w.Write(zip(contents["train-images"])[:20])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	serve(t, c, func(http.ResponseWriter, *http.Request) { t.Error("the second mirror was asked") })
	root := t.TempDir()
	if err := c.Download(ctx, root, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if got := left(t, root); got != nil {
		t.Errorf("left %q", got)
	}
}

// TestMirrors checks the addresses that users' files come from.
func TestMirrors(t *testing.T) {
	for _, c := range []*Collection{MNIST, FashionMNIST} {
		for _, m := range c.Mirrors {
			if !strings.HasPrefix(m, "https://") || !strings.HasSuffix(m, "/") {
				t.Errorf("%s: mirror %q", c.Name, m)
			}
		}
	}
}
