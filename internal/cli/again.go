package cli

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
)

// adopt sets what the command line leaves open to what the run of --config had. given are the
// flags and arguments on the command line. An optimizer, a model or an end that is given takes
// the place of the run's with all that went with it.
func (c *trainCommand) adopt(given map[string]bool) error {
	old, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	var with []string // settings that others on the command line bring along
	if given["optimizer"] && c.Optimizer != old.Settings.Optimizer {
		with = append(with, ofOptimizer...)
	}
	if given["model"] && c.Model != old.Settings.Model {
		with = append(with, "init")
	}
	if given["max-time"] || given["epochs"] {
		with = append(with, "max-time", "epochs")
	}
	c.adopted = map[string]bool{}
	to := reflect.ValueOf(&c.settings).Elem()
	for field, v := range reflect.ValueOf(old.Settings).Fields() {
		if flag := flagName(field); !given[flag] && !slices.Contains(with, flag) {
			to.FieldByIndex(field.Index).Set(v)
			c.adopted[flag] = true
		}
	}
	if !given["pretrained"] && !given["weights"] {
		c.weights = old.Weights
	}
	if !given["data"] && !given["data-dir"] {
		c.DataDir, c.expected = old.Data.Dir, &old.Data
		c.Data = old.where()
	}
	return nil
}

// checkExpected returns an error if data are not those of the run of --config, unless the
// command line says that they may be others.
func (c *trainCommand) checkExpected(r *trainRun) error {
	if c.expected == nil {
		return nil
	}
	if err := cmp.Or(c.expected.same(r.data), r.own.samePictures(*c.expected, folder(filepath.Dir(c.Config)).files())); err != nil {
		return fmt.Errorf("the data are not those of %s: %w", c.Config, err)
	}
	return nil
}
