package cli

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// recipes are settings that go well together, by name: --recipe sets those that are not
// zero here and not on the command line. They were chosen for Fashion-MNIST by the
// accuracy on a validation split.
var recipes = map[string]settings{
	"fast": {
		Model: "resnet", Epochs: 2, BatchSize: 128, Optimizer: "adamw", LR: 0.006, WeightDecay: 0.01, Schedule: "one-cycle",
		EMA: 0.99, Val: count(5000),
	},
	"best": {
		Model: "resnet", Epochs: 42, BatchSize: 128, Optimizer: "adamw", LR: 0.006, WeightDecay: 0.05, Schedule: "one-cycle",
		Augment: []string{"crop:1", "flip"}, LabelSmoothing: 0.1, EMA: 0.999, TTA: true, Val: count(5000),
	},
}

func recipeNames() []string { return slices.Sorted(maps.Keys(recipes)) }

// ofOptimizer are the flags of which an optimizer has its own usual values: one on the
// command line brings them along.
var ofOptimizer = []string{"lr", "momentum", "nesterov", "weight-decay"}

// follow sets what r sets, a recipe or advice, and the command line, given by the names of its
// flags, leaves open. It returns the names of the flags that are set by either.
func (s *settings) follow(r settings, given map[string]bool) (set map[string]bool) {
	set = maps.Clone(given)
	to := reflect.ValueOf(s).Elem()
	for field, v := range reflect.ValueOf(r).Fields() {
		flag := flagName(field)
		other := given["optimizer"] && s.Optimizer != r.Optimizer && slices.Contains(ofOptimizer, flag)
		timed := flag == "epochs" && s.MaxTime.Duration > 0
		if !v.IsZero() && !given[flag] && !other && !timed {
			to.FieldByIndex(field.Index).Set(v)
			set[flag] = true
		}
	}
	return set
}

// flagName returns the name of a setting's flag.
func flagName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return strings.ReplaceAll(name, "_", "-")
}

// duration is a time that is written as its flag takes it: 3m0s.
type duration struct{ time.Duration }

func (d duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *duration) UnmarshalText(text []byte) (err error) {
	if d.Duration, err = time.ParseDuration(string(text)); err != nil {
		return fmt.Errorf("found %q, a time as in 3m or 90s expected", text)
	}
	return nil
}
