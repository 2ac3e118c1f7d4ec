package zoo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onehot-go/onehot/internal/fetch"
)

// content is what a server has, and published the row of it.
var (
	content   = bytes.Repeat([]byte("weights!"), 3000)
	published = func() Weights {
		sum := sha256.Sum256(content)
		return Weights{Net: "tiny", Version: "v1", File: "tiny-" + hex.EncodeToString(sum[:4]) + ".pth", MiB: 0.023}
	}()
)

// server is a TLS server of the file, in which handler may take the place of what it does.
type server struct {
	t       *testing.T
	address string
	client  *fetch.Client
	mu      sync.Mutex
	asked   []string // ranges
}

func serve(t *testing.T, handler func(w http.ResponseWriter, r *http.Request) (done bool)) *server {
	t.Helper()
	s := &server{t: t}
	tls := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Header.Get("Range"))
		s.mu.Unlock()
		if handler != nil && handler(w, r) {
			return
		}
		if r.URL.Path != "/"+published.File {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(tls.Close)
	s.address, s.client = tls.URL+"/", &fetch.Client{Transport: tls.Client().Transport}
	return s
}

func (s *server) download(ctx context.Context, folder string, progress Progress) (string, error) {
	return published.download(ctx, folder, progress, s.address, s.client)
}

// wantFiles fails unless the folder has files of these names, with * for digits, and the weights
// whole if they are among them.
func wantFiles(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		name := e.Name()
		if rest, ok := strings.CutPrefix(name, published.File+"."); ok && rest != "part" {
			name = published.File + ".*.part"
		}
		got = append(got, name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
	if slices.Contains(want, published.File) {
		if got, err := os.ReadFile(filepath.Join(folder, published.File)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("other content (%v)", err)
		}
	}
}

func TestDownload(t *testing.T) {
	s := serve(t, nil)
	folder := filepath.Join(t.TempDir(), "weights")
	_, err := published.Find(folder)
	missing, ok := errors.AsType[*MissingError](err)
	if want := fmt.Sprintf("the weights v1 of tiny are not at %s: get the 0.0 MiB from https://download.pytorch.org/models/%s and put them there",
		filepath.Join(folder, published.File), published.File); !ok || missing.Weights != published || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	last := int64(0)
	path, err := s.download(t.Context(), folder, func(done, total int64) {
		if done <= last || total != int64(len(content)) {
			t.Errorf("told of %d of %d after %d", done, total, last)
		}
		last = done
	})
	if want := filepath.Join(folder, published.File); err != nil || path != want || last != int64(len(content)) {
		t.Fatalf("got %q after %d bytes (%v), want %q", path, last, err, want)
	}
	wantFiles(t, folder, published.File)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("got permissions %v (%v)", info.Mode(), err)
	}
	// Again: it is there.
	if again, err := s.download(t.Context(), folder, nil); err != nil || again != path || len(s.asked) != 1 {
		t.Errorf("got %q (%v) after %q", again, err, s.asked)
	}
	if found, err := published.Find(folder); err != nil || found != path {
		t.Errorf("found %q (%v)", found, err)
	}
	// A file that is another is not replaced: somebody put it there.
	other := bytes.Clone(content)
	other[5]++
	for detail, b := range map[string][]byte{
		"size: found 5 bytes, 0.023 MiB expected":    content[:5],
		"SHA-256: found ":                            other,
		"one that begins with " + published.digits(): other,
	} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.download(t.Context(), folder, nil); err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), detail) {
			t.Errorf("got %v, want %s", err, detail)
		}
	}
}

// TestResume cuts a connection, and the program: what came is not asked for again.
func TestResume(t *testing.T) {
	const half = 10000
	cut := true
	s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !cut {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:half])
		panic(http.ErrAbortHandler)
	})
	folder := t.TempDir()
	if _, err := s.download(t.Context(), folder, nil); err == nil || !strings.HasPrefix(err.Error(), s.address+published.File+": ") || !strings.Contains(err.Error(), "EOF") {
		t.Fatalf("got %v", err)
	}
	wantFiles(t, folder, published.File+".part")
	cut = false
	first := int64(0)
	if _, err := s.download(t.Context(), folder, func(done, _ int64) {
		if first == 0 {
			first = done
		}
	}); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, folder, published.File)
	if want := []string{"", "bytes=10000-"}; !slices.Equal(s.asked, want) || first <= half {
		t.Errorf("asked for %q, and told of %d first; want %q", s.asked, first, want)
	}

	// A kill leaves a part under another name, which is taken once nobody can be writing it.
	for _, age := range []time.Duration{0, 2 * abandoned} {
		folder := t.TempDir()
		left := filepath.Join(folder, published.File+".123.part")
		if err := os.WriteFile(left, content[:half], 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(left, then, then); err != nil {
			t.Fatal(err)
		}
		s.asked = nil
		if _, err := s.download(t.Context(), folder, nil); err != nil {
			t.Fatal(err)
		}
		if age == 0 {
			wantFiles(t, folder, published.File, published.File+".*.part")
		} else {
			wantFiles(t, folder, published.File)
		}
		if want := map[bool]string{true: "", false: "bytes=10000-"}[age == 0]; len(s.asked) != 1 || s.asked[0] != want {
			t.Errorf("after %v: asked for %q, want %q", age, s.asked, want)
		}
	}

	// All of it, more of it, something else, and a server that sends no part.
	other := bytes.Clone(content)
	other[5]++
	whole := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		w.Write(content)
		return true
	})
	for name, c := range map[string]struct {
		part  []byte
		from  *server
		asked []string
	}{
		"all":       {content, s, []string{"bytes=24000-"}},
		"more":      {append(bytes.Clone(content), 1), s, []string{"bytes=24001-", ""}},
		"other":     {other[:half], s, []string{"bytes=10000-", ""}},
		"no ranges": {content[:half], whole, []string{"bytes=10000-"}},
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, published.File+".part"), c.part, 0o644); err != nil {
			t.Fatal(err)
		}
		c.from.asked = nil
		if _, err := c.from.download(t.Context(), folder, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantFiles(t, folder, published.File)
		if !slices.Equal(c.from.asked, c.asked) {
			t.Errorf("%s: asked for %q, want %q", name, c.from.asked, c.asked)
		}
	}
}

func TestDownloadErrors(t *testing.T) {
	other := bytes.Clone(content)
	other[5]++
	for name, c := range map[string]struct {
		handler func(w http.ResponseWriter, r *http.Request)
		want    string
		left    []string
	}{
		"not there":  {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "404 Not Found", []string{published.File + ".part"}},
		"wrong hash": {func(w http.ResponseWriter, _ *http.Request) { w.Write(other) }, "SHA-256: found ", nil},
		"too short":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(content[:100]) }, "size: found 100 bytes, 0.023 MiB expected", nil},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000000000")
			w.Write(content)
		}, "size: found 1000000000000 bytes, 0.023 MiB expected", nil},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			for w.(http.Flusher).Flush(); r.Context().Err() == nil; {
				if _, err := w.Write(content); err != nil {
					return
				}
			}
		}, "size: found 25165 bytes, 0.023 MiB expected", nil},
		"another part": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-23999/24000")
			w.WriteHeader(http.StatusPartialContent)
		}, `Content-Range: found "bytes 5-23999/24000", from byte 0 on expected`, nil},
		"sent to http": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1"+r.URL.Path, http.StatusFound)
		}, "redirect to http://127.0.0.1:1/" + published.File + ": https expected", []string{published.File + ".part"}},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
			c.handler(w, r)
			return true
		})
		folder := t.TempDir()
		_, err := s.download(t.Context(), folder, nil)
		if err == nil || !strings.HasPrefix(err.Error(), s.address+published.File+": "+c.want) {
			t.Errorf("%s: got  %v\nwant %s", name, err, c.want)
		}
		wantFiles(t, folder, c.left...)
	}

	s := serve(t, nil)
	s.address = strings.Replace(s.address, "https", "http", 1)
	if _, err := s.download(t.Context(), t.TempDir(), nil); err == nil || !strings.HasSuffix(err.Error(), "https expected") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s = serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	if _, err := s.download(ctx, t.TempDir(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := s.download(t.Context(), filepath.Join("testdata", "weights.py"), nil); err == nil {
		t.Error("a file is no folder")
	}
}

// TestSilence gives up a server that says nothing more, and keeps what it said.
func TestSilence(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		w.Write(content[:500])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	s.client.Stall = time.Second
	folder := t.TempDir()
	if _, err := s.download(t.Context(), folder, nil); err == nil || !strings.HasSuffix(err.Error(), ": nothing received for 1s") {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(folder, published.File+".part")); err != nil || len(got) != 500 {
		t.Errorf("kept %d bytes (%v)", len(got), err)
	}
}

// TestTwoAtOnce holds that downloads of one file into one folder all end with it.
func TestTwoAtOnce(t *testing.T) {
	s := serve(t, nil)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, published.File+".part"), content[:7], 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := s.download(t.Context(), folder, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantFiles(t, folder, published.File)
	if resumed := len(s.asked) - len(slices.DeleteFunc(slices.Clone(s.asked), func(r string) bool { return r == "bytes=7-" })); resumed != 1 {
		t.Errorf("asked for %q: the part is one download's", s.asked)
	}
}

// TestWeights holds the table to what nets and files can be.
func TestWeights(t *testing.T) {
	if folder, err := Folder(); err != nil || !strings.HasSuffix(filepath.ToSlash(folder), "onehot/weights") {
		t.Errorf("got %q (%v)", folder, err)
	}
	seen := map[string]bool{}
	for _, w := range weights {
		if digits, err := hex.DecodeString(w.digits()); err != nil || len(digits) != 4 || !strings.HasSuffix(w.File, ".pth") || seen[w.File] {
			t.Errorf("%s: no name with the digits of a hash, or twice", w.File)
		}
		seen[w.File] = true
		if !strings.HasPrefix(w.URL(), "https://download.pytorch.org/models/"+strings.SplitN(w.Net, "_", 2)[0]) {
			t.Errorf("%s: address %s", w.File, w.URL())
		}
	}
	for _, n := range Nets() {
		list := n.Weights()
		if len(list) == 0 || list[0].Version != "v1" || len(list) > 2 || len(list) == 2 && list[1].Version != "v2" {
			t.Errorf("%s: weights %v", n.Name, list)
			continue
		}
		d := n.Definition(ImageNet())
		costs, err := d.Costs()
		if err != nil {
			t.Errorf("%s: %v", n.Name, err)
			continue
		}
		bytes := 0
		for _, c := range costs {
			bytes += 4 * (c.Parameters + c.Buffers)
		}
		for _, w := range list {
			if more := w.MiB - float64(bytes)/(1<<20); more < -0.01 || more > 0.6 {
				t.Errorf("%s: %g MiB for %d bytes of numbers", w.File, w.MiB, bytes)
			}
		}
	}
	n, err := Named("efficientnet_b1")
	if err != nil {
		t.Fatal(err)
	}
	text, err := n.Weights()[0].Preprocess().MarshalJSON()
	if want := `[{"type":"resize-edge","size":256,"interpolation":"bicubic"},{"type":"center-crop","height":240,"width":240},{"type":"rgb"},{"type":"to-tensor"},` +
		`{"type":"normalize","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}]`; err != nil || string(text) != want {
		t.Errorf("got %s (%v)", text, err)
	}
	if _, err := Named("resnet"); err == nil || !strings.HasPrefix(err.Error(), `found net "resnet", alexnet, vgg11, `) || !strings.HasSuffix(err.Error(), "efficientnet_b3 or efficientnet_b4 expected") {
		t.Errorf("got %v", err)
	}
	if names := ImageNet(); len(names) != 1000 || names[0] != "tench" || names[999] != "toilet tissue" {
		t.Errorf("got %d names, from %s to %s", len(names), names[0], names[len(names)-1])
	}
}
