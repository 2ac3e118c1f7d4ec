package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onehot-go/onehot/model"
)

// told is what a server says, and where it is once it says that.
type told struct {
	mu   sync.Mutex
	text bytes.Buffer
	at   chan string // the address of its page
	once sync.Once
}

var address = regexp.MustCompile(`(?m)^(https?://[0-9.:]+)/$`)

func (s *told) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if m := address.FindStringSubmatch(s.text.String()); m != nil {
		s.once.Do(func() { s.at <- m[1] })
	}
	return len(p), nil
}

func (s *told) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// serving runs the program's server and returns where it is, and what ends it and returns what it said.
func serving(t *testing.T, args ...string) (at string, end func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said := &told{at: make(chan string, 1)}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0", "--drain-delay", "0s"}, args...), io.Discard, said)
	}()
	select {
	case at = <-said.at:
	case c := <-code:
		cancel()
		t.Fatalf("exit code %d, %s", c, said)
	}
	end = sync.OnceValue(func() string {
		cancel()
		if c := <-code; c != 0 {
			t.Errorf("exit code %d, %s", c, said)
		}
		return said.String()
	})
	t.Cleanup(func() { end() })
	return at, end
}

// fetch sends a request and returns the status and the answer.
func fetch(t *testing.T, client *http.Client, method, url string, body []byte, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// newClient returns a client that keeps no connection.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

// TestServe asks for what predict says too, and gets the same.
func TestServe(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	file := greys(t, dir, 77)[0]
	at, end := serving(t, m, "again="+m)
	client := newClient()
	var predicted, served prediction
	if err := json.Unmarshal([]byte(succeed(t, "predict", "--json", m, file)), &predicted); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model", "again"} {
		status, text := fetch(t, client, "POST", at+"/v1/classify?model="+name, readFile(t, file))
		if err := json.Unmarshal([]byte(text), &served); err != nil || status != 200 {
			t.Fatalf("status %d, %s", status, text)
		}
		if fmt.Sprint(served.Predictions) != fmt.Sprint(predicted.Predictions) {
			t.Errorf("served %v, predicted %v", served.Predictions, predicted.Predictions)
		}
	}
	for path, want := range map[string]int{"/v2/health/ready": 200, "/v2/models/model": 200, "/metrics": 200, "/v2/models/other": 404} {
		if status, text := fetch(t, client, "GET", at+path, nil); status != want {
			t.Errorf("%s: status %d, %s", path, status, text)
		}
	}
	if status, _ := fetch(t, client, "GET", at+"/v2", nil, "Origin", "http://evil.example"); status != http.StatusForbidden {
		t.Errorf("another origin: status %d", status)
	}
	if said := end(); strings.Count(said, "result=loaded") != 2 {
		t.Errorf("it said %s", said)
	}
}

// writePair writes a certificate and its key.
func writePair(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return cert, key
}

// TestServeSecure has HTTPS with tokens. A new certificate is taken, and one that is broken is not.
func TestServeSecure(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, 1)
	tokens := filepath.Join(dir, "tokens")
	writeFile(t, tokens, []byte("secret\nother\n"))
	at, _ := serving(t, drawingsModel(t, "", 1), "--tls-cert", cert, "--tls-key", key, "--token-file", tokens)
	serial := func() int64 {
		c, err := tls.Dial("tcp", strings.TrimPrefix(at, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	for token, want := range map[string]int{"secret": 200, "other": 200, "": 401, "Secret": 401} {
		if status, text := fetch(t, newClient(), "GET", at+"/v2", nil, "Authorization", "Bearer "+token); status != want {
			t.Errorf("the token %q: status %d, %s", token, status, text)
		}
	}
	if status, _ := fetch(t, newClient(), "GET", at+"/v2/health/ready", nil); status != 200 {
		t.Errorf("health: status %d", status)
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	writePair(t, dir, 2)
	os.Chtimes(cert, time.Time{}, time.Now().Add(time.Second)) // as if it were written later
	if n := serial(); n != 2 {
		t.Errorf("certificate %d after another was written", n)
	}
	writeFile(t, cert, []byte("half a certif"))
	if n := serial(); n != 2 {
		t.Errorf("certificate %d after it was broken", n)
	}
}

// TestServeReloadOnChange writes another model to the file.
func TestServeReloadOnChange(t *testing.T) {
	path, other := drawingsModel(t, "", 1), drawingsModel(t, "", 2)
	at, _ := serving(t, path, "--reload-on-change", "--log-level", "warn")
	version := func() string {
		_, text := fetch(t, newClient(), "GET", at+"/v2/models/model", nil)
		var m struct{ Versions []string }
		if err := json.Unmarshal([]byte(text), &m); err != nil || len(m.Versions) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		return m.Versions[0]
	}
	before := version()
	m, err := model.Load(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(path, time.Time{}, time.Now().Add(time.Second))
	for version() == before { // until it has looked
		time.Sleep(10 * time.Millisecond)
	}
}

func TestServeErrors(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	empty := filepath.Join(dir, "empty")
	writeFile(t, empty, nil)
	gone := filepath.Join(dir, "gone")
	wantError(t, exitUsage, m+" and "+m+" are both called model: NAME="+m+" gives one another name", "serve", m, m)
	wantError(t, exitUsage, `a b: a model called "a b": letters, digits, '.', '_' and '-' expected, 128 at most; NAME='a b' gives it another`, "serve", "a b")
	wantError(t, exitUsage, "--tls-cert and --tls-key: both or none of them expected", "serve", m, "--tls-cert", gone)
	wantError(t, exitUsage, "--max-batch, --max-queue, --max-pixels and --max-connections: at least 1 expected", "serve", m, "--max-connections", "0")
	wantError(t, exitFailure, "--token-file: open "+gone+": no such file or directory", "serve", m, "--token-file", gone)
	wantError(t, exitFailure, "--token-file "+empty+": no token in it, one a line expected", "serve", m, "--token-file", empty)
	wantError(t, exitFailure, "--tls-cert "+gone+", --tls-key "+gone+": open "+gone+": no such file or directory", "serve", m, "--tls-cert", gone, "--tls-key", gone)
	for _, args := range [][]string{{"serve", gone, "--addr", "127.0.0.1:0"}, {"serve", m, "x=" + empty, "--addr", "127.0.0.1:0"}} {
		_, stderr, code := onehot(t, args...)
		if lines := strings.Split(strings.TrimSpace(stderr), "\n"); code != exitFailure || !strings.Contains(lines[len(lines)-1], "onehot: ") {
			t.Errorf("%v: exit code %d, %s", args, code, stderr)
		}
	}
}
