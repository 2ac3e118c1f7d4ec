package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/serve"
	"github.com/onehot-go/onehot/serve/grpc"
)

type serveCommand struct {
	Models []string `arg:"" name:"model" help:"Models to serve: files or runs' folders, each as it is or behind the name that requests have for it, as in digits=runs/mnist-2. Without one the name is that of the file or folder."`
	Addr   string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (default 127.0.0.1:8080). With a host that is this machine's own, only pages of this machine may ask; with none, as in :8080, everybody may."`

	MaxBatch       int      `placeholder:"N" help:"Samples that a net is given at once (default 64, or fewer of a net that takes much memory)."`
	MaxQueue       int      `placeholder:"N" help:"Samples that wait for a model, and the most of a request (default 1024, or fewer of large ones)."`
	MaxBody        byteSize `placeholder:"SIZE" help:"The most bytes of a request (default 16MB)."`
	MaxPixels      int      `placeholder:"N" help:"The most pixels of a picture (default 67108864)."`
	MaxConnections int      `default:"256" placeholder:"N" help:"Connections at once; others wait (default 256)."`
	DrainDelay     duration `default:"5s" placeholder:"TIME" help:"How long to go on answering after SIGTERM or Ctrl-C, while /v2/health/ready says that no more is to come (default 5s)."`
	memoryFlags
}

// What a client may take of the server's time.
const (
	headerTime = 10 * time.Second
	bodyTime   = time.Minute // of a request, from its header to its last byte
	idleTime   = 2 * time.Minute
	drainTime  = time.Minute // for requests that are being answered when the drain's delay is over
	headerSize = 64 << 10
)

func (c *serveCommand) Run(ctx context.Context, s streams) error {
	models, err := c.models(s.err)
	if err != nil {
		return err
	}
	c.limit()
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr %s: %w", c.Addr, cmp.Or(errors.Unwrap(err), err))
	}
	defer listener.Close()
	log := slog.New(slog.NewTextHandler(s.err, nil))
	server, err := serve.New(ctx, serve.Options{
		Models: models, MaxBatch: c.MaxBatch, MaxQueue: c.MaxQueue, MaxBody: int(c.MaxBody), MaxPixels: c.MaxPixels, Version: version(), Log: log,
	})
	if err != nil {
		return err
	}
	defer server.Close()
	grpc.Mount(server)
	fmt.Fprintf(s.err, "http://%s/\n", listener.Addr())
	return c.answer(ctx, server, listener)
}

// answer answers what comes to l until ctx is done, and then for as long as is asked for. The error is the
// listener's.
func (c *serveCommand) answer(ctx context.Context, server *serve.Server, l net.Listener) error {
	takeTime(ctx)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	h := &http.Server{
		Handler: server.Handler(), Protocols: protocols, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // what clients do wrong
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(bounded(l, c.MaxConnections)) }()
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

// models returns what the arguments name.
func (c *serveCommand) models(remarks io.Writer) ([]serve.Model, error) {
	var models []serve.Model
	seen := map[string]string{}
	for _, arg := range c.Models {
		name, path := modelName(arg)
		if err := serve.CheckName(name); err != nil {
			return nil, usagef("%s: %w; NAME=%s gives it another", printable.Name(arg), err, printable.Name(path))
		}
		if other, twice := seen[name]; twice {
			return nil, usagef("%s and %s are both called %s: NAME=%s gives one another name", printable.Name(other), printable.Name(arg), name, printable.Name(path))
		}
		seen[name] = arg
		models = append(models, serve.Model{Name: name, Load: func(context.Context) (*model.Model, error) { return loadModel(path, remarks) }})
	}
	return models, nil
}

// namedModel is an argument that begins with a name for a model.
var namedModel = regexp.MustCompile(`^([A-Za-z0-9._-]+)=(.+)$`)

// modelName returns what an argument calls a model, and where it is.
func modelName(arg string) (name, path string) {
	if m := namedModel.FindStringSubmatch(arg); m != nil {
		return m[1], m[2]
	}
	return strings.TrimSuffix(filepath.Base(arg), ".safetensors"), arg
}
