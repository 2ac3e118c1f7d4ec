package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// pretrainedFlags say which net that was trained before is wanted.
type pretrainedFlags struct {
	Pretrained string `default:"" enum:",${nets}" placeholder:"NAME" help:"In place of a model: a net of torchvision's that was trained on ImageNet's thousand classes, such as resnet18 (onehot models lists them). Its weights are looked for in the user's cache folder."`
	Weights    string `default:"" placeholder:"v1|v2|FILE" help:"Weights for --pretrained: torchvision's first (default) or second ones, a file of safetensors or of torch.save, or a run's folder."`
	Download   bool   `help:"Fetch weights that are not in the cache folder."`
}

// netNames returns the names that --pretrained takes.
func netNames() (names []string) {
	for _, n := range zoo.Nets() {
		names = append(names, n.Name)
	}
	return names
}

// trainedNet is a net and the file of its weights.
type trainedNet struct {
	zoo.Net
	like   zoo.Weights // that pictures are prepared as for
	path   string
	run    *model.Model // of a run's folder; nil of a file
	sha256 string       // of the file, in hexadecimal
}

// versions are the values of --weights that name torchvision's.
var versions = []string{"", "v1", "v2"}

// findWeights returns the net of a name and the weights that which names: "" for the first ones,
// "v1", "v2", a file, or a run's folder. The error says where torchvision's can be had.
func findWeights(ctx context.Context, name, which string, download bool, remarks io.Writer) (p *trainedNet, err error) {
	p = &trainedNet{}
	if p.Net, err = zoo.Named(name); err != nil {
		return nil, usagef("--pretrained: %w", err)
	}
	p.like = p.Net.Weights()[0]
	if slices.Contains(versions, which) {
		err = p.findKnown(ctx, which, download, remarks)
	} else {
		err = p.findFile(which, remarks)
	}
	if err != nil {
		return nil, err
	}
	if p.sha256, err = hashFile(p.path); err != nil {
		return nil, err
	}
	if w, ok := p.Known(p.sha256); ok {
		p.like = w
	}
	return p, nil
}

// findKnown finds, or fetches, torchvision's weights of a version.
func (p *trainedNet) findKnown(ctx context.Context, version string, download bool, remarks io.Writer) error {
	all := p.Net.Weights()
	i := 0
	if version != "" {
		i = slices.IndexFunc(all, func(w zoo.Weights) bool { return w.Version == version })
	}
	if i < 0 {
		return usagef("--weights %s: torchvision has %s alone of %s: that, a file or a run's folder expected", version, all[0].Version, p.Name)
	}
	folder, err := zoo.Folder()
	if err != nil {
		return err
	}
	p.like = all[i]
	p.path, err = p.like.Find(folder)
	_, missing := errors.AsType[*zoo.MissingError](err)
	switch {
	case missing && !download:
		return fmt.Errorf("%w, or give --download", err)
	case missing:
		fmt.Fprintf(remarks, "fetching %s\n%s\n", p.like.URL(), zoo.Licence)
		shown := newBar(remarks)
		defer shown.clear()
		p.path, err = p.like.Download(ctx, folder, func(done, total int64) {
			if now := time.Now(); now.Sub(shown.said) >= shown.interval {
				shown.draw([]string{fmt.Sprintf("%s of %s", printable.Bytes(done), printable.Bytes(total))}, []int{0}, float64(done)/float64(max(total, 1)), now)
			}
		})
	}
	return err
}

// findFile finds the weights in a file, or of the best model in a run's folder.
func (p *trainedNet) findFile(path string, remarks io.Writer) error {
	info, err := os.Stat(path)
	if err != nil {
		return usagef("--weights %s: no such file or folder: v1, v2, a file of weights or a run's folder expected", path)
	}
	if p.path = path; !info.IsDir() {
		return nil
	}
	p.path = folder(path).current(remarks).best()
	if p.run, err = loadModel(path, remarks); err != nil {
		return fmt.Errorf("--weights %w", err)
	}
	for _, w := range p.Net.Weights() {
		if w.Preprocess().String() == p.run.Preprocess.String() {
			p.like = w
			return nil
		}
	}
	return fmt.Errorf("--weights %s: its model prepares pictures by %v, as weights of %s do expected: %v", path, p.run.Preprocess, p.Name, p.like.Preprocess())
}

// record returns what a run's config.json says of the weights.
func (p *trainedNet) record() *fileRecord {
	return &fileRecord{Name: filepath.Base(p.path), Path: p.path, SHA256: p.sha256}
}

// hashFile returns the SHA-256 of a file in hexadecimal.
func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// definition defines the net for classes.
func (p *trainedNet) definition(classes []string) model.Definition {
	d := p.Definition(classes)
	d.InputShape, d.Preprocess = []int{3, p.like.Crop, p.like.Crop}, p.like.Preprocess()
	return d
}

// build makes the net that d defines with the weights. The numbers of a new head, or of one for which
// there are no weights, are drawn. It also returns how many classes the weights are for, 0 if they have
// no head.
func (p *trainedNet) build(d model.Definition, newHead bool, key random.Key) (m *model.Model, classes int, err error) {
	costs, err := d.Costs()
	if err != nil {
		return nil, 0, err
	}
	if err := memory.Check(3*float64(nn.MemoryOf(costs, d.InputShape).State), p.path+": its weights, and a net of them"); err != nil {
		return nil, 0, err
	}
	state, err := p.state()
	if err != nil {
		return nil, 0, err
	}
	if m, err = model.Blank(d); err != nil {
		return nil, 0, err
	}
	loaded, err := zoo.Load(m.Net, state)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", p.path, err)
	}
	if newHead || loaded.Head != "" {
		path, head := zoo.Head(m.Net)
		drawn := nn.NewLinear(head.Weight.Size(1), head.Weight.Size(0), key.For(path).Rand()) // as model.New draws it
		head.Weight.Detach().CopyInPlace(drawn.Weight.Detach())
		head.Bias.Detach().CopyInPlace(drawn.Bias.Detach())
	}
	if loaded.Head != "" {
		return m, loaded.Classes, nil
	}
	return m, len(d.Classes), nil
}

// state returns the weights.
func (p *trainedNet) state() (map[string]*tensor.Tensor, error) {
	if p.run == nil {
		return zoo.ReadState(p.path)
	}
	state := map[string]*tensor.Tensor{}
	for name, v := range nn.StateDict(p.run.Net) {
		state[name] = v
	}
	return state, nil
}

// imageNet returns the net as it was trained, for ImageNet's classes.
func (p *trainedNet) imageNet() (*model.Model, error) {
	names := zoo.ImageNet()
	m, classes, err := p.build(p.definition(names), false, random.Key{})
	if err != nil {
		return nil, err
	}
	if classes != len(names) {
		return nil, fmt.Errorf("%s: found weights for %d classes, ImageNet's %d expected", p.path, classes, len(names))
	}
	nn.SetTraining(m.Net, false)
	return m, nil
}
