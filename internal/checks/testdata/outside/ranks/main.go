// Command ranks trains one net on two ranks that exchange bytes over a TCP connection, as two machines would, and compares
// it with what one rank trains.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"sync"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// pair is one of two ranks, and its connection to the other.
type pair struct {
	rank int
	conn net.Conn
}

func (p pair) Rank() int { return p.rank }
func (p pair) Size() int { return 2 }

// swap writes out while it reads in: both ranks do, and neither waits for the other's reading.
func (p pair) swap(out, in []byte) error {
	written := make(chan error, 1)
	go func() {
		_, err := p.conn.Write(out)
		written <- err
	}()
	_, err := io.ReadFull(p.conn, in)
	return errors.Join(err, <-written)
}

func (p pair) AllToAll(send, recv [][]byte) error {
	copy(recv[p.rank], send[p.rank])
	return p.swap(send[1-p.rank], recv[1-p.rank])
}

func (p pair) AllGather(send []byte, recv [][]byte) error {
	copy(recv[p.rank], send)
	return p.swap(send, recv[1-p.rank])
}

func (p pair) Broadcast(data []byte, root int) error {
	if p.rank == root {
		return p.swap(data, nil)
	}
	return p.swap(nil, data)
}

// Abort closes the connection, so that the other rank's methods fail as well.
func (p pair) Abort(error) { p.conn.Close() }

// fit returns the weights after training on the ranks of comm, or on one if it is nil.
func fit(comm dist.Comm) ([]*tensor.Tensor, error) {
	data := points.Draw(400, random.New(1))
	m, err := model.New(model.MLP([]int{2}, []int{16}, data.Classes()), random.New(5))
	if err != nil {
		return nil, err
	}
	weights := nn.ParameterList(m.Net)
	for _, err := range train.Run(context.Background(), train.Config{
		Model: m, Epochs: 5, Comm: comm, Shards: 4,
		Train:     loader.New(data, loader.Options{BatchSize: 30}),
		Optimizer: optim.NewAdam(weights, 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return nil, err
		}
	}
	return weights, nil
}

func run(out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	var weights [2][]*tensor.Tensor
	var errs [2]error
	var wg sync.WaitGroup
	for rank, connect := range []func() (net.Conn, error){
		listener.Accept,
		func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) },
	} {
		wg.Go(func() {
			conn, err := connect()
			if err != nil {
				errs[rank] = err
				return
			}
			defer conn.Close()
			weights[rank], errs[rank] = fit(pair{rank, conn})
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	alone, err := fit(nil)
	if err != nil {
		return err
	}
	for rank := range weights {
		same := slices.EqualFunc(weights[rank], alone, func(p, q *tensor.Tensor) bool {
			return slices.Equal(tensor.Data[float32](p.Detach()), tensor.Data[float32](q.Detach()))
		})
		fmt.Fprintf(out, "rank %d has the weights of one rank: %v\n", rank, same)
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
