package train_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
)

// expect calls train.Expect for the configurations of all ranks.
func expect(ctx context.Context, configs []train.Config) ([]*train.Expectation, []error) {
	found, errs := make([]*train.Expectation, len(configs)), make([]error, len(configs))
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(len(configs)) {
		configs[rank].Comm = comm
		wg.Go(func() { found[rank], errs[rank] = train.Expect(ctx, configs[rank]) })
	}
	wg.Wait()
	return found, errs
}

func TestExpectLeavesTheBitsOfTheRun(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			alone := k.make(t)
			alone.Shards = k.shards
			if _, err := run(t.Context(), alone); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{2, 3} {
				configs := make([]train.Config, n)
				for rank := range configs {
					configs[rank] = k.make(t)
					configs[rank].Shards = k.shards
					configs[rank].OnGradients = func(*train.Gradients) error { return nil }
				}
				before := weights(configs[0])
				calls := 0
				configs[0].OnGradients = func(*train.Gradients) error { calls++; return nil }
				found, errs := expect(t.Context(), configs)
				if now := weights(configs[0]); now != before || calls > 0 {
					t.Errorf("found the weights %s and %d calls of OnGradients, %s and none expected", now, calls, before)
				}
				for rank, e := range found {
					switch {
					case errs[rank] != nil:
						t.Fatalf("%d ranks: rank %d: %v", n, rank, errs[rank])
					case *e != *found[0]:
						t.Errorf("rank %d found %+v, rank 0 %+v", rank, e, found[0])
					case e.Ranks != n || e.Shards != max(k.shards, 1) || !(e.Alone > 0 && e.Exchange >= 0 && e.Step >= e.Exchange && e.SpeedUp() > 0):
						t.Errorf("found %+v, positive times of %d ranks expected", e, n)
					}
				}
				for rank, r := range onRanks(t.Context(), n, func(rank int) train.Config { return configs[rank] }, nil) {
					if r.err != nil {
						t.Fatalf("%d ranks: rank %d: %v", n, rank, r.err)
					}
					if found, want := weights(r.config), weights(alone); found != want {
						t.Errorf("%d ranks: rank %d has the weights %s, %s expected", n, rank, found, want)
					}
				}
			}
		})
	}
}

func TestExpectOfOneRank(t *testing.T) {
	c := kinds["softmax"].make(t)
	c.Shards = 16
	if e, err := train.Expect(t.Context(), c); e != nil || err != nil {
		t.Errorf("found %+v, %v, nil expected", e, err)
	}
}

func TestExpectFailsOnAllRanks(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, k := range map[string]struct {
		ctx   context.Context
		spoil func(c *train.Config) // of rank 1
		want  string
	}{
		"a sample": {t.Context(), func(c *train.Config) {
			c.Train = loader.New(lacking{c.Train.(*loader.Loader).Dataset().(lacking).Dataset, 26}, loader.Options{BatchSize: 75})
		}, "rank 1: x.jpg: no such file"},
		"no data":  {t.Context(), func(c *train.Config) { c.Train = nil }, "rank 1: train: Train: found none, "},
		"a key":    {t.Context(), func(c *train.Config) { c.Key = random.New(10) }, "rank 1: found the key "},
		"canceled": {canceled, func(*train.Config) {}, "context canceled"},
	} {
		configs := make([]train.Config, 3)
		for rank := range configs {
			c := kinds["softmax"].make(t)
			c.Train = loader.New(lacking{c.Train.(*loader.Loader).Dataset(), -1}, loader.Options{BatchSize: 75})
			if c.Shards = 3; rank == 1 {
				k.spoil(&c)
			}
			configs[rank] = c
		}
		_, errs := expect(k.ctx, configs)
		for rank, err := range errs {
			if err == nil || !strings.HasPrefix(err.Error(), k.want) || k.ctx == canceled && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: rank %d: found the error %v, %s expected", name, rank, err, k.want)
			}
		}
	}
}
