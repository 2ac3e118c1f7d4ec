// Package fetch asks for files over https, as all downloads of the project do: never over a
// connection that others can listen to, and never longer than something comes.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client asks. The zero value is how users' files are fetched.
type Client struct {
	Transport http.RoundTripper // nil means http.DefaultTransport
	Stall     time.Duration     // how long to wait for the next bytes; 0 means 30 s
}

// Get asks for what is at address, with a header. A slow line may take as long as it needs; a
// silent one is given up, which is the error of reading the body then. The caller closes the body.
// Errors name no address but one that is not https.
func (c *Client) Get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	stall := c.Stall
	if stall == 0 {
		stall = 30 * time.Second
	}
	ctx, cancel := context.WithCancelCause(ctx)
	b := &body{ctx: ctx, cancel: cancel, stall: stall}
	b.watch = time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing received for %v", stall)) })
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		b.stop()
		return nil, err
	}
	request.Header = header
	client := http.Client{Transport: c.Transport, CheckRedirect: httpsOnly}
	if err := httpsOnly(request, nil); err != nil {
		b.stop()
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok {
			err = named.Err
		}
		err = b.because(err)
		b.stop()
		return nil, err
	}
	b.ReadCloser = response.Body
	response.Body = b
	return response, nil
}

// httpsOnly refuses to ask where others can listen and change.
func httpsOnly(request *http.Request, via []*http.Request) error {
	if request.URL.Scheme != "https" {
		if len(via) == 0 {
			return fmt.Errorf("%s: https expected", request.URL)
		}
		return fmt.Errorf("redirect to %s: https expected", request.URL)
	}
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	return nil
}

// body is a response's, with a watch that bytes put forward.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	watch  *time.Timer
	stall  time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.Reset(b.stall)
	}
	if err != nil { // where the asking ended, the connection may end as if all had come
		err = b.because(err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.stop()
	return err
}

func (b *body) stop() {
	b.watch.Stop()
	b.cancel(nil)
}

// because returns why the asking ended, where it did, and else err.
func (b *body) because(err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return err
}
