package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/serve"
	"github.com/onehot-go/onehot/serve/grpc"
	"github.com/onehot-go/onehot/serve/page"
	"github.com/onehot-go/onehot/tensor"
)

type serveCommand struct {
	Models []string `arg:"" name:"model" help:"Models to serve: files or runs' folders, each as it is or behind the name that requests have for it, as in digits=runs/mnist-2. Without one the name is that of the file or folder."`
	Addr   string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (default 127.0.0.1:8080). With a host that is this machine's own, only pages of this machine may ask; with none, as in :8080, everybody may."`

	MaxBatch       int      `placeholder:"N" help:"Samples that a net is given at once (default 64, or fewer of a net that takes much memory)."`
	MaxQueue       int      `placeholder:"N" help:"Samples that wait for a model, and the most of a request (default 1024, or fewer of large ones)."`
	MaxBody        byteSize `placeholder:"SIZE" help:"The most bytes of a request (default 16MB)."`
	MaxPixels      int      `placeholder:"N" help:"The most pixels of a picture (default 67108864)."`
	MaxConnections int      `default:"256" placeholder:"N" help:"Connections at once; others wait (default 256)."`
	TokenFile      string   `placeholder:"FILE" help:"Answer only who sends one of the tokens in FILE, a line each, but for health: as Authorization: Bearer TOKEN, or as a password in a browser."`
	TLSCert        string   `name:"tls-cert" placeholder:"FILE" help:"The certificate for HTTPS, with those that it builds on. It is read again when the file changes."`
	TLSKey         string   `name:"tls-key" placeholder:"FILE" help:"The certificate's key."`
	ReloadOnChange bool     `help:"Load a model again when its file changes, but not while a run trains. SIGHUP loads all models again at any time."`
	Admin          bool     `help:"Let requests load and unload the models that are named here."`
	LogLevel       string   `enum:"debug,info,warn" default:"info" placeholder:"LEVEL" help:"What to log: debug (every request), info or warn (default info)."`
	DrainDelay     duration `default:"5s" placeholder:"TIME" help:"How long to go on answering after SIGTERM or Ctrl-C, while /v2/health/ready says that no more is to come (default 5s)."`
	memoryFlags
}

// What a client may take of the server's time.
const (
	headerTime = 10 * time.Second
	bodyTime   = time.Minute     // of a request, from its header to its last byte
	answerTime = 2 * time.Minute // of a request, from its header to the last byte of its answer
	idleTime   = 2 * time.Minute
	drainTime  = time.Minute // for requests that are being answered when the drain's delay is over
	headerSize = 64 << 10
)

func (c *serveCommand) Run(ctx context.Context, s streams) error {
	o := serve.Options{MaxBatch: c.MaxBatch, MaxQueue: c.MaxQueue, MaxBody: int(c.MaxBody), MaxPixels: c.MaxPixels, Admin: c.Admin, Version: version()}
	for _, limit := range []int{c.MaxBatch, c.MaxQueue, c.MaxPixels, c.MaxConnections - 1} {
		if limit < 0 {
			return usagef("--max-batch, --max-queue, --max-pixels and --max-connections: at least 1 expected")
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return usagef("--tls-cert and --tls-key: both or none of them expected")
	}
	var err error
	if o.Models, err = c.models(s.err); err != nil {
		return err
	}
	if o.Tokens, err = c.tokens(); err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	notifyReload(asked)
	defer signal.Stop(asked)
	c.limit()
	defer tensor.SetThreads(0)
	scheme, secure := "http", (*tls.Config)(nil)
	if c.TLSCert != "" {
		pair := &certificate{cert: c.TLSCert, key: c.TLSKey}
		if _, err := pair.get(nil); err != nil {
			return err
		}
		scheme, secure = "https", &tls.Config{GetCertificate: pair.get}
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr %s: %w", c.Addr, cmp.Or(errors.Unwrap(err), err))
	}
	defer l.Close()
	o.Local = l.Addr().(*net.TCPAddr).IP.IsLoopback()
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	o.Log = slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: level}))
	server, err := serve.New(ctx, o)
	if err != nil {
		return err
	}
	defer server.Close()
	grpc.Mount(server)
	server.Handle("/", page.Handler())
	fmt.Fprintf(s.err, "%s://%s/\n", scheme, l.Addr())
	return c.answer(ctx, server, l, secure, asked)
}

// answer answers what comes to l until ctx is done, and then for as long as is asked for. The error is the
// listener's.
func (c *serveCommand) answer(ctx context.Context, server *serve.Server, l net.Listener, secure *tls.Config, asked <-chan os.Signal) error {
	takeTime(ctx)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	h := &http.Server{
		Handler: server.Handler(), Protocols: protocols, TLSConfig: secure, MaxHeaderBytes: headerSize,
		ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // it is about what clients do
	}
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- h.ServeTLS(bounded(l, c.MaxConnections), "", "")
		} else {
			ended <- h.Serve(bounded(l, c.MaxConnections))
		}
	}()
	reloading, stop := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	reloads.Go(func() { c.reload(reloading, server, asked) })
	defer reloads.Wait()
	defer stop()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	server.Drain()
	time.Sleep(c.DrainDelay.Duration)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if h.Shutdown(last) != nil {
		h.Close()
	}
	return nil
}

// reload loads models again when it is asked to, until ctx is done. What goes wrong is in the
// server's log.
func (c *serveCommand) reload(ctx context.Context, server *serve.Server, asked <-chan os.Signal) {
	var looks <-chan time.Time
	seen := map[string]fileState{}
	if c.ReloadOnChange {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		looks = ticker.C
		for _, arg := range c.Models {
			_, path := modelName(arg)
			seen[path] = lookAt(path)
		}
	}
	for {
		select {
		case <-asked:
			for _, arg := range c.Models {
				name, path := modelName(arg)
				if c.ReloadOnChange {
					seen[path] = lookAt(path)
				}
				server.Reload(ctx, name)
			}
		case <-looks:
			for _, arg := range c.Models {
				name, path := modelName(arg)
				if now := lookAt(path); now != seen[path] && !training(path) {
					seen[path] = now
					server.Reload(ctx, name)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// lookEvery is how often --reload-on-change looks at files.
const lookEvery = time.Second

// fileState is what is seen of a model's file without reading it.
type fileState struct {
	size    int64
	changed time.Time
}

// lookAt returns the state of a file, or of the model's in a run's folder; nothing of one that is not there.
func lookAt(path string) fileState {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		info, err = os.Stat(folder(path).best())
	}
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime()}
}

// training reports whether a run trains in the folder at path.
func training(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return false
	}
	unlock, err := folder(path).hold(folder(path))
	if err != nil {
		return true
	}
	unlock()
	return false
}

// tokens returns the tokens in the file of --token-file.
func (c *serveCommand) tokens() ([]string, error) {
	if c.TokenFile == "" {
		return nil, nil
	}
	text, err := memory.ReadFile(c.TokenFile, maxTokens)
	if err != nil {
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	tokens := strings.Fields(string(text))
	if len(tokens) == 0 {
		return nil, fmt.Errorf("--token-file %s: no token in it, one a line expected", c.TokenFile)
	}
	return tokens, nil
}

// maxTokens is the most bytes of a file of tokens.
const maxTokens = 1 << 20

// certificate is a certificate and its key in files, which are read again when they change.
type certificate struct {
	cert, key string

	mu   sync.Mutex
	of   [2]fileState
	read *tls.Certificate
}

// get returns the certificate. If the files have become unreadable, it is the one before.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := [2]fileState{lookAt(c.cert), lookAt(c.key)}
	if c.read != nil && now == c.of {
		return c.read, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		if c.read == nil {
			return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", c.cert, c.key, err)
		}
		return c.read, nil
	}
	c.read, c.of = &pair, now
	return c.read, nil
}

// models returns what the arguments name.
func (c *serveCommand) models(remarks io.Writer) ([]serve.Model, error) {
	var models []serve.Model
	seen := map[string]string{}
	sizes := &netSizes{operations: map[string]int{}}
	for _, arg := range c.Models {
		name, path := modelName(arg)
		if err := serve.CheckName(name); err != nil {
			return nil, usagef("%s: %w; NAME=%s gives it another", printable.Name(arg), err, printable.Word(path))
		}
		if other, twice := seen[name]; twice {
			return nil, usagef("%s and %s are both called %s: NAME=%s gives one another name", printable.Name(other), printable.Name(arg), name, printable.Word(path))
		}
		seen[name] = arg
		models = append(models, serve.Model{Name: name, Load: func(context.Context) (*model.Model, error) {
			m, err := loadModel(path, remarks)
			if err != nil {
				return nil, err
			}
			return m, sizes.note(name, m)
		}})
	}
	return models, nil
}

// netSizes are how many operations a sample takes, by the names of models.
type netSizes struct {
	mu         sync.Mutex
	operations map[string]int
}

// note lets the cores share what one worker computes if there is a model that is worth it. Of small
// ones each core computes its own batches: to wake others takes longer than to compute.
func (s *netSizes) note(name string, m *model.Model) error {
	costs, err := m.Costs()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations[name] = 0
	for _, c := range costs {
		s.operations[name] += c.FLOPs
	}
	threads := 1
	for _, n := range s.operations {
		if n > oneCoreNet {
			threads = 0
		}
	}
	tensor.SetThreads(threads)
	return nil
}

// oneCoreNet is the most operations of a sample that one core computes: some hundred microseconds.
const oneCoreNet = 10_000_000

// namedModel is an argument that begins with a name for a model.
var namedModel = regexp.MustCompile(`^([A-Za-z0-9._-]+)=(.+)$`)

// modelName returns what an argument calls a model, and where it is.
func modelName(arg string) (name, path string) {
	if m := namedModel.FindStringSubmatch(arg); m != nil {
		return m[1], m[2]
	}
	return strings.TrimSuffix(filepath.Base(arg), ".safetensors"), arg
}
