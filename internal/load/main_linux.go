// Load asks a server for answers of one model at a steady rate, and says how long they took:
//
//	go run ./internal/load -rate 10000 -seconds 60 http://127.0.0.1:8080/v2/models/NAME
//
// Requests have fixed times, whatever came back, and an answer's time is counted from its request's
// time: a server that stalls is seen to stall for all requests that it kept from being answered.
// How late its own clock was, because the machine had no time for it, is printed too: as much of the
// answers' times is not the server's. It loads servers of this machine alone, unless it is told -anywhere.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// maxRequests is the most that one run sends: each has a place for its times.
const maxRequests = 10_000_000

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	rate := flags.Float64("rate", 1000, "requests a second")
	seconds := flags.Float64("seconds", 10, "how long")
	connections := flags.Int("connections", 64, "connections, and so requests that are under way at once")
	kind := flags.String("body", "binary", "binary (bytes of pixels), float (four bytes a number), json (numbers as text) or picture (a PNG, to /v1/classify)")
	anywhere := flags.Bool("anywhere", false, "load a server of another machine")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("one address of a model expected, http://HOST:PORT/v2/models/NAME")
	}
	at, err := url.Parse(flags.Arg(0))
	if err != nil || at.Scheme != "http" || at.Port() == "" || !strings.HasPrefix(at.Path, "/v2/models/") {
		return fmt.Errorf("%s: http://HOST:PORT/v2/models/NAME expected", flags.Arg(0))
	}
	if ip := net.ParseIP(at.Hostname()); !*anywhere && at.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s is another machine: -anywhere loads it", at.Hostname())
	}
	n := *rate * *seconds
	if !(n >= 1 && n <= maxRequests) || *connections < 1 || *connections > 1024 {
		return fmt.Errorf("%v requests over %d connections: from 1 to %d over 1 to 1024 expected", n, *connections, maxRequests)
	}
	request, err := newRequest(at, *kind)
	if err != nil {
		return err
	}
	l := &load{address: at.Host, request: request, every: time.Duration(1e9 / *rate), took: make([]time.Duration, int(n)), late: make([]time.Duration, int(n))}
	before := processorTime()
	failures, elapsed := l.run(*connections)
	used := processorTime() - before
	fmt.Fprintf(out, "%d requests of %d bytes in %.1f s: %.0f/s of %.0f/s asked for\n", len(l.took), len(request), elapsed.Seconds(), float64(len(l.took))/elapsed.Seconds(), *rate)
	fmt.Fprintf(out, "answered after  %s\n", quantiles(l.took))
	fmt.Fprintf(out, "own clock late  %s\n", quantiles(l.late))
	fmt.Fprintf(out, "failed          %d%s\n", failures.all, failures.first)
	fmt.Fprintf(out, "this program    %.2f processors\n", used.Seconds()/elapsed.Seconds())
	return nil
}

// processorTime returns the time that processors spent on this process.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quantiles says how long most of some times are. It sorts them.
func quantiles(times []time.Duration) string {
	slices.Sort(times)
	at := func(q float64) float64 { return float64(times[min(int(q*float64(len(times))), len(times)-1)]) / 1e6 }
	return fmt.Sprintf("p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, the longest %.3f ms", at(0.5), at(0.99), at(0.999), at(1))
}

// newRequest returns the bytes of a request for the model at an address.
func newRequest(at *url.URL, kind string) ([]byte, error) {
	var m struct {
		Inputs []struct {
			Name  string
			Shape []int
		}
	}
	response, err := http.Get(at.String())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", at, response.Status, bytes.TrimSpace(text))
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	if len(m.Inputs) == 0 || len(m.Inputs[0].Shape) != 4 {
		return nil, fmt.Errorf("%s: a model of pictures expected", at)
	}
	shape := slices.Concat([]int{1}, m.Inputs[0].Shape[1:])
	pixels := make([]byte, shape[1]*shape[2]*shape[3])
	draw := rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = byte(draw.Uint32())
	}
	input := map[string]any{"name": m.Inputs[0].Name, "shape": shape, "datatype": "FP32"}
	question := map[string]any{"inputs": []any{input}, "outputs": []any{map[string]any{"name": "probabilities"}}}
	var behind []byte
	switch kind {
	case "binary":
		behind = pixels
		input["datatype"] = "UINT8"
	case "float":
		for _, v := range pixels {
			behind, _ = binary.Append(behind, binary.LittleEndian, float32(v)/255)
		}
	case "json":
		numbers := make([]float32, len(pixels))
		for i, v := range pixels {
			numbers[i] = float32(v) / 255
		}
		input["data"] = numbers
	case "picture":
		picture := image.NewRGBA(image.Rect(0, 0, shape[3], shape[2]))
		for i := range picture.Pix {
			picture.Pix[i] = pixels[i/4%len(pixels)] | byte(0xff*(i%4/3)) // grey, and opaque
		}
		var file bytes.Buffer
		if err := png.Encode(&file, picture); err != nil {
			return nil, err
		}
		return post(at.Host, "/v1/classify?model="+url.QueryEscape(path.Base(at.Path)), nil, file.Bytes()), nil
	default:
		return nil, fmt.Errorf("-body %s: binary, float, json or picture expected", kind)
	}
	if behind != nil {
		input["parameters"] = map[string]int{"binary_data_size": len(behind)}
		question["parameters"] = map[string]bool{"binary_data_output": true}
	}
	asked, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	var header []string
	if behind != nil {
		header = []string{"Inference-Header-Content-Length: " + strconv.Itoa(len(asked))}
	}
	return post(at.Host, at.Path+"/infer", header, append(asked, behind...)), nil
}

// post returns a request with a body.
func post(host, target string, header []string, body []byte) []byte {
	head := append([]string{"POST " + target + " HTTP/1.1", "Host: " + host, "Content-Type: application/octet-stream", "Content-Length: " + strconv.Itoa(len(body))}, header...)
	return append([]byte(strings.Join(head, "\r\n")+"\r\n\r\n"), body...)
}

// load is requests with their times.
type load struct {
	address string
	request []byte
	every   time.Duration
	took    []time.Duration // from when a request was due until its answer had come, or it failed
	late    []time.Duration // from when it was due until it was given to the connections
}

// failures are how many requests had no answer, and what the first of them had in its place.
type failures struct {
	mu    sync.Mutex
	all   int
	first string
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all++; f.all == 1 {
		f.first = ", the first: " + err.Error()
	}
}

// run sends all requests, and returns how many failed, and how long it took from when the first was due.
func (l *load) run(connections int) (*failures, time.Duration) {
	due := make(chan int, len(l.took))
	start := time.Now().Add(100 * time.Millisecond)
	go func() {
		runtime.LockOSThread() // a sleep of its own is more exact than one of the scheduler
		defer close(due)
		for i := range l.took {
			for {
				wait := time.Until(start.Add(time.Duration(i) * l.every))
				if wait <= 0 {
					break
				}
				pause := syscall.NsecToTimespec(int64(wait))
				syscall.Nanosleep(&pause, nil) // when a signal ends it, it begins again
			}
			l.late[i] = time.Since(start.Add(time.Duration(i) * l.every))
			due <- i
		}
	}()
	var failed failures
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			var c connection
			defer c.close()
			for i := range due {
				at := start.Add(time.Duration(i) * l.every)
				if err := c.ask(l.address, l.request); err != nil {
					failed.add(err)
					c.close()
				}
				l.took[i] = time.Since(at)
			}
		})
	}
	senders.Wait()
	return &failed, time.Since(start)
}

// connection is one to the server, which is opened when it is needed.
type connection struct {
	to   net.Conn
	from *bufio.Reader
}

func (c *connection) close() {
	if c.to != nil {
		c.to.Close()
		c.to = nil
	}
}

// ask sends a request and reads the answer, which must be 200.
func (c *connection) ask(address string, request []byte) error {
	if c.to == nil {
		to, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		c.to, c.from = to, bufio.NewReader(to)
	}
	if _, err := c.to.Write(request); err != nil {
		return err
	}
	status, err := c.from.ReadSlice('\n')
	if err != nil {
		return err
	}
	ok := bytes.HasPrefix(status, []byte("HTTP/1.1 200 "))
	said := ""
	if !ok {
		said = strings.TrimSpace(string(status))
	}
	length, last := -1, false
	for {
		line, err := c.from.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	if length < 0 {
		return fmt.Errorf("%s: found no Content-Length", said)
	}
	if _, err := c.from.Discard(length); err != nil {
		return err
	}
	if last {
		c.close()
	}
	if !ok {
		return errors.New(said)
	}
	return nil
}
